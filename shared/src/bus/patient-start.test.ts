// A service that starts while JetStream has no leader waits for one; once it runs, it is told at once.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger } from '../logger.ts';
import type { Bucket, Bus, Consumption } from './bus.ts';
import { patientStart } from './patient-start.ts';
import { RecordingBus } from './recording-bus-for-tests.ts';

const AWAY = new Error('JetStream system temporarily unavailable');
const consumption = {} as Consumption;

/** Refuses each question so many times before it answers. */
function busAwayFor(refusals: number): Bus & { asked: number } {
  const refuseFirst = async <T>(answer: T): Promise<T> => {
    away.asked++;
    if (away.asked <= refusals) throw AWAY;
    return answer;
  };
  const bucket = { watch: () => refuseFirst({ stop: () => {} }) } as unknown as Bucket;
  const away = Object.assign(new RecordingBus(), {
    asked: 0,
    consume: () => refuseFirst(consumption),
    bucket: async () => bucket,
  });
  return away as unknown as Bus & { asked: number };
}

const log = createLogger('test', 'fatal');
const start = (bus: Bus) => patientStart(bus, { log, wait: async () => {} });
const plan = { stream: 'RECEIVED', name: 'one' } as never;
const handler = async () => {};

describe('a service that starts', () => {
  it('asks again for consumers and watches that JetStream refuses, until they are there', async () => {
    const away = busAwayFor(3);
    assert.equal(await start(away).bus.consume(plan, handler), consumption);
    assert.equal(away.asked, 4);
    const watched = busAwayFor(2);
    await (await start(watched).bus.bucket('configuration')).watch('gateway', () => {});
    assert.equal(watched.asked, 3);
  });

  it('gives up in the end, with what was said last', async () => {
    const away = busAwayFor(Number.POSITIVE_INFINITY);
    await assert.rejects(start(away).bus.consume(plan, handler), AWAY);
    assert.ok(away.asked >= 30, `${away.asked} times`);
  });

  it('is told at once when it runs: who asks then has a way of its own to go on', async () => {
    const away = busAwayFor(1);
    const { bus, started } = start(away);
    started();
    await assert.rejects(bus.consume(plan, handler), AWAY);
    assert.equal(away.asked, 1);
  });

  it('has everything else of its bus as it is', async () => {
    const plain = new RecordingBus();
    const { bus } = start(plain);
    await bus.publish({ type: 'x' }, { subject: 'x', messageId: 'x' });
    assert.equal(plain.published.length, 1);
    assert.deepEqual(await bus.streams(), []);
  });
});
