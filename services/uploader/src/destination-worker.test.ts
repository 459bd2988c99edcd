// One destination at work: how much is sent at a time, what a pause does to what waits, and what an end does.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TransientError } from '@causeway/shared/errors';
import type { Lane } from '@causeway/shared/events/instance';
import { Batcher } from './batcher.ts';
import type { FlowState } from './circuit-breaker.ts';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { Attempted, DueParcel } from './delivery-attempt.ts';
import { type Outcome, transient } from './delivery-outcome.ts';
import { DestinationWorker, type WaitingParcel } from './destination-worker.ts';
import { FakeClock } from './fake-clock-for-tests.ts';

const store = memoryStore();
const delivered: Outcome = { kind: 'delivered', confirmation: 'stow 200' };

function dueParcel(lane: Lane = 'routine'): DueParcel {
  const delivery = newDelivery(store, { lane, edge: 2 });
  const { size, sopInstanceUid } = delivery.instance;
  return { ...{ delivery, lane, size, sopInstanceUid, facility: 'none' }, alone: false, resend: false, lastTry: false };
}

/** A worker whose batches lie open until the test ends them. */
function newWorker(
  options: { concurrency?: number; instances?: number; ahead?: number; slots?: () => number; mayBegin?: (lane: Lane) => boolean } = {},
) {
  const clock = new FakeClock();
  const open: { batch: readonly DueParcel[]; end: (outcome: Outcome) => Promise<void> }[] = [];
  const seen: string[] = [];
  const flows: FlowState[] = [];
  const attempt = (batch: readonly DueParcel[]): Promise<Attempted[]> =>
    new Promise((resolve) => {
      const end = async (outcome: Outcome): Promise<void> => {
        open.splice(
          open.findIndex((other) => other.batch === batch),
          1,
        );
        resolve(batch.map(({ delivery }) => ({ outcome, ref: delivery.instance })));
        await settled();
      };
      open.push({ batch, end });
    });
  const worker = new DestinationWorker({
    slots: options.slots ?? (() => options.concurrency ?? 2),
    ...(options.mayBegin === undefined ? {} : { mayBegin: options.mayBegin }),
    settings: { retry: { first: 1000, factor: 2, max: 8000, giveUpAfter: 60_000 } },
    sender: {
      batch: { instances: options.instances ?? 3, size: 1_000_000 },
      ahead: options.ahead ?? 0,
      reset: () => void seen.push('reset'),
      close: async () => void seen.push('close'),
      abort: () => void seen.push('abort'),
    },
    waiting: new Batcher<WaitingParcel>(() => 1),
    metrics: {
      requestEnded: () => {},
      delivered: () => {},
      archived: () => {},
      coalesced: () => {},
      notDelivered: () => {},
      flow: () => {},
      remove: () => {},
    },
    random: () => 0,
    onFlow: (state) => void flows.push(state),
    ...{ attempt, clock },
  });
  return { worker, clock, open, seen, flows };
}

