// Two uploaders, one destination: its concurrency holds for both together, and the slots of one that is killed are the other's.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

const CONCURRENCY = 3;

describe('two uploaders', () => {
  let uploaders: Uploaders;
  let beats: string[] = [];
  /** Of living replicas, so many heartbeats of each from now on: news have come round by then. */
  const untilBeats = (replicas: number, each: number): Promise<void> => {
    beats = [];
    return uploaders.until(() => {
      const counts = Map.groupBy(beats, (replica) => replica);
      return counts.size >= replicas && [...counts.values()].every(({ length }) => length >= each);
    });
  };

  before(async () => {
    uploaders = await startUploadersForTests();
    const bucket = await uploaders.bus.bucket('replicas-uploader');
    await bucket.watch('beat.*', (value) => void beats.push((JSON.parse(Buffer.from(value).toString()) as { replica: string }).replica));
    await uploaders.configure({
      facilities: [{ id: 'standard', model: 'standard', match: [{}], destinations: ['cloud'] }],
      destinations: [
        { id: 'cloud', kind: 'stow', url: uploaders.archive.url, concurrency: CONCURRENCY, batch: { instances: 1, size: '1MiB' } },
      ],
    });
  });
  after(() => uploaders.close());

  it('keep the concurrency of a destination together, and use all of it; after a kill the other alone does', async () => {
    const started: ChildProcess[] = [await uploaders.start(), await uploaders.start()];
    await untilBeats(2, 3);
    const { archive } = uploaders;
    let underWay = 0;
    let most = 0;
    let gate = Promise.withResolvers<void>();
    archive.beforeAnswer = async () => {
      most = Math.max(most, ++underWay);
      await gate.promise;
      underWay -= 1;
    };
    const deliveries = await uploaders.makeDue(60, { destination: 'cloud' });
    await uploaders.until(() => underWay === CONCURRENCY);
    // Whoever thought to have more slots would have used them by now.
    await untilBeats(2, 3);
    assert.equal(most, CONCURRENCY);
    gate.resolve();
    await uploaders.until(() => uploaders.confirmed().size === deliveries.length);
    assert.equal(most, CONCURRENCY);

    await uploaders.end(started[0]!, 'SIGKILL');
    gate = Promise.withResolvers<void>();
    const later = await uploaders.makeDue(20, { destination: 'cloud' });
    await uploaders.until(() => underWay === CONCURRENCY);
    await untilBeats(1, 2);
    assert.equal(most, CONCURRENCY);
    gate.resolve();
    await uploaders.until(() => uploaders.confirmed().size === deliveries.length + later.length);
    assert.equal(most, CONCURRENCY);
  });
});
