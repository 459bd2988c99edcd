// A service that hangs is restarted; one that answers, however slowly, is not.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { after, test } from 'node:test';
import { watchLiveness } from './liveness-watch.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

async function serve(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as { port: number }).port}/health/live`;
}

test('silence leads to a restart, answers do not', { timeout: 20_000 }, async () => {
  const stop = new AbortController();
  const restarted: string[] = [];
  let asked = 0;
  const hanging = await serve(() => {});
  const living = await serve((_request, response) => {
    asked++;
    response.end();
  });
  const service = (name: string, liveUrl: string) => ({ name, liveUrl, restart: async () => void restarted.push(name) });
  const services = [service('hanging', hanging), service('living', living)];
  const watched = watchLiveness({ services, say: () => {}, everyMs: 20, silentMs: 2_000 }, stop.signal);
  while (restarted.length < 1) await new Promise((resolve) => setTimeout(resolve, 10));
  stop.abort();
  await watched;
  assert.deepEqual(new Set(restarted), new Set(['hanging']));
  assert.ok(asked > 2);
});
