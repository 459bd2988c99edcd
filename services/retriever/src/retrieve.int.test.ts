// The retriever against a real archive server: whole studies, cut answers, the cache, and refusals; every byte that is set in motion is compared.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { makeInstance, type TestInstance } from '@causeway/shared/dicomweb/instances-for-tests';
import { TransientError } from '@causeway/shared/errors';
import { deliveryDue } from '@causeway/shared/events/delivery';
import { fact } from '@causeway/shared/events/facts';
import type { Instance } from '@causeway/shared/events/instance';
import { changes, dueRetrieval, RetrieverUnderTest, type SandboxProcess, startSandboxProcess } from './retriever-for-tests.ts';

const HOUR_MS = 3_600_000;
const study = '1.2.3';
const instances = Array.from({ length: 7 }, (_, number) =>
  makeInstance({ study, series: `1.2.3.${number % 2}`, instance: `1.2.3.9.${number}`, pixelBytes: 20_000 + number, patientId: 'CANARY' }),
);
const digests = (all: readonly TestInstance[]) => all.map(({ sopInstanceUid, digest }) => `${sopInstanceUid} ${digest}`).sort();

let sandbox: SandboxProcess;
let retriever: RetrieverUnderTest;

before(async () => {
  sandbox = await startSandboxProcess();
  await sandbox.store(instances);
});
after(() => sandbox.stop());
beforeEach(async () => {
  await sandbox.order(undefined);
  retriever = await RetrieverUnderTest.start(sandbox.url);
});
afterEach(() => retriever.stop());

/** UID and digest of what each delivery really refers to, read from the store. */
async function delivered(destination = 'viewer'): Promise<string[]> {
  const due = retriever.bus.deliveries.filter((event) => event.delivery.destination === destination);
  return (
    await Promise.all(due.map(async ({ delivery }) => `${delivery.instance.sopInstanceUid} ${await storedDigest(delivery.instance)}`))
  ).sort();
}

