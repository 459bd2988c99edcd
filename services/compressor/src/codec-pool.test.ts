// The pool's promises: exact pixels, a dead or hung thread costs one frame, and what queues is served by priority.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { CodecFailure } from './codec-failure.ts';
import { CodecPool } from './codec-pool.ts';
import { FrameNotSuitable } from './codec-samples.ts';
import type { FrameTask } from './codec-worker.ts';
import type { FrameFormat } from './frame-format.ts';

const format: FrameFormat = {
  rows: 8,
  columns: 8,
  samplesPerPixel: 1,
  bitsAllocated: 16,
  bitsStored: 12,
  signed: false,
  planarConfiguration: 0,
};
const frameOf = (cell: number): Uint8Array<ArrayBuffer> => new Uint8Array(new Uint16Array(64).fill(cell).buffer);
const taskOf = (cell: number): FrameTask => ({ syntax: 'htj2k-lossless', format, pixels: frameOf(cell) });

/** A thread's program that does what the first pixel cell says. */
const program = (body: string): URL =>
  new URL(`data:text/javascript,${encodeURIComponent(`import { parentPort } from 'node:worker_threads';${body}`)}`);
const answering = `
  const answer = (task) => parentPort.postMessage({ kind: 'encoded', memoryBytes: 0,
    frame: { codestream: task.pixels.slice(0, 1), encodeMs: 0, proofMs: 0 } });`;
const obeying = program(`${answering}
  parentPort.on('message', (task) => {
    const order = task.pixels[0];
    if (order === 1) for (;;);
    if (order === 2) process.exit(3);
    if (order === 3) throw new Error('thread crashed');
    if (order === 4) return parentPort.postMessage({ kind: 'failed', reason: 'memory access out of bounds' });
    answer(task);
  });`);

const pools: CodecPool[] = [];
const poolOf = (options: ConstructorParameters<typeof CodecPool>[0]): CodecPool => {
  const pool = new CodecPool(options);
  pools.push(pool);
  return pool;
};
after(() => Promise.all(pools.map((pool) => pool.close())));

describe('codec pool', () => {
  it('encodes frames with the real codecs in its threads', async () => {
    const pool = poolOf({ threads: 2 });
    const [htj2k, jpeg2000] = await Promise.all([
      pool.encode(taskOf(77), 1),
      pool.encode({ syntax: 'jpeg2000-lossless', format, pixels: frameOf(77) }, 1),
    ]);
    assert.equal(Buffer.from(htj2k.codestream.subarray(0, 4)).toString('hex'), 'ff4fff51');
    assert.equal(Buffer.from(jpeg2000.codestream.subarray(0, 4)).toString('hex'), 'ff4fff51');
    assert.equal(pool.threads, 2);
  });

  it('keeps the thread after a frame that is only not suitable', async () => {
    const pool = poolOf({ threads: 1 });
    await assert.rejects(pool.encode(taskOf(0x1fff), 1), FrameNotSuitable);
    assert.equal(pool.threads, 1);
  });

  it('ends a thread that hangs at the time limit and serves the next frame with a new one', async () => {
    let limitMs = 150;
    const pool = poolOf({ threads: 1, program: obeying, timeLimitMs: () => limitMs });
    await assert.rejects(pool.encode(taskOf(1), 1), (error) => error instanceof CodecFailure && /within 150 ms/.test(error.message));
    assert.equal(pool.threads, 0);
    limitMs = 10_000;
    assert.equal((await pool.encode(taskOf(9), 1)).codestream[0], 9);
    assert.equal(pool.threads, 1);
  });

  for (const [order, what] of [
    [2, 'exits'],
    [3, 'throws'],
    [4, 'reports a codec failure'],
  ] as const) {
    it(`replaces a thread that ${what}, and only that frame fails`, async () => {
      const pool = poolOf({ threads: 1, program: obeying });
      await assert.rejects(pool.encode(taskOf(order), 1), CodecFailure);
      assert.equal(pool.threads, 0);
      assert.equal((await pool.encode(taskOf(9), 1)).codestream[0], 9);
    });
  }

  it('fails frames and does not loop when its threads cannot start at all', async () => {
    const pool = poolOf({ threads: 1, program: program('throw new Error("no module")') });
    await assert.rejects(pool.encode(taskOf(9), 1), CodecFailure);
    assert.equal(pool.threads, 0);
  });

  it('replaces a thread whose WASM memory has grown beyond the limit', async () => {
    const pool = poolOf({ threads: 1, recycleAboveBytes: 1 });
    await pool.encode(taskOf(5), 1);
    assert.equal(pool.threads, 0);
  });

  it('serves a waiting stat frame before routine frames that asked earlier', async () => {
    const pool = poolOf({ threads: 1, program: program(`${answering} parentPort.on('message', answer);`) });
    const order: number[] = [];
    const ask = (cell: number, priority: number) => pool.encode(taskOf(cell), priority).then(() => order.push(cell));
    await Promise.all([ask(10, 1), ask(11, 1), ask(12, 2), ask(13, 1), ask(14, 0)]);
    assert.deepEqual(order, [10, 14, 11, 13, 12]);
  });

  it('runs at most as many frames at a time as their estimated memory allows', async () => {
    const pool = poolOf({ threads: 4, memoryBytes: 1, program: program(`${answering} parentPort.on('message', answer);`) });
    const most = { threads: 0 };
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        await pool.encode(taskOf(9), 1);
        most.threads = Math.max(most.threads, pool.threads);
      }),
    );
    assert.equal(most.threads, 1);
  });

  it('ends its threads and refuses frames after close', async () => {
    const pool = poolOf({ threads: 1, program: obeying });
    const hung = pool.encode(taskOf(1), 1);
    const failed = assert.rejects(hung, /ended with code/);
    while (pool.threads === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    await pool.close();
    await failed;
    assert.equal(pool.threads, 0);
    await assert.rejects(pool.encode(taskOf(9), 1), /shut down/);
  });
});
