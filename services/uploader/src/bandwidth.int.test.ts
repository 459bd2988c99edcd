// Two uploaders as processes on a limited line: their bytes together, within a large object and over many small ones, follow the rate of the document that holds.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

/** Bits a second. */
const RATE = 8_000_000;
const EDGE = 1_024;
const INSTANCES = 4;

let uploaders: Uploaders;
before(async () => {
  uploaders = await startUploadersForTests();
});
after(() => uploaders?.close());

const destination = (more: object) => ({
  ...{ id: 'archive', kind: 'stow', url: uploaders.archive.url, images: 'as-received', concurrency: 2 },
  ...{ timeouts: { idle: '1s' }, retry: { first: '100ms' } },
  ...more,
});

/** Seconds until all of them are confirmed. */
async function deliver(count: number, edge: number): Promise<number> {
  const began = performance.now();
  const deliveries = await uploaders.makeDue(count, { destination: 'archive', facility: 'north', edge });
  await uploaders.until(() => deliveries.every(({ id }) => uploaders.confirmed().has(id)));
  return (performance.now() - began) / 1_000;
}

const attempts = (): number => uploaders.facts.filter(({ type }) => type === 'ledger.delivery.attempted').length;

describe('uploaders on a limited line', () => {
  it('two of them together send no faster than the rate, also when an object takes longer than the idle timeout', async () => {
    await uploaders.configure({ destinations: [destination({ bandwidth: [{ rate: `${RATE / 1e6}Mbit/s` }] })] });
    await Promise.all([uploaders.start(), uploaders.start()]);
    const seconds = await deliver(INSTANCES, EDGE);
    const megabits = (INSTANCES * EDGE * EDGE * 8) / 1e6;
    console.log(`${megabits.toFixed(1)} Mbit in ${seconds.toFixed(1)} s, ${RATE / 1e6} Mbit/s allowed`);
    // What is kept for a start (a quarter of a second, in each process) is the only thing that goes faster.
    assert.ok(megabits * 1e6 <= RATE * (seconds + 0.5), `${seconds} s`);
    assert.equal(attempts(), 0, 'an upload was cut');
  });

  it('a facility has its own rate over all destinations, and a document without limits frees what is under way', async () => {
    const facilities = [{ id: 'north', match: [{}], destinations: ['archive'], quota: { bandwidth: '100kbit/s' } }];
    await uploaders.configure({ facilities, destinations: [destination({ concurrency: 4 })] });
    const deliveries = await uploaders.makeDue(1, { destination: 'archive', facility: 'north', edge: 2 * EDGE });
    await uploaders.until(async () => (await uploaders.bus.queued('DELIVERIES', 'delivery.due.>')) === 1);
    const others = await uploaders.makeDue(2, { destination: 'archive', facility: 'south', edge: 64 });
    await uploaders.until(() => others.every(({ id }) => uploaders.confirmed().has(id)));
    assert.equal(uploaders.confirmed().has(deliveries[0]!.id), false, '4 MB would take five minutes');
    await uploaders.configure({ destinations: [destination({ concurrency: 4 })] });
    await uploaders.until(() => uploaders.confirmed().has(deliveries[0]!.id));
    assert.equal(attempts(), 0, 'it was begun anew');
  });
});