async function storedDigest(instance: Instance): Promise<string> {
  const { meta, dataSetOffset } = await readFileMeta(await retriever.store.get(instance.objectKey));
  assert.equal(readCustodyMeta(meta)?.digest, instance.digest);
  const hash = createHash('sha256');
  for await (const chunk of await retriever.store.get(instance.objectKey, { start: dataSetOffset })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

const counts = () => {
  const { state, instances, fetched, fromCache } = changes(retriever.bus).at(-1)!;
  return { state, instances, fetched, fromCache };
};
const ids = () => retriever.bus.deliveries.map(({ delivery }) => delivery.id).sort();

describe('retrieve', () => {
  it('fetches a study in one answer and sets every instance in motion to every destination, byte for byte', async () => {
    await retriever.run(dueRetrieval(study, { destinations: ['viewer', 'pacs'], lane: 'stat' }));
    assert.deepEqual(await delivered('viewer'), digests(instances));
    assert.deepEqual(await delivered('pacs'), digests(instances));
    assert.deepEqual(counts(), { state: 'done', instances: 7, fetched: 7, fromCache: 0 });
    assert.deepEqual(
      changes(retriever.bus).map(({ state }) => state),
      ['fetching', 'done'],
    );
    assert.equal(retriever.asked.filter((path) => path === `/studies/${study}`).length, 1);
    assert.equal(retriever.asked.filter((path) => path.includes('/series/')).length, 0);
  });

  it('publishes events and facts of their schemas, with header attributes, cause and lane', async () => {
    await retriever.run(dueRetrieval(study, { lane: 'prior' }));
    for (const event of retriever.bus.deliveries) deliveryDue.parse(event);
    for (const told of retriever.bus.facts) fact.parse(told);
    assert.equal(retriever.bus.facts.filter(({ type }) => type === 'ledger.delivery.due').length, 7);
    const { delivery } = retriever.bus.deliveries[0]!;
    assert.deepEqual(delivery.cause, { rule: 'retrieval archive', revision: 3 });
    assert.equal(delivery.instance.lane, 'prior');
    assert.equal(delivery.instance.attributes.PatientID, 'CANARY');
    assert.equal(delivery.instance.attributes.PatientName, 'Müller^Jürg');
    assert.equal(delivery.instance.studyInstanceUid, study);
    assert.ok(!delivery.instance.objectKey.includes('1.2.3'));
  });

  it('serves the second request from the cache without asking the source, until it is too old', async () => {
    await retriever.run(dueRetrieval(study));
    retriever.asked.length = 0;
    retriever.bus.deliveries.length = 0;
    await retriever.run(dueRetrieval(study));
    assert.deepEqual(retriever.asked, []);
    assert.deepEqual(await delivered(), digests(instances));
    assert.deepEqual(counts(), { state: 'done', instances: 7, fetched: 0, fromCache: 7 });
    retriever.now = new Date(Date.now() + 5 * HOUR_MS);
    await retriever.run(dueRetrieval(study));
    assert.deepEqual(counts(), { state: 'done', instances: 7, fetched: 7, fromCache: 0 });
  });

  it('asks the source when an object of a complete study has gone, and fetches only that', async () => {
    await retriever.run(dueRetrieval(study));
    await retriever.store.delete(retriever.bus.deliveries[2]!.delivery.instance.objectKey);
    retriever.bus.deliveries.length = 0;
    await retriever.run(dueRetrieval(study));
    assert.deepEqual(await delivered(), digests(instances));
    assert.deepEqual(counts(), { state: 'done', instances: 7, fetched: 1, fromCache: 6 });
  });

  it('takes a cut answer up where it ended: what was whole is not fetched again and not delivered under another id', async () => {
    const due = dueRetrieval(study);
    await sandbox.order({ mode: 'cut', target: 'wado', afterBytes: 75_000, times: 1 });
    await assert.rejects(retriever.run(due), TransientError);
    const before = retriever.bus.deliveries.length;
    assert.ok(before > 0 && before < 7, `${before} were whole`);
    assert.equal(changes(retriever.bus).at(-1)?.state, 'fetching');
    assert.match(changes(retriever.bus).at(-1)?.reason ?? '', /broke off/);
    retriever.asked.length = 0;
    await retriever.run(due);
    assert.deepEqual(counts(), { state: 'done', instances: 7, fetched: 7 - before, fromCache: before });
    assert.equal(retriever.asked.filter((path) => path.includes('/series/')).length, 7 - before);
    assert.equal(new Set(ids()).size, 7);
    assert.deepEqual([...new Set(await delivered())], digests(instances));
  });

  it('fetches a study once for two requests at the same time', async () => {
    const [first, second] = [dueRetrieval(study), dueRetrieval(study)];
    await Promise.all([retriever.run(first), retriever.run(second)]);
    assert.equal(retriever.asked.filter((path) => path === `/studies/${study}`).length, 1);
    assert.equal(new Set(ids()).size, 14);
  });

  it('gives the study back when the archive is unavailable, honouring Retry-After, and when it wants other credentials', async () => {
    await sandbox.order({ mode: 'status', target: 'qido', status: 503, retryAfter: 7 });
    await assert.rejects(
      retriever.run(dueRetrieval(study)),
      (error: unknown) => error instanceof TransientError && error.retryAfterMs === 7000,
    );
    await sandbox.order({ mode: 'status', target: 'wado', status: 401 });
    await assert.rejects(
      retriever.run(dueRetrieval(study)),
      (error: unknown) => error instanceof TransientError && error.retryAfterMs === 60_000,
    );
    assert.deepEqual(retriever.bus.deliveries, []);
  });

  it('gives up after a day, and tells why', async () => {
    await sandbox.order({ mode: 'status', target: 'qido', status: 500 });
    const due = dueRetrieval(study);
    retriever.now = new Date(Date.parse(due.occurredAt) + 25 * HOUR_MS);
    await retriever.run(due);
    assert.equal(changes(retriever.bus).at(-1)?.state, 'failed');
    assert.match(changes(retriever.bus).at(-1)?.reason ?? '', /answered 500/);
  });

  it('fails for good when source, destination or study are unknown', async () => {
    await retriever.run(dueRetrieval(study, { source: 'elsewhere' }));
    await retriever.run(dueRetrieval(study, { destinations: ['viewer', 'nowhere'] }));
    await retriever.run(dueRetrieval('1.2.999'));
    const told = changes(retriever.bus);
    assert.deepEqual(
      told.map(({ state }) => state),
      ['failed', 'failed', 'failed'],
    );
    for (const [place, words] of ['no source elsewhere', 'no destination nowhere', 'no study 1.2.999'].entries()) {
      assert.ok(told[place]?.reason?.includes(words), told[place]?.reason);
    }
    assert.deepEqual(retriever.bus.deliveries, []);
  });

  it('fetches one by one when the source refuses the whole study, and names what it never gives', async () => {
    await sandbox.order({ mode: 'status', target: 'wado', status: 404, times: 2 });
    await retriever.run(dueRetrieval(study));
    assert.equal(retriever.bus.deliveries.length, 6);
    assert.equal(counts().state, 'failed');
    assert.match(changes(retriever.bus).at(-1)?.reason ?? '', /1 instances of the study did not come.*404/);
    await retriever.run(dueRetrieval(study));
    assert.deepEqual(counts(), { state: 'done', instances: 7, fetched: 1, fromCache: 6 });
  });

  it('gives the study back, with everything durable, when the broker does not take a delivery', async () => {
    retriever.bus.failWith = new TransientError('no acknowledgement');
    await assert.rejects(retriever.run(dueRetrieval(study)), /no acknowledgement/);
    retriever.bus.failWith = undefined;
    await retriever.run(dueRetrieval(study));
    assert.deepEqual(await delivered(), digests(instances));
  });

  it('gives the study back at once when the service drains', async () => {
    await sandbox.order({ mode: 'slow', target: 'wado', bytesPerSecond: 20_000 });
    const draining = new AbortController();
    const run = retriever.run(dueRetrieval(study), draining.signal);
    while (!retriever.asked.includes(`/studies/${study}`)) await new Promise((resolve) => setImmediate(resolve));
    draining.abort();
    await assert.rejects(run, TransientError);
  });
});
