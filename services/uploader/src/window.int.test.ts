// An uploader outside of the window of its destination: stat work goes, the rest stays queued untouched, and goes as soon as the document opens the window.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Delivery } from '@causeway/shared/events/delivery';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

let uploaders: Uploaders;
before(async () => {
  uploaders = await startUploadersForTests();
});
after(() => uploaders?.close());

const HALF_DAY = 12 * 3_600_000;
/** A minute of UTC far from now. */
const farAway = () => {
  const from = new Date(Date.now() + HALF_DAY).toISOString().slice(11, 16);
  const to = new Date(Date.now() + HALF_DAY + 60_000).toISOString().slice(11, 16);
  return [{ from, to }];
};
const documentOf = (window: object[], more: object[] = []) => ({
  gateway: { timeZone: 'UTC' },
  destinations: [
    { id: 'archive', kind: 'stow', url: uploaders.archive.url, images: 'as-received', window },
    { id: 'other', kind: 'stow', url: uploaders.archive.url, images: 'as-received' },
    ...more,
  ],
});
const isDone = (deliveries: readonly Delivery[]): boolean => deliveries.every(({ id }) => uploaders.confirmed().has(id));
const make = (lane: 'stat' | 'routine' | 'prior', destination = 'archive') =>
  uploaders.makeDue(5, { destination, facility: 'north', lane, edge: 8 });

describe('the window of a destination', () => {
  it('closed: only stat work is sent, nothing of the rest is told as tried or failed, and other destinations get theirs', async () => {
    await uploaders.configure(documentOf(farAway()));
    await uploaders.start();
    const [routine, prior] = [await make('routine'), await make('prior')];
    const [stat, others] = [await make('stat'), await make('routine', 'other')];
    await uploaders.until(() => isDone(stat) && isDone(others));
    // A message is acknowledged after its fact.
    await uploaders.until(async () => (await uploaders.bus.queued('DELIVERIES', 'delivery.due.archive.stat.>')) === 0);
    assert.equal(await uploaders.bus.queued('DELIVERIES', 'delivery.due.archive.>'), routine.length + prior.length);
    assert.deepEqual(
      new Set(uploaders.facts.map(({ type }) => type)),
      new Set(['ledger.destination.changed', 'ledger.delivery.confirmed']),
    );
    await uploaders.configure(documentOf([{}]));
    await uploaders.until(() => isDone(routine) && isDone(prior));
    await uploaders.until(async () => (await uploaders.bus.queued('DELIVERIES', 'delivery.due.>')) === 0);
  });

  it('closing while work is under way: what is begun ends, what only waits stays queued', async () => {
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    uploaders.archive.beforeAnswer = () => {
      begun.resolve();
      return gate.promise;
    };
    const work = await uploaders.makeDue(400, { destination: 'archive', facility: 'north', edge: 8 });
    await begun.promise;
    await uploaders.configure(documentOf(farAway(), [{ id: 'new', kind: 'stow', url: uploaders.archive.url }]));
    await uploaders.until(() => uploaders.facts.some((each) => each.type === 'ledger.destination.changed' && each.destination === 'new'));
    const stat = await make('stat');
    gate.resolve();
    await uploaders.until(() => isDone(stat));
    const left = await uploaders.bus.queued('DELIVERIES', 'delivery.due.archive.routine.north');
    console.log(`${left} of ${work.length} stay queued`);
    assert.ok(left > 0, 'everything was sent');
    await uploaders.configure(documentOf([]));
    await uploaders.until(() => isDone(work));
  });
});
