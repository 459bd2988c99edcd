// A thousand destinations with three lanes: what they cost while there is no work, and when there is some for a few, and for all.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it, type TestContext } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { type Lane, lanes } from '@causeway/shared/events/instance';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

const DESTINATIONS = 1_000;
const MIB = 1024 ** 2;
/** Of the uploader while a few destinations have work: some 90 MiB are there before it serves anything (168 to 184 seen). */
const MOST_RESIDENT_BYTES = 300 * MIB;
/** With a request under way to each of a thousand destinations, and three queues of each (642 seen). */
const MOST_RESIDENT_BYTES_AT_WORK = 1024 * MIB;
const TICKS_PER_SECOND = 100;

const idOf = (n: number): string => `archive-${n}`;

describe('a thousand destinations', () => {
  let uploaders: Uploaders;
  let uploader: ChildProcess;
  let opsPort: number;

  before(async () => {
    uploaders = await startUploadersForTests();
    opsPort = await freePort();
    const url = uploaders.archive.url;
    const destinations = Array.from({ length: DESTINATIONS }, (_, n) => ({ id: idOf(n), kind: 'stow', url }));
    await uploaders.configure({ facilities: [{ id: 'north', model: 'standard', match: [{}], destinations: [idOf(0)] }], destinations });
    uploader = await uploaders.start({ CAUSEWAY_OPS_PORT: String(opsPort) });
    await uploaders.until(() => opened() === DESTINATIONS);
  });
  after(() => uploaders.close());

  const opened = (): number =>
    new Set(uploaders.facts.flatMap((one) => (one.type === 'ledger.destination.changed' ? [one.destination] : []))).size;

  async function queuesInUse(): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${opsPort}/metrics`)).text();
    return Number(/^causeway_uploader_queues(?:\{.*\})? (\d+)/m.exec(text)?.[1]);
  }

  async function deliver(destinations: readonly number[], on: readonly Lane[]): Promise<void> {
    const before = uploaders.confirmed().size;
    for (const n of destinations)
      for (const lane of on) await uploaders.makeDue(1, { destination: idOf(n), facility: 'north', lane, edge: 8 });
    await uploaders.until(() => uploaders.confirmed().size === before + destinations.length * on.length);
  }

  function resident(pid: number): number {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
  }
  function processorSeconds(pid: number): number {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  }

  /** Told, never judged: memory now, and the processor time of so many heartbeats (seconds). */
  async function tellCosts(t: TestContext, when: string): Promise<void> {
    const bucket = await uploaders.bus.bucket('replicas-uploader');
    let beats = 0;
    const watch = await bucket.watch('beat.*', () => void beats++);
    const pids = { uploader: uploader.pid!, broker: uploaders.nats.pid };
    const before = { uploader: processorSeconds(pids.uploader), broker: processorSeconds(pids.broker) };
    const from = performance.now();
    await uploaders.until(() => beats > 20);
    watch.stop();
    const seconds = (performance.now() - from) / 1000;
    for (const [name, pid] of Object.entries(pids)) {
      const share = (100 * (processorSeconds(pid) - before[name as keyof typeof before])) / seconds;
      t.diagnostic(`${when}: ${name} ${share.toFixed(1)} % of a processor, ${(resident(pid) / MIB).toFixed(0)} MiB resident`);
    }
  }

  it('have no consumer without work', async (t) => {
    await tellCosts(t, 'idle');
    assert.equal(await queuesInUse(), 0);
    assert.ok(resident(uploader.pid!) < MOST_RESIDENT_BYTES, `${resident(uploader.pid!)} bytes resident`);
  });

  it('have as many as there are lanes and facilities with work', async (t) => {
    const few = [1, 99, 500, 998];
    const begin = performance.now();
    await deliver(few.slice(0, 1), ['stat']);
    t.diagnostic(`first delivery of a destination: ${(performance.now() - begin).toFixed(0)} ms from publication to the confirmed fact`);
    await deliver(few, ['routine']);
    assert.equal(await queuesInUse(), few.length + 1);
    await tellCosts(t, 'five queues');
  });

  it('may all have work at once', async (t) => {
    const gate = Promise.withResolvers<void>();
    uploaders.archive.beforeAnswer = () => gate.promise;
    const confirmed = uploaders.confirmed().size;
    const all = Array.from({ length: DESTINATIONS }, (_, n) => n);
    for (const n of all)
      await Promise.all(lanes.map((lane) => uploaders.makeDue(1, { destination: idOf(n), facility: 'north', lane, edge: 8 })));
    await uploaders.until(async () => (await queuesInUse()) === DESTINATIONS * lanes.length);
    gate.resolve();
    await uploaders.until(() => uploaders.confirmed().size === confirmed + DESTINATIONS * lanes.length);
    await tellCosts(t, 'all queues open');
    assert.ok(resident(uploader.pid!) < MOST_RESIDENT_BYTES_AT_WORK, `${resident(uploader.pid!)} bytes resident`);
    await uploaders.until(async () => (await uploaders.bus.queued('DELIVERIES', 'delivery.due.>')) === 0);
  });
});
