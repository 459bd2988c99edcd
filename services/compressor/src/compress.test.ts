// The story with a bus and a store that do as the test says: what is published when, and what happens when something fails.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Bus, ConsumerPlan, PublishOptions } from '@causeway/shared/bus/bus';
import { type GatewayDocument, parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { PermanentError, PublicationRefused, PublicationUnknown, TransientError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type Fact, fact } from '@causeway/shared/events/facts';
import { type Instance, type InstanceReady, type InstanceReceived, instanceReady } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { CodecPool } from './codec-pool.ts';
import { type CompressParts, handleReceived, startCompressor } from './compress.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, seededFrame } from './seeded-frames.ts';
import { dataSet, MemoryStore, pixelModule, receivedObject } from './synthetic-object.ts';

const pool = new CodecPool({ threads: 2 });
after(() => pool.close());

interface Publication extends PublishOptions {
  readonly event: InstanceReady;
}

const QUEUES = ['stat.north', 'routine.north', 'routine.south', 'prior.none'];

/** Remembers what is published, in order, and hands out the plans that were consumed by. */
class FakeBus implements Partial<Bus> {
  readonly log: string[] = [];
  readonly ready: Publication[] = [];
  readonly facts: Fact[] = [];
  readonly plans: ConsumerPlan<InstanceReceived>[] = [];
  readonly handlers: ((message: { event: InstanceReceived; deliveryCount: number }) => Promise<void>)[] = [];
  /** What lies in RECEIVED: each of these has a message. */
  subjects = async () => new Map(QUEUES.map((tail) => [`instance.received.${tail}`, 1]));
  onPublication = () => ({ stop: () => {} });
  idleConsumers = async () => [];
  removeIdleConsumer = async () => true;
  failPublish?: Error;
  failFact?: Error;

  async publish(event: object, options: PublishOptions): Promise<void> {
    if (this.failPublish) throw this.failPublish;
    this.log.push(options.subject);
    this.ready.push({ event: instanceReady.parse(JSON.parse(JSON.stringify(event))), ...options });
  }

  async publishFact(published: Fact): Promise<void> {
    if (this.failFact) throw this.failFact;
    this.log.push(published.type);
    this.facts.push(fact.parse(JSON.parse(JSON.stringify(published))));
  }

  async consume<T>(plan: ConsumerPlan<T>, handler: (message: { event: T; deliveryCount: number }) => Promise<void>) {
    this.plans.push(plan as never);
    this.handlers.push(handler as never);
    const stop = async () => void this.log.push(`stopped ${plan.name}`);
    return { pause: () => {}, resume: () => {}, limit: () => {}, finish: stop, stop };
  }
}

const format = grey({ bitsStored: 12 });
const pixels = seededFrame(format, { seed: 1, noise: 0.02 });
const image = dataSet({ elements: pixelModule(format), pixels });

const HTJ2K: GatewayDocument['compression'] = JSON.parse('[{ "when": {}, "then": { "syntax": "htj2k-lossless" } }]');

const EMPTY = parseGatewayDocument({});
const OLD_CT: GatewayDocument['coercion'] = parseGatewayDocument({
  coercion: [{ when: { callingAe: 'CT1' }, on: 'receive', set: { InstitutionName: 'MS44' } }],
}).coercion;

function setUp({ compression = HTJ2K, coercion = [] }: Partial<Pick<GatewayDocument, 'compression' | 'coercion'>> = {}) {
  const bus = new FakeBus();
  const store = new MemoryStore();
  const counted: string[] = [];
  const parts: CompressParts = {
    bus: bus as unknown as Bus,
    store,
    pool,
    configuration: { current: () => ({ revision: 7, document: { ...EMPTY, compression, coercion } }) },
    log: createLogger('test', 'silent'),
    meters: { count: (_, { outcome }) => void counted.push(outcome) },
    instances: new PrioritySemaphore({ capacity: 2 }),
    messagesPerQueue: 4,
    frameMemory: new PrioritySemaphore({ capacity: 1 << 20 }),
    lookahead: 3,
  };
  return { bus, store, parts, counted };
}

function received(store: MemoryStore, data: Buffer, over: Partial<Instance> = {}): InstanceReceived {
  const { bytes, instance } = receivedObject(data, over);
  store.put(instance, bytes);
  return { ...newEnvelope(0, 'north'), type: 'instance.received', instance };
}

describe('compressor', () => {
  it('publishes the compressed object as ready, then tells the ledger', async () => {
    const { bus, store, parts, counted } = setUp();
    const event = received(store, image, { lane: 'stat' });
    await handleReceived(parts, { event, deliveryCount: 1 });
    assert.deepEqual(bus.log, ['instance.ready.stat.north', 'ledger.instance.ready']);
    const [{ event: ready, messageId }] = bus.ready as [Publication];
    const { compression } = ready;
    assert.equal(compression.outcome, 'compressed');
    assert.deepEqual([compression.revision, compression.rule], [7, 'compression rule 1: htj2k-lossless']);
    assert.equal(store.objects.get(compression.object!.objectKey)!.length, compression.object!.size);
    assert.deepEqual([ready.generation, ready.facility], [0, 'north']);
    assert.deepEqual(ready.instance, event.instance);
    assert.ok(messageId.startsWith(`${event.instance.receiptId}.ready.0`));
    const [told] = bus.facts;
    assert.ok(told?.type === 'ledger.instance.ready');
    assert.deepEqual([told.compression, told.generation, told.facility], [compression, 0, 'north']);
    assert.deepEqual(counted, ['compressed']);
  });

  it('passes on unchanged, with the reason, what a codec fails on', async () => {
    const { bus, store, parts } = setUp();
    const event = received(store, dataSet({ elements: pixelModule(format), pixels: pixels.subarray(4) }));
    await handleReceived(parts, { event, deliveryCount: 1 });
    const { compression } = bus.ready[0]!.event;
    assert.equal(compression.outcome, 'unchanged');
    assert.match(compression.reason, /pixel data is 2044 bytes long/);
    assert.equal(compression.object, undefined);
    assert.equal(bus.ready[0]!.messageId, `${event.instance.receiptId}.ready.0`);
    assert.equal(bus.facts.length, 1);
  });

  it('does not read the object when no rule orders anything', async () => {
    const { bus, store, parts } = setUp({ compression: [] });
    const event = received(store, image);
    store.objects.clear();
    await handleReceived(parts, { event, deliveryCount: 1 });
    assert.equal(bus.ready[0]!.event.compression.reason, 'no compression rule fits');
  });

  it('makes a new object, and a new message, when the event is delivered again', async () => {
    const { bus, store, parts } = setUp();
    const event = received(store, image);
    await handleReceived(parts, { event, deliveryCount: 1 });
    await handleReceived(parts, { event, deliveryCount: 2 });
    const [one, other] = bus.ready;
    assert.notEqual(one!.event.compression.object!.objectKey, other!.event.compression.object!.objectKey);
    assert.notEqual(one!.messageId, other!.messageId);
    assert.equal(store.objects.size, 3);
  });

  it('deletes the object that nobody knows of when publishing is refused, and keeps it when the outcome is unknown', async () => {
    for (const [failure, left] of [
      [new PublicationRefused('stream full', { full: true }), 1],
      [new PublicationUnknown('no acknowledgement'), 2],
    ] as const) {
      const { bus, store, parts } = setUp();
      bus.failPublish = failure;
      await assert.rejects(handleReceived(parts, { event: received(store, image), deliveryCount: 1 }), failure);
      assert.equal(store.objects.size, left);
      assert.equal(parts.instances.held, 0);
    }
  });

  it('keeps the object and asks for the message again when only the fact cannot be told', async () => {
    const { bus, store, parts } = setUp();
    bus.failFact = new PublicationRefused('stream full', { full: true });
    await assert.rejects(handleReceived(parts, { event: received(store, image), deliveryCount: 1 }), TransientError);
    assert.equal(store.objects.size, 2);
  });

  it('waits for a gateway document rather than deciding without one', async () => {
    const { store, parts } = setUp();
    const lost = { ...parts, configuration: { current: () => undefined } };
    await assert.rejects(handleReceived(lost, { event: received(store, image), deliveryCount: 1 }), TransientError);
  });

  it('lets the instance go on unchanged when compressing failed in five deliveries, whatever hindered it', async () => {
    const { bus, store, parts } = setUp();
    const event = received(store, image);
    const broken = { ...parts, pool: { encode: () => Promise.reject(new RangeError('a defect')) } };
    for (const deliveryCount of [1, 5]) await assert.rejects(handleReceived(broken, { event, deliveryCount }), RangeError);
    assert.equal(bus.ready.length, 0);
    await handleReceived(broken, { event, deliveryCount: 6 });
    assert.match(bus.ready[0]!.event.compression.reason, /given up compressing after 5 attempts/);
    assert.equal(store.openUploads, 0);
  });

  it('quarantines a missing object, and a damaged one after reading it three times', async () => {
    const { store, parts } = setUp();
    const missing = received(store, image);
    store.objects.delete(missing.instance.objectKey);
    await assert.rejects(handleReceived(parts, { event: missing, deliveryCount: 1 }), PermanentError);
    const damaged = received(store, image);
    const bytes = Buffer.from(store.objects.get(damaged.instance.objectKey)!);
    bytes[bytes.length - 1]! ^= 1;
    store.objects.set(damaged.instance.objectKey, bytes);
    for (const deliveryCount of [1, 2]) await assert.rejects(handleReceived(parts, { event: damaged, deliveryCount }), TransientError);
    await assert.rejects(handleReceived(parts, { event: damaged, deliveryCount: 3 }), PermanentError);
  });
});

describe('coercion and compression', () => {
  it('make two objects: the coerced one, and the compressed one of that; the instance has the coerced attributes', async () => {
    const { bus, store, parts } = setUp({ coercion: OLD_CT });
    const event = received(store, image, { attributes: { InstitutionName: 'Old' } });
    await handleReceived(parts, { event, deliveryCount: 1 });
    const [{ event: ready, messageId }] = bus.ready as [Publication];
    const { coercion, object, revision } = ready.compression;
    assert.deepEqual([ready.compression.outcome, revision, coercion?.rules], ['compressed', 7, ['coercion rule 1: set InstitutionName']]);
    assert.equal(ready.instance.attributes.InstitutionName, 'MS44');
    assert.deepEqual([ready.instance.objectKey, ready.instance.digest], [event.instance.objectKey, event.instance.digest]);
    for (const ref of [object!, coercion!.object!]) {
      assert.ok(store.objects.get(ref.objectKey)!.includes('MS44'), `${ref.objectKey} is not coerced`);
      assert.ok(messageId.includes(ref.objectKey.split('/').at(-1)!));
    }
    assert.equal(store.objects.size, 3);
    assert.equal(bus.facts[0]?.type === 'ledger.instance.ready' && bus.facts[0].instance.attributes.InstitutionName, 'MS44');
  });

  it('leave nothing behind when compression fails, and when publishing is refused', async () => {
    const broken = setUp({ coercion: OLD_CT });
    const pool = { encode: () => Promise.reject(new RangeError('a defect')) };
    await assert.rejects(handleReceived({ ...broken.parts, pool }, { event: received(broken.store, image), deliveryCount: 1 }), RangeError);
    assert.equal(broken.store.objects.size, 1);
    const refused = setUp({ coercion: OLD_CT });
    refused.bus.failPublish = new PublicationRefused('stream full', { full: true });
    await assert.rejects(handleReceived(refused.parts, { event: received(refused.store, image), deliveryCount: 1 }), PublicationRefused);
    assert.equal(refused.store.objects.size, 1);
  });

  it('a store that fails brings the message back; a defect does so four times, then the instance waits for a person', async () => {
    const { bus, store, parts } = setUp({ coercion: OLD_CT });
    const event = received(store, image);
    const failing = (error: Error): CompressParts => {
      const create = (): never => {
        throw error;
      };
      return { ...parts, store: Object.assign(Object.create(store), { create }) };
    };
    for (const deliveryCount of [1, 50])
      await assert.rejects(handleReceived(failing(new TransientError('full')), { event, deliveryCount }), TransientError);
    await assert.rejects(handleReceived(failing(new RangeError('a defect')), { event, deliveryCount: 4 }), RangeError);
    await assert.rejects(handleReceived(failing(new RangeError('a defect')), { event, deliveryCount: 5 }), PermanentError);
    assert.equal(bus.ready.length, 0);
  });

  it('start from the received object when the instance comes again with the attributes that an earlier revision made', async () => {
    const map = parseGatewayDocument({ coercion: [{ when: {}, on: 'receive', map: { Modality: { CT: 'MR' } } }] }).coercion;
    const header = dataSet({ elements: [{ tag: 0x00080060, vr: 'CS', value: Buffer.from('CT') }] });
    for (const [coercion, modality] of [
      [map, 'MR'],
      [[], 'CT'],
    ] as const) {
      const { bus, store, parts } = setUp({ coercion: [...coercion], compression: [] });
      const event = { ...received(store, header, { attributes: { Modality: 'US' } }), generation: 1 };
      await handleReceived(parts, { event, deliveryCount: 1 });
      assert.equal(bus.ready[0]!.event.instance.attributes.Modality, modality);
    }
  });
});

describe('compressor consumers', () => {
  /** Its consumers are made after the first look at what is queued. */
  const started = async (parts: CompressParts, bus: FakeBus): Promise<{ stop(): Promise<void> }> => {
    const compressor = startCompressor(parts);
    while (bus.plans.length < QUEUES.length) await new Promise((resolve) => setImmediate(resolve));
    return compressor;
  };

  it('are one for each lane and facility with work, and stat waits for no routine instance that waits', async () => {
    const { bus, store, parts } = setUp();
    const compressor = await started(parts, bus);
    assert.deepEqual(
      bus.plans.map(({ stream, name, filter, concurrency }) => [stream, name, filter, concurrency]),
      QUEUES.map((tail) => ['RECEIVED', `compressor_${tail.replace('.', '_')}`, `instance.received.${tail}`, 4]),
    );
    const hold = [await parts.instances.acquire(1, 1), await parts.instances.acquire(1, 1)];
    const order = (['prior', 'routine', 'routine', 'stat'] as const).map((lane) =>
      handleReceived(parts, { event: received(store, image, { lane }), deliveryCount: 1 }),
    );
    hold[0]!();
    await Promise.all(order);
    const lanes = bus.log.filter((subject) => subject.startsWith('instance.ready')).map((subject) => subject.split('.')[2]);
    assert.deepEqual(lanes, ['stat', 'routine', 'routine', 'prior']);
    hold[1]!();
    await compressor.stop();
  });

  it('tell the ledger of what can never be handled', async () => {
    const { bus, store, parts } = setUp();
    const compressor = await started(parts, bus);
    const { onPermanent } = bus.plans[0]!;
    const event = received(store, image);
    await onPermanent({ body: JSON.parse(JSON.stringify(event)), error: new PermanentError('the object is missing') });
    const [told] = bus.facts;
    assert.ok(told?.type === 'ledger.instance.quarantined');
    assert.deepEqual([told.step, told.reason, told.instance.receiptId], ['compress', 'the object is missing', event.instance.receiptId]);
    await onPermanent({ body: JSON.parse(JSON.stringify({ ...event, type: 'something.else' })), error: new Error('not of the schema') });
    assert.equal(bus.facts.length, 2);
    await onPermanent({ body: 'nonsense', error: new Error('not of the schema') });
    assert.equal(bus.facts.length, 2);
    await compressor.stop();
  });

  it('bring the message back when the ledger cannot be told of a quarantine', async () => {
    const { bus, store, parts } = setUp();
    const compressor = await started(parts, bus);
    bus.failFact = new PublicationRefused('stream full', { full: true });
    const failure = { body: JSON.parse(JSON.stringify(received(store, image))), error: new PermanentError('missing') };
    await assert.rejects(bus.plans[0]!.onPermanent(failure), PublicationRefused);
    await compressor.stop();
  });

  it('give back what waits and finish what is at work when they stop', async () => {
    const { bus, store, parts } = setUp();
    const compressor = await started(parts, bus);
    const hold = [await parts.instances.acquire(1, 1), await parts.instances.acquire(1, 1)];
    const waiting = handleReceived(parts, { event: received(store, image), deliveryCount: 1 });
    const refused = assert.rejects(waiting, TransientError);
    await compressor.stop();
    await refused;
    assert.deepEqual(
      bus.log,
      QUEUES.map((tail) => `stopped compressor_${tail.replace('.', '_')}`),
    );
    for (const release of hold) release();
  });
});
