// A data set far larger than the memory it may take: a slow sink holds the peer back, on TCP (invariant "nothing is whole in memory").
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CT_IMAGE_STORAGE, startScp, TEST_IMPLEMENTATION } from './scp-for-tests.ts';
import { associate } from './scu.ts';

const MIB = 1024 * 1024;
const TOTAL = 200 * MIB;
/** Socket buffers of the kernel on both sides, the chunk in hand, and what the sender has corked. */
const MAX_IN_FLIGHT = 16 * MIB;

test('200 MiB through a sink that stops for every MiB never has more than a few MiB between sender and sink', async () => {
  let produced = 0;
  let consumed = 0;
  let largestGap = 0;
  let sinceStop = 0;
  await using scp = await startScp({
    storeRequested: () => ({
      write(chunk) {
        consumed += chunk.length;
        sinceStop += chunk.length;
        if (sinceStop < MIB) return undefined;
        sinceStop = 0;
        return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
      },
      end: async () => ({ status: 0 }),
      abort: () => assert.fail('aborted'),
    }),
  });
  async function* dataSet() {
    const chunk = Buffer.alloc(65_536, 1);
    for (; produced < TOTAL; produced += chunk.length) {
      largestGap = Math.max(largestGap, produced - consumed);
      yield chunk;
    }
  }
  const association = await associate({
    host: '127.0.0.1',
    port: scp.port,
    callingAe: 'TESTER',
    calledAe: 'GATEWAY',
    contexts: [{ id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: ['1.2.840.10008.1.2'] }],
    implementation: TEST_IMPLEMENTATION,
    timeouts: { connectMs: 5000, associateMs: 5000, responseMs: 30_000 },
  });
  const before = process.memoryUsage.rss();
  const status = await association.store({ contextId: 1, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid: '1.2', dataSet: dataSet() });
  const grown = process.memoryUsage.rss() - before;
  await association.release();
  assert.equal(status.status, 0);
  assert.equal(consumed, TOTAL);
  assert.ok(largestGap < MAX_IN_FLIGHT, `${largestGap} bytes were in flight`);
  assert.ok(grown < 100 * MIB, `resident memory grew by ${grown} bytes`);
});

test('a sink that never finishes a write stops the peer after what TCP can hold', async () => {
  let written = 0;
  const blocked = Promise.withResolvers<void>();
  await using scp = await startScp({
    storeRequested: () => ({
      write(chunk) {
        written += chunk.length;
        blocked.resolve();
        return new Promise(() => undefined);
      },
      end: async () => ({ status: 0 }),
      abort: () => undefined,
    }),
  });
  let produced = 0;
  const stalled = Promise.withResolvers<void>();
  let stallCheck: NodeJS.Timeout | undefined;
  async function* endless() {
    for (;;) {
      clearTimeout(stallCheck);
      stallCheck = setTimeout(() => stalled.resolve(), 100);
      produced += 65_536;
      yield Buffer.alloc(65_536);
    }
  }
  const association = await associate({
    host: '127.0.0.1',
    port: scp.port,
    callingAe: 'TESTER',
    calledAe: 'GATEWAY',
    contexts: [{ id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: ['1.2.840.10008.1.2'] }],
    implementation: TEST_IMPLEMENTATION,
    timeouts: { connectMs: 5000, associateMs: 5000, responseMs: 30_000 },
  });
  const storing = association.store({ contextId: 1, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid: '1.2', dataSet: endless() });
  await blocked.promise;
  await stalled.promise;
  assert.ok(produced < 2 * MAX_IN_FLIGHT, `${produced} bytes were taken from the source`);
  assert.ok(written <= 131_072, `${written} bytes were given to a sink that was busy`);
  association.abort();
  await assert.rejects(storing, /aborted by us/);
});
