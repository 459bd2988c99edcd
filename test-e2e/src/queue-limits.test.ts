// Limits of one destination, and its end, refuse nobody else's images: what finds no room is parked and comes back, what has no destination any more is shown and can be sent later.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { type ArchiveProcess, makeArchive } from './archive-process.ts';
import { arrivalsAt, untilArrived, untilArrivedUnchanged } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { startSending } from './persistent-sender.ts';
import type { AcceptedInstance } from './run-send.ts';
import { until } from './wait-for-fact.ts';

const LIMIT = 10;
const INSTANCES = 60;

interface Destination {
  readonly id: string;
  readonly kind: string | null;
  readonly queued: number;
  readonly parked: number;
  readonly open: number;
  readonly failed: number;
}

let gateway: GatewayUnderTest;
let client: ConsoleClient;
let away: ArchiveProcess;
let document: { facilities: object[]; destinations: object[] };
const sent: AcceptedInstance[] = [];

before(async () => {
  away = await makeArchive();
  const sandboxPort = await freePort();
  const shared = { kind: 'stow', images: 'as-received', retry: { first: '200ms', max: '1s' } };
  document = {
    facilities: [{ id: 'main', match: [{}], destinations: ['sandbox', 'away'] }],
    destinations: [
      { ...shared, id: 'sandbox', url: `http://127.0.0.1:${sandboxPort}/dicom-web` },
      { ...shared, id: 'away', url: away.url, queued: LIMIT },
    ],
  };
  gateway = await startGateway({ env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
  client = await signIn(gateway.pageUrl, gateway.firstPassword());
  await apply(document);
});
after(async () => {
  await gateway?.stop();
  await away?.stop();
});

async function apply(wanted: object): Promise<number> {
  const { status, body } = await client.send<{ revision: number }>('PUT', '/api/configuration', { document: wanted });
  assert.equal(status, 200, JSON.stringify(body));
  await until('every service has the document', async () => {
    const { services } = await client.get<{ services: Record<string, { revision?: number }> }>('/api/status');
    return Object.entries(services).every(([name, service]) => name === 'configuration' || service.revision === body.revision);
  });
  return body.revision;
}

async function destination(id: string): Promise<Destination> {
  const { destinations } = await client.get<{ destinations: Destination[] }>('/api/destinations');
  return destinations.find((one) => one.id === id) ?? { id, kind: null, queued: 0, parked: 0, open: 0, failed: 0 };
}

/** Sends a study; nothing of it may have been refused. It arrives at the archive that is there. */
async function send(instances: number): Promise<void> {
  const sending = startSending({ port: gateway.ports.dicom, instances });
  await sending.ended;
  assert.equal(sending.repeated(), 0, 'an instance was refused');
  assert.equal(sending.accepted().length, instances);
  sent.push(...sending.accepted());
  await arrive(gateway.sandboxUrl, sent);
}

async function arrive(url: string, instances: readonly AcceptedInstance[]): Promise<void> {
  // A message of a killed service comes back after 15 seconds, and a busy machine takes its time.
  const uids = instances.map(({ sopInstanceUid }) => sopInstanceUid);
  await untilArrived(url, uids, 180_000);
  await untilArrivedUnchanged(url, instances);
}

const noneLeft = (id: string): Promise<unknown> =>
  until(`nothing waits for ${id}`, async () => {
    const { queued, parked, open, failed } = await destination(id);
    return queued + parked + open + failed === 0;
  });

describe('a destination that is away', () => {
  it('has no more queued than its limit, the rest is parked; nothing is refused, and everything is at the other archive', async () => {
    await send(INSTANCES);
    const { queued, parked, open } = await until('every delivery is told', async () => {
      const told = await destination('away');
      return told.open + told.parked === INSTANCES && told.open <= LIMIT && told;
    });
    console.log(`${queued} queued, ${parked} parked, ${open} open`);
    assert.ok(queued <= LIMIT, `${queued} queued`);
  });

  it('has everything once it is back, also what was parked, over kills of router and ledger', async () => {
    await gateway.killService('ledger');
    const sending = send(INSTANCES);
    await gateway.killService('router');
    await sending;
    await away.start();
    await until('some of it arrived', async () => (await arrivalsAt(away.url)).length >= LIMIT);
    await gateway.killService('ledger');
    await arrive(away.url, sent);
    await noneLeft('away');
    const arrived = (await arrivalsAt(away.url)).length;
    console.log(`${sent.length} instances, ${arrived} arrivals`);
  });
});

describe('a destination that is taken out of the document while work is queued for it', () => {
  it('leaves no message behind; its deliveries are shown as failed with the revision, and a retry is answered in words', async () => {
    await away.stop();
    await send(2 * LIMIT);
    await until('its work is told', async () => {
      const { open, parked } = await destination('away');
      return open + parked === 2 * LIMIT;
    });
    const revision = await apply({
      facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
      destinations: document.destinations.slice(0, 1),
    });
    await until('its deliveries failed', async () => {
      const { queued, parked, open, failed } = await destination('away');
      return failed === 2 * LIMIT && queued + parked + open === 0;
    });
    const { deliveries } = await client.get<{ deliveries: { id: string; reason: string }[] }>('/api/deliveries?destination=away');
    assert.deepEqual(
      new Set(deliveries.map(({ reason }) => reason)),
      new Set([`destination away was removed from the configuration at revision ${revision}`]),
    );
    const { status, body } = await client.send<{ detail: string }>('POST', '/api/deliveries/retry', { destination: 'away' });
    assert.equal(status, 409);
    assert.match(body.detail, /There is no destination away in the gateway document/);
    await send(3);
  });

  it('gets everything by one retry when it is back', async () => {
    away = { ...(await makeArchive()) };
    const back = document.destinations.map((one) => ('queued' in one ? { ...one, url: away.url } : one));
    await away.start();
    await apply({ ...document, destinations: back });
    const { body } = await client.send<{ deliveries: number }>('POST', '/api/deliveries/retry', { destination: 'away' });
    assert.equal(body.deliveries, 2 * LIMIT);
    await arrive(away.url, sent.slice(2 * INSTANCES, 2 * INSTANCES + 2 * LIMIT));
    await noneLeft('away');
  });
});
