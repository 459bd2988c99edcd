// What /api/status tells: every service with the revision it works by, queues, what waits, destinations, disk.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, beforeEach, describe, test } from 'node:test';
import { receivedFact, routedFact, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import type { Held } from '@causeway/shared/events/facts';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';

const MIB = 1024 ** 2;
const DISK = { free: 3_000 * MIB, total: 100_000 * MIB };

const ops = createServer((_, response) => response.end(JSON.stringify({ service: 'router', ready: true, checks: {}, revision: 7 })));
let page: TestConsole;
before(async () => {
  await new Promise<void>((resolve) => ops.listen(0, '127.0.0.1', resolve));
  const services = { router: `http://127.0.0.1:${(ops.address() as AddressInfo).port}`, ledger: 'http://127.0.0.1:1' };
  page = await startTestConsole({ services, space: async () => DISK });
});
after(async () => {
  await page?.stop();
  ops.close().closeAllConnections();
});
beforeEach(() => page.clear());

describe('GET /api/status', () => {
  const status = async () => (await page.request('GET', '/api/status')).json();

  test('names each service, ready or not, with the revision that it works by', async () => {
    const { ready, services, revision } = await status();
    assert.deepEqual([ready, revision], [false, 1]);
    assert.deepEqual(services.router, { ready: true, revision: 7 });
    assert.equal(services.ledger.ready, false);
    assert.deepEqual(services.configuration, { ready: true });
  });

  test('tells what waits: in queues, behind the ledger, for a person, for a destination', async () => {
    const held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] } satisfies Held;
    await applyFacts(page.database, [receivedFact(sampleInstance(1, 1), 1), routedFact(sampleInstance(1, 2), 1, { held, to: ['cloud'] })]);
    page.bus.queues.set('READY', 12).set('FACTS ledger', 34).set('DELIVERIES delivery.due.cloud.>', 5);
    const { queues, ledger, work, destinations } = await status();
    assert.deepEqual(
      queues.map(({ stream, messages }: Record<string, unknown>) => [stream, messages]),
      [...['RECEIVED', 'READY', 'DERIVATIONS', 'DELIVERIES', 'RETRIEVALS', 'COMMITMENTS'].map((name) => [name, name === 'READY' ? 12 : 0])],
    );
    assert.deepEqual([ledger.factsBehind, work.held, work.open], [34, 1, 1]);
    assert.deepEqual(
      destinations.map(({ id, queued }: Record<string, unknown>) => [id, queued]),
      [
        ['cloud', 5],
        ['pacs', 0],
      ],
    );
  });

  test('tells the free space, and below which of it nothing is received any more', async () => {
    assert.deepEqual((await status()).disk, { ...DISK, refusedBelow: 5_000 * MIB, stage: 'refusing' });
  });
});

describe('GET /api/gateway', () => {
  test('says of each listener what a client must know: port, TLS, client certificate, PROXY protocol', async () => {
    const { listeners } = (await page.request('GET', '/api/gateway')).json();
    assert.deepEqual(listeners, [{ id: 'default', port: 4104, tls: false, proxyProtocol: false, clientCert: 'none' }]);
  });
});
