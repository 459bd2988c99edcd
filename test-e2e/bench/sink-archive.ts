// A STOW-RS archive as fast as it can be: reads every part to its end and keeps nothing.
// Started by the benchmark as a process of its own: node sink-archive.ts HOST PORT.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';

const [host, port] = process.argv.slice(2);

createServer((request, response) => void take(request, response).catch(() => response.destroy())).listen(Number(port), host);

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const uids: string[] = [];
  for await (const part of readMultipart(request, request.headers['content-type']!)) {
    uids.push((await readFileMeta(part.body)).meta.sopInstanceUid);
  }
  const stored = uids.map((uid) => ({ '00081155': { vr: 'UI', Value: [uid] } }));
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify({ '00081199': { vr: 'SQ', Value: stored } }));
}
