// The broker's data lost wholly or in its last part, the database lost, and a crash between object and event: reconciliation delivers everything that was answered 0000, and
// announces nothing that is under way.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { arrivalsAt, untilArrivedUnchanged } from '../src/arrivals.ts';
import { signIn } from '../src/console-client.ts';
import { wholeObjects } from '../src/custody-audit.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { lastingPort } from '../src/lasting-port.ts';
import { freeze } from '../src/process-tree.ts';
import type { AcceptedInstance } from '../src/run-send.ts';
import { SteadyLoad } from '../src/steady-load.ts';
import { attachStrace } from '../src/strace.ts';
import { until } from '../src/wait-for-fact.ts';

/** So that a test need not wait ten minutes. Longer than any step takes here, redeliveries after a kill (15 s) included, where these are not to be judged. */
const SOON = { CAUSEWAY_GRACE_MS: '5000', CAUSEWAY_UPKEEP_MS: '2000' };
const AFTER_REDELIVERY = { CAUSEWAY_GRACE_MS: '25000', CAUSEWAY_UPKEEP_MS: '2000' };

let gateway: GatewayUnderTest;
let load: SteadyLoad | undefined;
let scratch: string;

beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'causeway-loss-'));
});
afterEach(async () => {
  await load?.stop();
  await gateway?.stop();
  await rm(scratch, { recursive: true, force: true });
  load = undefined;
});

