// A STOW-RS archive as fast as it can be: reads every part to its end, keeps nothing, and tells at /arrived how many
// different instances it was sent.
// Started by the benchmark as a process of its own: node sink-archive.ts HOST PORT.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';

const [host, port] = process.argv.slice(2);

const arrived = new Set<string>();

createServer((request, response) => {
  if (request.url === '/arrived') response.end(String(arrived.size));
  else void take(request, response).catch(() => response.destroy());
}).listen(Number(port), host);

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const uids: string[] = [];
  for await (const part of readMultipart(request, request.headers['content-type']!)) {
    uids.push((await readFileMeta(part.body)).meta.sopInstanceUid);
  }
  for (const uid of uids) arrived.add(uid);
  const stored = uids.map((uid) => ({ '00081155': { vr: 'UI', Value: [uid] } }));
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify({ '00081199': { vr: 'SQ', Value: stored } }));
}
