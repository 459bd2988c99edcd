// A small STOW-RS archive that remembers what it got and can be told to be down.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';

export interface ArchiveForTests {
  readonly url: string;
  /** Data sets by SOP Instance UID, each time they came. */
  readonly stored: Map<string, Buffer[]>;
  /** Answered to every request while set, instead of storing. */
  refuseWith: number | undefined;
  /** Called before a request is answered. */
  beforeAnswer: () => Promise<void>;
  /** Stops listening and cuts what is open. */
  close(): Promise<void>;
  /** Listens again on the same port. */
  open(): Promise<void>;
}

export async function startArchive(port: number): Promise<ArchiveForTests> {
  const archive: ArchiveForTests = {
    url: `http://127.0.0.1:${port}/dicom-web`,
    stored: new Map(),
    refuseWith: undefined,
    beforeAnswer: async () => {},
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    open: async () => {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
    },
  };
  // A sender that was killed cuts its request: nothing of that part is stored.
  const server = createServer((request, response) => void take(archive, request, response).catch(() => response.destroy()));
  await archive.open();
  return archive;
}

async function take(archive: ArchiveForTests, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (archive.refuseWith !== undefined) {
    request.resume().on('end', () => response.writeHead(archive.refuseWith ?? 503).end());
    return;
  }
  const uids: string[] = [];
  for await (const part of readMultipart(request, request.headers['content-type']!)) {
    const file = Buffer.concat(await Array.fromAsync(part.body));
    const { meta, dataSetOffset } = parseFileMeta(file)!;
    const before = archive.stored.get(meta.sopInstanceUid) ?? [];
    archive.stored.set(meta.sopInstanceUid, [...before, file.subarray(dataSetOffset)]);
    uids.push(meta.sopInstanceUid);
  }
  await archive.beforeAnswer();
  const items = uids.map((uid) => ({ '00081155': { vr: 'UI', Value: [uid] } }));
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify({ '00081199': { vr: 'SQ', Value: items } }));
}
