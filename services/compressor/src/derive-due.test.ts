// The order of a delivery: made once, used again, and when it cannot be made the delivery goes on with the reason.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Bus, ConsumerPlan } from '@causeway/shared/bus/bus';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { PublicationUnknown, TransientError } from '@causeway/shared/errors';
import { type DeliveryDue, type DerivationDue, type DerivationProfile, deliveryDue } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type Fact, fact, type ParkReason } from '@causeway/shared/events/facts';
import type { Instance, ObjectRef } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { CodecPool } from './codec-pool.ts';
import { type DerivePartsDue, handleDerivationDue, type MadeObject, startDerivations } from './derive-due.ts';
import { deriveObject } from './derive-object.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, seededFrame } from './seeded-frames.ts';
import { dataSet, MemoryStore, pixelModule, receivedObject } from './synthetic-object.ts';

const pool = new CodecPool({ threads: 1 });
after(() => pool.close());
const format = grey({ bitsStored: 12 });
const pixels = seededFrame(format, { seed: 3, noise: 0.02 });

function setUp() {
  const store = new MemoryStore();
  const published: { event: DeliveryDue; messageId: string }[] = [];
  const facts: Fact[] = [];
  const plans: ConsumerPlan<DerivationDue>[] = [];
  const counted: string[] = [];
  const bus = {
    publishFact: async (told: Fact) => void facts.push(fact.parse(JSON.parse(JSON.stringify(told)))),
    consume: async (plan: ConsumerPlan<DerivationDue>) => {
      plans.push(plan);
      return { stop: async () => {} };
    },
  };
  const queues = {
    failing: false,
    full: undefined as ParkReason | undefined,
    publish: async (event: DeliveryDue, messageId: string) => {
      if (queues.failing) throw new PublicationUnknown('no answer');
      if (queues.full === undefined) published.push({ event: deliveryDue.parse(JSON.parse(JSON.stringify(event))), messageId });
      return queues.full;
    },
  };
  const parts: DerivePartsDue = {
    ...{ bus: bus as unknown as Bus, queues, store, pool, lookahead: 2, messagesPerLane: 3 },
    log: createLogger('test', 'silent'),
    instances: new PrioritySemaphore({ capacity: 3 }),
    frameMemory: new PrioritySemaphore({ capacity: 1 << 20 }),
    countDerivation: (profile, outcome) => void counted.push(`${profile} ${outcome}`),
  };
  const making = new Map<string, Promise<MadeObject>>();
  const handle = (event: DerivationDue, deliveryCount = 1) => handleDerivationDue(parts, { event, deliveryCount }, making);
  return {
    store,
    published,
    facts,
    plans,
    counted,
    queues,
    parts,
    handle,
    derived: () => [...store.objects.keys()].filter((key) => key.startsWith('derived/')),
  };
}

function orderOf(
  instance: Instance,
  profile: DerivationProfile,
  { destination = 'pacs', coerced }: { destination?: string; coerced?: ObjectRef } = {},
): DerivationDue {
  const delivery = {
    id: `${instance.receiptId}.${destination}`,
    destination,
    facility: 'north',
    cause: { rule: 'r', revision: 1 },
    instance,
    coerced,
  };
  return { ...newEnvelope(2, 'north'), type: 'derivation.due', profile, delivery };
}

/** An instance as a modality sends it in JPEG 2000: what our own encoder makes of pixels that are known. */
async function compressedInstance(store: MemoryStore): Promise<Instance> {
  const { bytes, instance } = receivedObject(dataSet({ elements: pixelModule(format), pixels }));
  store.put(instance, bytes);
  const parts = { store, pool, frameMemory: new PrioritySemaphore({ capacity: 1 << 20 }), lookahead: 1 };
  const { object } = (await deriveObject(parts, { instance, syntax: 'jpeg2000-lossless', priority: 1 })) as { object: ObjectRef };
  const data = store.objects.get(object.objectKey)!;
  store.objects.clear();
  const received = receivedObject(data.subarray(parseFileMeta(data)!.dataSetOffset), { transferSyntaxUid: object.transferSyntaxUid });
  store.put(received.instance, received.bytes);
  return received.instance;
}

