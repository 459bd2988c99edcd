// PostgreSQL stopped under load: receiving, routing and uploading go on as before, and the ledger catches up until every count is that of what was sent. CAUSEWAY_SECONDS sets for how long
// (600: ten minutes).
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { arrivalsAt, untilArrivedUnchanged } from '../src/arrivals.ts';
import { type ConsoleClient, signIn } from '../src/console-client.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { lastingPort } from '../src/lasting-port.ts';
import { freeze } from '../src/process-tree.ts';
import { SteadyLoad } from '../src/steady-load.ts';
import { until } from '../src/wait-for-fact.ts';

const SECONDS = Number(process.env.CAUSEWAY_SECONDS ?? 20);
/** Of the times before and after, which it is compared with. */
const BESIDE_SECONDS = Math.min(SECONDS, 60);

let gateway: GatewayUnderTest;
let load: SteadyLoad | undefined;
before(async () => {
  const sandboxPort = await lastingPort();
  const sandbox = { id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'as-received' };
  gateway = await startGateway({
    config: { facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }], destinations: [sandbox] },
    env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) },
  });
});
after(async () => {
  await load?.stop();
  await gateway?.stop();
});

interface Rates {
  /** Instances a second that were answered 0000, and that came to the archive. */
  readonly accepted: number;
  readonly arrived: number;
}

async function ratesDuring(seconds: number): Promise<Rates> {
  const began = performance.now();
  const [accepted, arrived] = [load!.accepted.length, (await arrivalsAt(gateway.sandboxUrl)).length];
  await pause(seconds * 1_000);
  const arrivals = (await arrivalsAt(gateway.sandboxUrl)).length;
  const took = (performance.now() - began) / 1_000;
  return { accepted: (load!.accepted.length - accepted) / took, arrived: (arrivals - arrived) / took };
}

/** Of the ledger's metrics; undefined while it does not tell. */
async function ledgerMetric(name: string): Promise<number | undefined> {
  const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
  const text = await (await fetch(`http://127.0.0.1:${ports['ops-ledger']}/metrics`)).text();
  const found = new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

interface Day {
  readonly received: number;
  readonly delivered: number;
}

async function told(client: ConsoleClient): Promise<Day> {
  const { days } = await client.get<{ days: Day[] }>('/api/reconciliation');
  return days.reduce((sum, day) => ({ received: sum.received + day.received, delivered: sum.delivered + day.delivered }), {
    received: 0,
    delivered: 0,
  });
}

const inWords = ({ accepted, arrived }: Rates): string => `${accepted.toFixed(1)}/s accepted, ${arrived.toFixed(1)}/s arrived`;

test(`with PostgreSQL away for ${SECONDS} s images are received and delivered as before, and every count is right in the end`, async (t) => {
  const client = await signIn(gateway.pageUrl, gateway.firstPassword());
  load = new SteadyLoad({ port: gateway.ports.dicom, associations: 2, seed: 7, pauseMs: 50 });
  await until('the load is under way', async () => (await arrivalsAt(gateway.sandboxUrl)).length >= 50);
  const before = await ratesDuring(BESIDE_SECONDS);
  const thaw = freeze(gateway.pids().get('postgres')!);
  const away = await ratesDuring(SECONDS).finally(async () => {
    const behind = await ledgerMetric('causeway_ledger_lag');
    assert.ok(behind !== undefined && behind > SECONDS / 2, `the ledger says that it is ${behind} s behind`);
    thaw();
  });
  const thawed = performance.now();
  await until('the ledger has caught up', async () => ((await ledgerMetric('causeway_ledger_lag')) ?? Infinity) < 5, 600_000);
  const caughtUp = (performance.now() - thawed) / 1_000;
  const afterwards = await ratesDuring(BESIDE_SECONDS);
  await load.stop();
  await untilArrivedUnchanged(gateway.sandboxUrl, load.accepted);
  const count = load.accepted.length;
  await until(`${count} received and delivered`, async () => (await told(client)).delivered >= count, 300_000);
  t.diagnostic(
    `before: ${inWords(before)}; away: ${inWords(away)}; after: ${inWords(afterwards)}; caught up ${caughtUp.toFixed(0)} s after it was back; ${count} instances`,
  );
  assert.deepEqual(load.refused, [], 'refused while PostgreSQL was away');
  assert.deepEqual(await told(client), { received: count, delivered: count });
  assert.equal((await arrivalsAt(gateway.sandboxUrl)).length, count, 'delivered twice');
  const beside = { accepted: Math.min(before.accepted, afterwards.accepted), arrived: Math.min(before.arrived, afterwards.arrived) };
  // Half: two cores that others use too; a gateway that waited for its database would stand still.
  assert.ok(away.accepted > beside.accepted / 2 && away.arrived > beside.arrived / 2, 'slower without PostgreSQL');
});
