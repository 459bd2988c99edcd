// A small HTTP proxy before a DICOMweb archive: counts what is asked for, and can hold an answer back in its middle.
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';

export interface CountingProxy {
  /** Stands for the archive's own base URL. */
  readonly url: string;
  /** Requests so far: QIDO-RS searches, WADO-RS of whole studies, WADO-RS of single instances. */
  readonly counts: { readonly searches: number; readonly studies: number; readonly instances: number };
  /** The next answer with a whole study stops after so many bytes until `release`. */
  holdNextStudy(afterBytes: number): void;
  release(): void;
  close(): Promise<void>;
}

interface Hold {
  readonly afterBytes: number;
  readonly released: PromiseWithResolvers<void>;
}

type Kind = 'searches' | 'studies' | 'instances';

/** `target`: base URL of the archive's DICOMweb service. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  const counts = { searches: 0, studies: 0, instances: 0 };
  let next: Hold | undefined;
  let held: Hold | undefined;
  const server = createServer((asked, answer) => {
    const kind = kindOf(asked.url!);
    counts[kind]++;
    if (kind === 'studies' && next !== undefined) {
      held = next;
      next = undefined;
      return forward(asked, answer, { target, hold: held });
    }
    forward(asked, answer, { target });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${new URL(target).pathname}`;
  return {
    url,
    counts,
    holdNextStudy: (afterBytes) => {
      next = { afterBytes, released: Promise.withResolvers() };
    },
    release: () => held?.released.resolve(),
    close: async () => {
      held?.released.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function kindOf(path: string): Kind {
  if (/\/studies\/[0-9.]+$/.test(path)) return 'studies';
  return /\/instances\/[0-9.]+$/.test(path) ? 'instances' : 'searches';
}

function forward(asked: IncomingMessage, answer: ServerResponse, { target, hold }: { target: string; hold?: Hold }): void {
  const { method, headers } = asked;
  const outgoing = request(new URL(asked.url!, target), { method, headers }, (incoming) => {
    answer.writeHead(incoming.statusCode!, incoming.headers);
    // A client that was killed leaves the answer: nobody waits for it any more.
    pipeline(incoming, (body) => pass(body, hold), answer).catch(() => answer.destroy());
  });
  outgoing.on('error', () => answer.destroy());
  asked.pipe(outgoing);
}

async function* pass(body: AsyncIterable<Buffer>, hold: Hold | undefined): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of body) {
    if (hold !== undefined && bytes >= hold.afterBytes) await hold.released.promise;
    bytes += chunk.length;
    yield chunk;
  }
}