describe('an order for a derivation', () => {
  it('makes the object and lets the delivery go on with it, in its generation', async () => {
    const { store, published, handle, counted } = setUp();
    const instance = await compressedInstance(store);
    await handle({ ...orderOf(instance, 'uncompressed'), wasParked: true });
    const [{ event, messageId }] = published as [(typeof published)[0]];
    assert.equal(event.wasParked, true, 'whether it was parked before goes with it');
    const { profile, object } = event.delivery.derivation!;
    assert.deepEqual([profile, event.generation, event.delivery.id], ['uncompressed', 2, `${instance.receiptId}.pacs`]);
    assert.equal(messageId, `${instance.receiptId}.pacs.2.derived`);
    assert.equal(object!.transferSyntaxUid, '1.2.840.10008.1.2.1');
    assert.ok(store.objects.get(object!.objectKey)!.subarray(-pixels.length).equals(pixels));
    assert.equal(store.objects.get(object!.objectKey)!.length, object!.size);
    assert.deepEqual(counted, ['uncompressed made']);
  });

  it('is done once for all destinations, side by side or later', async () => {
    const { store, published, handle, counted, derived } = setUp();
    const instance = await compressedInstance(store);
    await Promise.all([
      handle(orderOf(instance, 'uncompressed', { destination: 'a' })),
      handle(orderOf(instance, 'uncompressed', { destination: 'b' })),
    ]);
    await handle(orderOf(instance, 'uncompressed', { destination: 'c' }));
    assert.equal(derived().length, 1);
    assert.equal(new Set(published.map(({ event }) => JSON.stringify(event.delivery.derivation))).size, 1);
    assert.deepEqual(counted.toSorted(), ['uncompressed made', 'uncompressed reused', 'uncompressed reused']);
  });

  it('is made from the coerced object where there is one, and not mixed up with what was made of another', async () => {
    const { store, published, handle, derived } = setUp();
    const instance = await compressedInstance(store);
    const coercedInstance = await compressedInstanceBeside(store);
    await handle(orderOf(instance, 'uncompressed', { destination: 'a' }));
    const { objectKey, size, digest, transferSyntaxUid } = coercedInstance;
    await handle(orderOf(instance, 'uncompressed', { destination: 'b', coerced: { objectKey, size, digest, transferSyntaxUid } }));
    assert.equal(derived().length, 2);
    const digests = published.map(({ event }) => event.delivery.derivation!.object!.digest);
    assert.notEqual(digests[0], digests[1]);
  });

  it('of explicit VR converts the data set and leaves the pixels alone', async () => {
    const { store, published, handle } = setUp();
    const data = dataSet({ elements: pixelModule(format), pixels, explicit: false });
    const { bytes, instance } = receivedObject(data, { transferSyntaxUid: '1.2.840.10008.1.2' });
    store.put(instance, bytes);
    await handle(orderOf(instance, 'explicit-little'));
    const { object } = published[0]!.event.delivery.derivation!;
    const made = store.objects.get(object!.objectKey)!;
    const expected = dataSet({ elements: pixelModule(format), pixels });
    assert.ok(made.subarray(parseFileMeta(made)!.dataSetOffset).equals(expected));
  });

  it('that cannot be done goes on with the reason, and leaves nothing behind', async () => {
    const { store, published, handle, counted, derived } = setUp();
    const { bytes, instance } = receivedObject(dataSet({ elements: [] }), { transferSyntaxUid: '1.2.840.10008.1.2.4.102' });
    store.put(instance, bytes);
    await handle(orderOf(instance, 'uncompressed'));
    assert.match(published[0]!.event.delivery.derivation!.reason!, /^there is no decoder for MPEG-4/);
    assert.deepEqual([derived(), counted], [[], ['uncompressed impossible']]);
  });

  it("whose object is gone goes on too: what becomes of the delivery is the uploader's to say", async () => {
    const { published, handle } = setUp();
    const { instance } = receivedObject(Buffer.alloc(0), { transferSyntaxUid: '1.2.840.10008.1.2.4.90' });
    await handle(orderOf(instance, 'uncompressed'));
    assert.match(published[0]!.event.delivery.derivation!.reason!, /is not in the store/);
  });

  it('whose object is damaged is read again a few times, and never made into a fresh digest', async () => {
    const { store, published, handle, derived } = setUp();
    const instance = await compressedInstance(store);
    const damaged = { ...instance, digest: '0'.repeat(64) };
    await assert.rejects(handle(orderOf(damaged, 'uncompressed'), 1), TransientError);
    assert.deepEqual([published, derived()], [[], []]);
    await handle(orderOf(damaged, 'uncompressed'), 5);
    assert.equal(published[0]!.event.delivery.derivation!.reason, 'the stored object is damaged');
  });

  it('is given up after five attempts that something hindered', async () => {
    const { store, published, handle } = setUp();
    const instance = await compressedInstance(store);
    store.get = async () => {
      throw new TransientError('the store is away');
    };
    await assert.rejects(handle(orderOf(instance, 'uncompressed'), 5), TransientError);
    await handle(orderOf(instance, 'uncompressed'), 6);
    assert.equal(published[0]!.event.delivery.derivation!.reason, 'given up after 5 attempts');
  });

  it('comes back when the delivery could not be published, and then finds its object', async () => {
    const { store, published, handle, queues, counted } = setUp();
    const instance = await compressedInstance(store);
    queues.failing = true;
    await assert.rejects(handle(orderOf(instance, 'uncompressed')), TransientError);
    queues.failing = false;
    await handle(orderOf(instance, 'uncompressed'), 2);
    assert.equal(published.length, 1);
    assert.deepEqual(counted, ['uncompressed made', 'uncompressed reused']);
  });

  it('that finds its queue full is parked with what was made, not before it was ordered, whatever clock the order is from', async () => {
    const { store, published, facts, handle, queues } = setUp();
    queues.full = 'destination-queue';
    const occurredAt = new Date(Date.now() + 3_600_000).toISOString();
    await handle({ ...orderOf(await compressedInstance(store), 'uncompressed'), occurredAt });
    assert.deepEqual(published, []);
    assert.equal(facts[0]!.occurredAt, occurredAt);
    const [told] = facts;
    assert.ok(
      told?.type === 'ledger.delivery.parked' && told.reason === 'destination-queue' && told.delivery.derivation?.object !== undefined,
    );
  });

  it('that is not of the schema goes on with the reason as long as it names a delivery', async () => {
    const { store, published, plans, parts } = setUp();
    await startDerivations(parts);
    assert.deepEqual(
      plans.map(({ filter }) => filter),
      ['stat', 'routine', 'prior'].map((lane) => `derivation.due.*.*.${lane}`),
    );
    const order = orderOf(await compressedInstance(store), 'uncompressed');
    await plans[0]!.onPermanent({ body: { ...order, version: 9 }, error: new Error('not of its schema') });
    await plans[0]!.onPermanent({ body: { nonsense: true }, error: new Error('not of its schema') });
    assert.deepEqual(
      published.map(({ event }) => event.delivery.derivation),
      [{ profile: 'uncompressed', reason: 'not of its schema' }],
    );
  });
});

/** Another compressed data set in the same store. */
async function compressedInstanceBeside(store: MemoryStore): Promise<Instance> {
  const other = new MemoryStore();
  const instance = await compressedInstance(other);
  const bytes = other.objects.get(instance.objectKey)!;
  const data = Buffer.from(bytes.subarray(parseFileMeta(bytes)!.dataSetOffset));
  // A private element in front: other bytes, the same image.
  const more = receivedObject(Buffer.concat([Buffer.from('080005004353000a49534f5f495220313030'.replace('000a', '0a00'), 'hex'), data]), {
    transferSyntaxUid: instance.transferSyntaxUid,
  });
  store.put(more.instance, more.bytes);
  return more.instance;
}
