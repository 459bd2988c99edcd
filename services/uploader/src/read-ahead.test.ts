// The first chunk is read early, once; what the source fails with is known as the source's.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readAhead } from './read-ahead.ts';

const DAMAGED = new Error('damaged');

class CountingSource {
  reads = 0;
  ended = false;

  async *chunks(count: number, error?: Error): AsyncGenerator<Buffer> {
    try {
      for (let n = 0; n < count; n++) {
        this.reads += 1;
        yield Buffer.from([n]);
      }
      if (error !== undefined) throw error;
    } finally {
      this.ended = true;
    }
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('reading ahead', () => {
  it('reads one chunk before it is asked, and not a second', async () => {
    const source = new CountingSource();
    const ahead = readAhead(source.chunks(3));
    await turn();
    assert.equal(source.reads, 1);
    assert.deepEqual(Buffer.concat(await Array.fromAsync(ahead)), Buffer.from([0, 1, 2]));
    assert.equal(ahead.error, undefined);
  });

  it('tells a source that fails before its first chunk, and is no unhandled rejection when nobody asks', async () => {
    const ahead = readAhead(new CountingSource().chunks(0, DAMAGED));
    await turn();
    assert.equal(ahead.error, DAMAGED);
    assert.equal(await ahead.failsAtOnce(), DAMAGED);
    await assert.rejects(Array.fromAsync(ahead), DAMAGED);
  });

  it('does not take an empty source, or one that fails later, for one that fails at once', async () => {
    assert.equal(await readAhead(new CountingSource().chunks(0)).failsAtOnce(), undefined);
    const later = readAhead(new CountingSource().chunks(2, DAMAGED));
    assert.equal(await later.failsAtOnce(), undefined);
    await assert.rejects(Array.fromAsync(later), DAMAGED);
    assert.equal(later.error, DAMAGED);
  });

  it('ends the source when it is closed unread', async () => {
    const source = new CountingSource();
    readAhead(source.chunks(3)).close();
    await turn();
    assert.equal(source.ended, true);
  });
});