async function start(timing: NodeJS.ProcessEnv): Promise<void> {
  const port = await lastingPort();
  gateway = await startGateway({
    config: {
      facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
      destinations: [
        {
          ...{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${port}/dicom-web`, images: 'as-received' },
          ...{ concurrency: 2, batch: { instances: 4 }, retry: { first: '1s', max: '5s' } },
        },
      ],
    },
    env: { ...timing, CAUSEWAY_SANDBOX_PORT: String(port) },
  });
}

function startLoad(seed: number): SteadyLoad {
  load = new SteadyLoad({ port: gateway.ports.dicom, associations: 4, seed, pauseMs: 30 });
  return load;
}

async function accepts(sending: SteadyLoad, more: number): Promise<void> {
  const before = sending.accepted.length;
  await until(`${more} more instances are accepted`, () => sending.accepted.length >= before + more);
}

const logOf = (service: string): string => readFileSync(join(gateway.dataFolder, 'log', `${service}.log`), 'utf8');
const setInMotion = (): number => logOf('ledger').split('an object that the ledger did not know is set in motion').length - 1;

interface StudyView {
  readonly receipts: number;
  readonly moving: number;
  readonly deliveries: Record<string, Record<string, number>>;
}

/** Receptions that the ledger knows, once all of them are confirmed. */
async function allConfirmed(atLeast: number): Promise<number> {
  // A new database has its first user when the console has made it.
  const client = await until('a sign-in', () => signIn(gateway.pageUrl, gateway.firstPassword()));
  return until(
    `${atLeast} receptions, all confirmed`,
    async () => {
      const { studies } = await client.get<{ studies: StudyView[] }>('/api/studies?limit=200');
      const sum = (value: (study: StudyView) => number): number => studies.reduce((total, study) => total + value(study), 0);
      const [receipts, confirmed] = [sum((one) => one.receipts), sum(({ deliveries }) => deliveries.sandbox?.confirmed ?? 0)];
      return receipts >= atLeast && confirmed === receipts && sum(({ moving }) => moving) === 0 && receipts;
    },
    120_000,
  );
}

/** Everything accepted is in the archive as it was sent; resolves with the number of arrivals. */
async function delivered(accepted: readonly AcceptedInstance[]): Promise<number> {
  await untilArrivedUnchanged(gateway.sandboxUrl, accepted);
  return (await arrivalsAt(gateway.sandboxUrl)).length;
}

describe('lost data', () => {
  it('of all of JetStream, with work under way: everything acknowledged is delivered', async () => {
    await start(SOON);
    const sending = startLoad(1);
    await accepts(sending, 100);
    await gateway.killAll();
    await sending.stop();
    await rm(join(gateway.dataFolder, 'nats'), { recursive: true });
    await gateway.start();
    await delivered(sending.accepted);
    const receipts = await allConfirmed(sending.accepted.length);
    const arrivals = await delivered(sending.accepted);
    console.log(
      `JetStream lost: ${sending.accepted.length} acknowledged, ${receipts} received, ${arrivals} arrivals, ${setInMotion()} unknown objects set in motion`,
    );
  });

  it("of JetStream's last part, by going back to an older copy of it: everything acknowledged is delivered", async () => {
    await start(AFTER_REDELIVERY);
    const sending = startLoad(2);
    await accepts(sending, 60);
    const copy = join(scratch, 'nats');
    const thaw = freeze(gateway.pids().get('nats-server')!);
    await cp(join(gateway.dataFolder, 'nats'), copy, { recursive: true });
    thaw();
    await accepts(sending, 100);
    await gateway.killAll();
    await sending.stop();
    await rm(join(gateway.dataFolder, 'nats'), { recursive: true });
    await cp(copy, join(gateway.dataFolder, 'nats'), { recursive: true });
    await gateway.start();
    await delivered(sending.accepted);
    const receipts = await allConfirmed(sending.accepted.length);
    const arrivals = await delivered(sending.accepted);
    console.log(
      `JetStream's last part lost: ${sending.accepted.length} acknowledged, ${receipts} received, ${arrivals} arrivals, ${setInMotion()} unknown objects set in motion`,
    );
  });

  it('of PostgreSQL: the facts that JetStream keeps are told again, and nothing is delivered twice', async () => {
    await start(SOON);
    const sending = startLoad(3);
    await accepts(sending, 100);
    await sending.stop();
    const receipts = await allConfirmed(sending.accepted.length);
    const before = (await arrivalsAt(gateway.sandboxUrl)).length;
    await gateway.interrupt();
    await rm(join(gateway.dataFolder, 'postgres'), { recursive: true });
    await gateway.start();
    assert.equal(await allConfirmed(receipts), receipts);
    // Rounds of reconciliation that have every object older than the grace age before them.
    const rounds = (): number => logOf('ledger').split('were told again').length - 1;
    await until('the facts were told again', () => rounds() > 0);
    const more = startLoad(4);
    await accepts(more, 200);
    await more.stop();
    const all = await allConfirmed(receipts + more.accepted.length);
    assert.equal((await arrivalsAt(gateway.sandboxUrl)).length, before + all - receipts, 'delivered twice');
    assert.equal(setInMotion(), 0);
    console.log(`PostgreSQL lost: ${receipts} receptions known again, 0 delivered twice`);
  });
});

describe('a crash between object and event', () => {
  it('leaves objects that nobody knows: they are set in motion, whole, and every one arrives', async () => {
    await start(SOON);
    const sending = startLoad(5);
    for (let crash = 1; crash <= 3; crash++) {
      await accepts(sending, 15);
      const pid = gateway.pids().get('receiver')!;
      // The directory is synced, and the process dies before it does anything else.
      const trace = await attachStrace(pid, { calls: 'fsync', inject: 'fsync:signal=SIGKILL:when=3' });
      await until('another receiver', () => (gateway.pids().get('receiver') ?? pid) !== pid);
      await trace.stop();
    }
    await accepts(sending, 15);
    await sending.stop();
    const store = await openFolderStore(join(gateway.dataFolder, 'objects'));
    const objects = [...(await wholeObjects(store)).values()];
    await store.close();
    await delivered(objects);
    assert.equal(await allConfirmed(objects.length), objects.length);
    console.log(
      `3 crashes: ${sending.accepted.length} acknowledged, ${objects.length} objects, ${setInMotion()} of them set in motion by reconciliation`,
    );
    assert.ok(setInMotion() > 0, 'no crash fell between object and event');
  });
});

describe('work under way', () => {
  it('for longer than the grace age is not announced again: each instance arrives once', async () => {
    await start(SOON);
    const thaw = freeze(gateway.pids().get('sandbox')!);
    const sending = startLoad(6);
    await accepts(sending, 100);
    await sending.stop();
    const client = await signIn(gateway.pageUrl, gateway.firstPassword());
    const postponed = async (): Promise<boolean> => {
      const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
      const metrics = await (await fetch(`http://127.0.0.1:${ports['ops-ledger']}/metrics`)).text();
      return /causeway_ledger_postponed_total\{[^}]*kind="deliveries"[^}]*\} [1-9]/.test(metrics);
    };
    await until('reconciliation met deliveries older than the grace age, and left them', postponed);
    thaw();
    const receipts = await allConfirmed(sending.accepted.length);
    assert.equal((await arrivalsAt(gateway.sandboxUrl)).length, receipts);
    assert.equal((await client.get<{ open: number }>('/api/work')).open, 0);
    assert.doesNotMatch(logOf('ledger'), /queued again|set in motion/);
    console.log(`${receipts} receptions waited for longer than the grace age: each arrived once`);
  });
});
