// A port for a server that is killed and started again: no outgoing connection can take it while the server is away.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what Linux gives out to outgoing connections (from 32768), and beside what the supervisor draws from (20000 to 32000). */
const FIRST = 12_000;
const LAST = 19_999;

export async function lastingPort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
