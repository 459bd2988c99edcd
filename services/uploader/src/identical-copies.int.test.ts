// The same instances received several times while their archive is away, by one uploader and by two of which one is killed.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newReceiptId } from '@causeway/shared/brands';
import { type Delivery, deliveryIdOf } from '@causeway/shared/events/delivery';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

/** Beyond the margin for clocks. */
const AGE_MS = 60_000;

describe('instances received again before they were delivered', () => {
  let uploaders: Uploaders;
  before(async () => {
    uploaders = await startUploadersForTests();
    await uploaders.configure({
      facilities: [{ id: 'standard', model: 'standard', match: [{}], destinations: ['cloud'] }],
      destinations: [
        {
          id: 'cloud',
          kind: 'stow',
          url: uploaders.archive.url,
          concurrency: 2,
          batch: { instances: 5 },
          retry: { first: '200ms', max: '1s' },
        },
      ],
    });
  });
  after(() => uploaders.close());

  const publishCopy = async (delivery: Delivery, ageMs = AGE_MS): Promise<Delivery> => {
    const receiptId = newReceiptId();
    const copy = { ...delivery, id: deliveryIdOf(receiptId, 'cloud'), instance: { ...delivery.instance, receiptId } };
    await uploaders.publish(copy, ageMs);
    return copy;
  };
  const allConfirmed = (deliveries: readonly Delivery[]): boolean => {
    const confirmed = uploaders.confirmed();
    return deliveries.every(({ id }) => confirmed.has(id));
  };
  const times = ({ instance }: Delivery): number => uploaders.archive.stored.get(instance.sopInstanceUid)?.length ?? 0;

  it('are sent once, each delivery is confirmed and says with which; sent after that, they are really sent', async () => {
    await uploaders.archive.close();
    const uploader = await uploaders.start();
    const firsts = await uploaders.makeDue(20, { destination: 'cloud', ageMs: AGE_MS });
    const copies = await Promise.all([...firsts, ...firsts].map((delivery) => publishCopy(delivery)));
    await uploaders.until(() => uploaders.facts.some((each) => each.type === 'ledger.destination.changed' && each.state === 'paused'));
    await uploaders.archive.open();
    await uploaders.until(() => allConfirmed([...firsts, ...copies]));
    assert.deepEqual(
      firsts.map(times),
      firsts.map(() => 1),
    );
    const told = uploaders.facts.flatMap((each) => (each.type === 'ledger.delivery.confirmed' ? [each.confirmation] : []));
    assert.equal(new Set(told.filter((words) => /^with [0-9a-f-]{36}: stow 200$/.test(words))).size, 20, told.join('\n'));
    const repair = await publishCopy(firsts[0]!, 0);
    await uploaders.until(() => allConfirmed([repair]));
    assert.equal(times(firsts[0]!), 2);
    await uploaders.end(uploader, 'SIGTERM');
  });

  it('are all there after one of two uploaders was killed with the first ones in its hands', async () => {
    const one = await uploaders.start();
    const held = Promise.withResolvers<void>();
    const inFlight = Promise.withResolvers<void>();
    let answered = 0;
    uploaders.archive.beforeAnswer = async () => {
      answered += 1;
      if (answered === 2) inFlight.resolve();
      await held.promise;
    };
    const firsts = await uploaders.makeDue(30, { destination: 'cloud', ageMs: AGE_MS });
    const copies = await Promise.all(firsts.map((delivery) => publishCopy(delivery)));
    await inFlight.promise;
    await uploaders.start();
    await uploaders.end(one, 'SIGKILL');
    held.resolve();
    await uploaders.until(() => allConfirmed([...firsts, ...copies]));
    assert.ok(firsts.every((delivery) => times(delivery) >= 1));
    const sent = firsts.reduce((sum, delivery) => sum + times(delivery), 0);
    // Each process may send its own copy of what both had in hand, and what was in flight at the kill once more.
    assert.ok(sent <= 2 * firsts.length + 2 * 2 * 5, `${sent} arrivals`);
  });
});
