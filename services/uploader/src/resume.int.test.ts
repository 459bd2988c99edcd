// An uploader killed while it marks the deliveries of a batch whose answer it has read: what was marked is not sent again, the rest is, once, and nothing is lost.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { dueOf } from './deliveries-for-tests.ts';
import { recordKey } from './delivery-records.ts';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

const BATCH = 50;

describe('a kill in the middle of a batch', () => {
  let uploaders: Uploaders;
  before(async () => {
    uploaders = await startUploadersForTests();
    await uploaders.configure({
      facilities: [{ id: 'standard', model: 'standard', match: [{}], destinations: ['resumed'] }],
      destinations: [{ id: 'resumed', kind: 'stow', url: uploaders.archive.url, concurrency: 1, batch: { instances: BATCH } }],
    });
  });
  after(() => uploaders.close());

  it('sends nothing again that was marked, and everything else', async () => {
    const bucket = await uploaders.bus.bucket('delivered');
    const marked = Promise.withResolvers<void>();
    let seen = 0;
    // The first request carries one instance, because it begins when the first delivery comes; the second one all others.
    await bucket.watch('*.resumed.*', () => {
      seen += 1;
      if (seen === 2) marked.resolve();
    });
    const deliveries = await uploaders.makeDue(BATCH, { destination: 'resumed' });
    const uploader = await uploaders.start();
    await marked.promise;
    await uploaders.end(uploader, 'SIGKILL');
    const marks = await Promise.all(deliveries.map((delivery) => bucket.get(recordKey(dueOf(delivery)))));
    const times = (): number[] => deliveries.map(({ instance }) => uploaders.archive.stored.get(instance.sopInstanceUid)?.length ?? 0);
    const before = times();
    assert.ok(
      before.every((count) => count === 1),
      'the archive had all of them',
    );
    await uploaders.start();
    await uploaders.until(() => uploaders.confirmed().size === BATCH);
    const again = times().map((count, place) => count - before[place]!);
    console.log(
      `${marks.filter(Boolean).length} of ${BATCH} were marked at the kill; ${again.filter((count) => count > 0).length} were sent again`,
    );
    for (const [place, mark] of marks.entries())
      assert.ok(mark === undefined ? times()[place]! >= 1 && again[place]! <= 1 : again[place] === 0, `${place}`);
    assert.ok(marks.filter(Boolean).length >= 2);
  });
});