/** Everything that is ready to run has run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const sizes = (open: { batch: readonly DueParcel[] }[]): number[] => open.map(({ batch }) => batch.length);

describe('DestinationWorker', () => {
  it('runs no more than its concurrency at a time, and batches what came meanwhile', async () => {
    const { worker, open } = newWorker();
    const all = Promise.all(Array.from({ length: 6 }, () => worker.submit(dueParcel())));
    assert.deepEqual(sizes(open), [1, 1]);
    await open[0]!.end(delivered);
    assert.deepEqual(sizes(open), [1, 3]);
    await open[0]!.end(delivered);
    await open[0]!.end(delivered);
    await open[0]!.end(delivered);
    assert.deepEqual(sizes(open), []);
    assert.equal((await all).length, 6);
  });

  it('begins so many more as read ahead, but none while it probes or has no slot', async () => {
    let slots = 1;
    const { worker, open, clock } = newWorker({ slots: () => slots, instances: 1, ahead: 1 });
    const submitted = [0, 1, 2, 3].map(() => worker.submit(dueParcel()).catch((error: Error) => error));
    assert.equal(open.length, 2);
    await open[0]!.end({ kind: 'transient', reason: 'connect ECONNREFUSED', fault: 'down' });
    await open[0]!.end(delivered);
    assert.equal(open.length, 0);
    clock.advance(1000);
    for (let n = 0; n < 3; n++) void worker.submit(dueParcel()).catch(() => {});
    assert.equal(open.length, 1);
    await open[0]!.end(delivered);
    assert.equal(open.length, 2);
    slots = 0;
    await open[0]!.end(delivered);
    await open[0]!.end(delivered);
    assert.equal(open.length, 0);
    await Promise.all(submitted);
  });

  it('follows its share of the slots: what runs ends, what waits goes to others when there is none left', async () => {
    let slots = 2;
    const { worker, open } = newWorker({ slots: () => slots, instances: 1 });
    const parcels = Array.from({ length: 5 }, () =>
      worker.submit(dueParcel()).then(
        ({ outcome }) => outcome.kind,
        () => 'given back',
      ),
    );
    assert.equal(open.length, 2);
    slots = 3;
    worker.slotsChanged();
    assert.equal(open.length, 3);
    slots = 1;
    worker.slotsChanged();
    assert.equal(open.length, 3);
    await open[0]!.end(delivered);
    assert.equal(open.length, 2);
    slots = 0;
    worker.slotsChanged();
    await open[0]!.end(delivered);
    await open[0]!.end(delivered);
    assert.deepEqual((await Promise.all(parcels)).toSorted(), ['delivered', 'delivered', 'delivered', 'given back', 'given back']);
    await assert.rejects(worker.submit(dueParcel()), TransientError);
  });

  it('outside of its window gives back what waits and what comes, but for stat; what is under way ends', async () => {
    let isOpen = true;
    const { worker, open } = newWorker({ concurrency: 1, instances: 1, mayBegin: (lane) => isOpen || lane === 'stat' });
    const submit = (lane: Lane) =>
      worker.submit(dueParcel(lane)).then(
        ({ outcome }) => outcome.kind,
        (error: TransientError) => error.message,
      );
    const [running, waiting, prior, stat] = (['routine', 'routine', 'prior', 'stat'] as const).map(submit);
    isOpen = false;
    worker.windowChanged();
    for (const given of [await waiting, await prior, await submit('routine')]) assert.match(given!, /outside of the window/);
    await open[0]!.end(delivered);
    assert.deepEqual(
      open.map(({ batch }) => batch[0]!.lane),
      ['stat'],
    );
    await open[0]!.end(delivered);
    assert.deepEqual([await running, await stat], ['delivered', 'delivered']);
    isOpen = true;
    worker.windowChanged();
    const again = submit('prior');
    await open[0]!.end(delivered);
    assert.equal(await again, 'delivered');
  });

  it('sends stat first, whatever came before it', async () => {
    const { worker, open } = newWorker({ concurrency: 1 });
    for (const lane of ['prior', 'prior', 'routine', 'stat'] as const) void worker.submit(dueParcel(lane));
    const order: string[] = [];
    while (open.length > 0) {
      order.push(open[0]!.batch.map(({ lane }) => lane).join());
      await open[0]!.end(delivered);
    }
    assert.deepEqual(order, ['prior', 'stat', 'routine', 'prior']);
  });

  it('gives back what waits when the destination is down, with the delay until it is tried again', async () => {
    const { worker, open, seen, flows } = newWorker({ concurrency: 1 });
    const first = worker.submit(dueParcel());
    const waiting = worker.submit(dueParcel());
    const refusal = assert.rejects(waiting, (error) => error instanceof TransientError && error.retryAfterMs === 1000);
    await open[0]!.end(transient('refused', 'down'));
    await refusal;
    assert.equal((await first).outcome.kind, 'transient');
    assert.deepEqual([flows, seen], [['paused'], ['reset']]);
    await assert.rejects(worker.submit(dueParcel()), TransientError);
  });

  it('tries with one instance alone after the pause, and only then goes on with the others', async () => {
    const { worker, open, clock, flows } = newWorker();
    const first = worker.submit(dueParcel());
    await open[0]!.end(transient('refused', 'down'));
    await first;
    clock.advance(1000);
    const all = Promise.all(Array.from({ length: 5 }, () => worker.submit(dueParcel())));
    assert.deepEqual(sizes(open), [1]);
    await open[0]!.end(delivered);
    assert.deepEqual(sizes(open), [2, 2]);
    assert.deepEqual(flows, ['paused', 'probing', 'flowing']);
    while (open.length > 0) await open[0]!.end(delivered);
    await all;
  });

  it('goes on when an instance is refused for itself: the destination works', async () => {
    const { worker, open, flows } = newWorker({ concurrency: 1 });
    for (let n = 0; n < 5; n += 1) {
      void worker.submit(dueParcel());
      await open[0]!.end({ kind: 'permanent', reason: 'A900', because: 'instance' });
    }
    assert.deepEqual(flows, []);
  });

  it('gives back what waits at its end, lets the running ones finish, and releases the connections', async () => {
    const { worker, open, seen } = newWorker({ concurrency: 1 });
    const running = worker.submit(dueParcel());
    const waiting = worker.submit(dueParcel());
    const refusal = assert.rejects(waiting, TransientError);
    const stopped = worker.stop();
    await refusal;
    assert.deepEqual(seen, []);
    await open[0]!.end(delivered);
    await stopped;
    assert.equal((await running).outcome.kind, 'delivered');
    assert.deepEqual(seen, ['close']);
    await assert.rejects(worker.submit(dueParcel()), TransientError);
  });
});
