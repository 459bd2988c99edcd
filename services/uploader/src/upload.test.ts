// The story of one delivery: what is put on record in which order, and when its message may be acknowledged.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bucket, PublishOptions } from '@causeway/shared/bus/bus';
import { TransientError } from '@causeway/shared/errors';
import { type DeliveryDue, type DerivationDue, derivationDue } from '@causeway/shared/events/delivery';
import { type Fact, fact as factSchema } from '@causeway/shared/events/facts';
import { createLogger } from '@causeway/shared/logger';
import { dueOf, memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { DueParcel } from './delivery-attempt.ts';
import { type Outcome, transient, unknownOutcome } from './delivery-outcome.ts';
import { openDeliveryRecords, recordKey } from './delivery-records.ts';
import { GivenBack } from './given-back.ts';
import { IdenticalCopies } from './identical-copies.ts';
import { MAX_REFUSALS, reportUnreadable, upload } from './upload.ts';

const log = createLogger('test', 'silent');
const store = memoryStore();
const delivered: Outcome = { kind: 'delivered', confirmation: 'stow 200', warning: 'Warning Reason B000' };
const NOW = Date.parse('2026-02-01T00:00:00Z');

function memoryBucket(log_: string[], sizes: number[], name: string): Bucket {
  const values = new Map<string, Uint8Array>();
  return {
    get: async (key) => values.get(key),
    put: async (key, value) => {
      log_.push(`put ${name}`);
      sizes.push(value.length);
      values.set(key, value);
    },
    delete: async (key) => void values.delete(key),
    watch: async () => ({ stop: () => {} }),
  };
}

/** A delivery under test: its outcomes in turn, and all that was done, in order. */
async function newStory(outcomes: Outcome[], options: { failPublish?: boolean } = {}) {
  const done: string[] = [];
  const sizes: number[] = [];
  const facts: Fact[] = [];
  const parcels: DueParcel[] = [];
  const ordered: DerivationDue[] = [];
  const archived: [string, number][] = [];
  const bus = {
    failing: options.failPublish ?? false,
    publish: async (event: object, { subject }: PublishOptions) => {
      if (bus.failing) throw new TransientError('no broker');
      ordered.push(derivationDue.parse(event));
      done.push(subject);
    },
    publishFact: async (fact: Fact) => {
      if (bus.failing) throw new TransientError('no broker');
      facts.push(factSchema.parse(fact));
      done.push(`fact ${fact.type}`);
    },
    clockOffsetMs: async (): Promise<number | undefined> => 0,
    bucket: async (name: string) => memoryBucket(done, sizes, name),
  };
  const records = await openDeliveryRecords(bus as never);
  const copies = new IdenticalCopies({ records, settings: { id: 'archive', kind: 'stow' } });
  const parts = {
    ...{ bus, records, copies, log, random: () => 0, givenBack: new GivenBack() },
    form: { images: 'compressed' as const },
    settings: { id: 'archive', retry: { first: 1000, factor: 2, max: 10_000, giveUpAfter: 3_600_000 } },
    worker: {
      msUntilProbe: 0,
      submit: async (parcel: DueParcel) => {
        parcels.push(parcel);
        done.push('sent');
        return { outcome: outcomes.shift()!, ref: parcel.delivery.instance };
      },
    },
    metrics: {
      ...{ requestEnded: () => {}, delivered: () => {}, coalesced: () => {}, notDelivered: () => {}, flow: () => {}, remove: () => {} },
      archived: (lane: string, seconds: number) => void archived.push([lane, seconds]),
    },
    clock: { now: () => NOW },
    limits: { isOlder: ({ since, aheadMs = 0 }: { since: number; aheadMs?: number }, ageMs: number) => NOW - aheadMs - since > ageMs },
  };
  return { parts, done, facts, parcels, bus, sizes, ordered, archived };
}

const newDue = (generation = 0, ageMs = 1000): DeliveryDue => ({
  ...dueOf(newDelivery(store, { edge: 2 }), generation),
  occurredAt: new Date(NOW - ageMs).toISOString(),
});

describe('upload', () => {
  it('marks a confirmed delivery, then tells it, and only then is done', async () => {
    const { parts, done, facts } = await newStory([delivered]);
    const due = newDue();
    await upload({ event: due, deliveryCount: 1 }, parts);
    assert.deepEqual(done, ['sent', 'put delivered', 'put delivered-copies', 'fact ledger.delivery.confirmed']);
    const [fact] = facts;
    assert.ok(fact?.type === 'ledger.delivery.confirmed');
    assert.deepEqual(
      [fact.confirmation, fact.warning, fact.digest, fact.attempt],
      ['stow 200', 'Warning Reason B000', due.delivery.instance.digest, 1],
    );
  });

  it('counts the time from receipt to confirmation, but not of what was fetched from an archive', async () => {
    const { parts, archived } = await newStory([delivered, delivered]);
    const due = newDue();
    const received = { ...due.delivery.instance, receivedAt: new Date(NOW - 90_000).toISOString(), lane: 'stat' as const };
    await upload({ event: { ...due, delivery: { ...due.delivery, instance: received } }, deliveryCount: 1 }, parts);
    const fetched = newDue();
    await upload({ event: { ...fetched, delivery: { ...fetched.delivery, retrievalId: 'r' } }, deliveryCount: 1 }, parts);
    assert.deepEqual(archived, [['stat', 90]]);
  });

  it('sends nothing again after the mark, but tells the very same fact once more', async () => {
    const { parts, done, facts, bus } = await newStory([delivered]);
    const due = newDue();
    bus.failing = true;
    await assert.rejects(upload({ event: due, deliveryCount: 1 }, parts), TransientError);
    bus.failing = false;
    await upload({ event: due, deliveryCount: 2 }, parts);
    await upload({ event: due, deliveryCount: 1 }, parts);
    assert.deepEqual(
      done.filter((step) => step === 'sent'),
      ['sent'],
    );
    assert.equal(facts.length, 2);
    assert.equal(facts[0]!.id, facts[1]!.id);
  });

  it('acknowledges what was confirmed and told although its mark could not be written: a bucket that is full sends nothing again', async () => {
    const { parts, facts, done } = await newStory([delivered]);
    const markConfirmed = () => Promise.reject(new TransientError('insufficient storage'));
    await upload({ event: newDue(), deliveryCount: 1 }, { ...parts, records: { ...parts.records, markConfirmed } });
    assert.deepEqual([facts.length, done.at(-1)], [1, 'fact ledger.delivery.confirmed']);
  });

  it('keeps marks small: they lie in JetStream for days', async () => {
    const { parts, sizes } = await newStory([delivered]);
    const due = newDue();
    const attributes = { PatientName: 'Canary'.repeat(100) };
    await upload(
      { event: { ...due, delivery: { ...due.delivery, instance: { ...due.delivery.instance, attributes } } }, deliveryCount: 1 },
      parts,
    );
    assert.ok(sizes[0]! < 400, `${sizes[0]} bytes`);
  });

  it('sends a higher generation again, as a resend', async () => {
    const { parts, parcels } = await newStory([delivered, delivered]);
    const due = newDue();
    await upload({ event: due, deliveryCount: 1 }, parts);
    await upload({ event: { ...due, generation: 1 }, deliveryCount: 1 }, parts);
    assert.deepEqual(
      parcels.map(({ resend }) => resend),
      [false, true],
    );
  });

  it('puts a transient failure on record and asks for the message back with growing delay', async () => {
    const { parts, facts, parcels } = await newStory([unknownOutcome('HTTP 500', 'suspect'), unknownOutcome('HTTP 500', 'suspect')]);
    const due = newDue();
    for (const [deliveryCount, delay] of [
      [1, 1000],
      [9, 2000],
    ] as const) {
      const isRight = (error: unknown) => error instanceof TransientError && error.retryAfterMs === delay;
      await assert.rejects(upload({ event: due, deliveryCount }, parts), isRight);
    }
    const attempted = facts.map((fact) => fact.type === 'ledger.delivery.attempted' && [fact.attempt, fact.reason, fact.nextAttemptAt]);
    assert.deepEqual(attempted, [
      [1, 'HTTP 500', '2026-02-01T00:00:01.000Z'],
      [2, 'HTTP 500', '2026-02-01T00:00:02.000Z'],
    ]);
    assert.deepEqual(
      parcels.map(({ alone, resend }) => [alone, resend]),
      [
        [false, false],
        [true, true],
      ],
    );
  });

  it('calls nothing a resend of which no attempt can have arrived: a duplicate at the destination is then not ours', async () => {
    const refused: Outcome = { kind: 'refused', reason: 'C-STORE status 0111' };
    const { parts, parcels } = await newStory([transient('no association', 'down'), refused, refused]);
    const due = newDue();
    for (const deliveryCount of [1, 2, 3]) await assert.rejects(upload({ event: due, deliveryCount }, parts), TransientError);
    assert.deepEqual(
      parcels.map(({ resend }) => resend),
      [false, false, false],
    );
    parcels.length = 0;
    await assert.rejects(upload({ event: { ...due, generation: 1 }, deliveryCount: 1 }, parts), TypeError);
    assert.equal(parcels[0]!.resend, false, 'nor in the generation that an operator began');
  });

  it('keeps in mind that one attempt may have arrived, whatever the next ones come to', async () => {
    const outcomes = [unknownOutcome('reset', 'suspect'), transient('no association', 'down'), delivered];
    const { parts, parcels } = await newStory(outcomes);
    const due = newDue();
    for (const deliveryCount of [1, 2]) await assert.rejects(upload({ event: due, deliveryCount }, parts), TransientError);
    await upload({ event: due, deliveryCount: 3 }, parts);
    assert.deepEqual(
      parcels.map(({ resend }) => resend),
      [false, true, true],
    );
  });

  it('takes a delivery that was handed out before and has no record for one that may have arrived: its uploader was killed', async () => {
    const { parts, parcels } = await newStory([delivered]);
    await upload({ event: newDue(), deliveryCount: 2 }, parts);
    assert.equal(parcels[0]!.resend, true);
  });

  it('calls nothing a resend that was parked unsent before: only an earlier generation can have arrived', async () => {
    const { parts, parcels } = await newStory([delivered, unknownOutcome('reset', 'suspect'), delivered]);
    await upload({ event: { ...newDue(), generation: 1, wasParked: true }, deliveryCount: 1 }, parts);
    const tried = newDue();
    await assert.rejects(upload({ event: tried, deliveryCount: 1 }, parts), TransientError);
    await upload({ event: { ...tried, generation: 3, wasParked: true }, deliveryCount: 1 }, parts);
    assert.deepEqual(
      parcels.map(({ resend }) => resend),
      [false, false, true],
    );
  });

  it('sends a delivery again when its mark is of other content under the same id', async () => {
    const { parts, parcels } = await newStory([delivered, delivered]);
    const due = newDue();
    await upload({ event: due, deliveryCount: 1 }, parts);
    const changed = { ...due.delivery, instance: { ...due.delivery.instance, digest: 'f'.repeat(64) } };
    await upload({ event: { ...due, delivery: changed }, deliveryCount: 1 }, parts);
    assert.equal(parcels.length, 2);
  });

  it('waits as long as the destination asked for', async () => {
    const { parts } = await newStory([transient('HTTP 503', 'down', 30_000)]);
    const isRight = (error: unknown) => error instanceof TransientError && error.retryAfterMs === 30_000;
    await assert.rejects(upload({ event: newDue(), deliveryCount: 1 }, parts), isRight);
  });

  it('counts refusals, not redeliveries and other failures, towards the last try', async () => {
    const refused: Outcome = { kind: 'refused', reason: 'C-STORE status 0110' };
    const outcomes = [transient('refused', 'down'), ...Array.from({ length: MAX_REFUSALS }, () => refused)];
    const { parts, parcels } = await newStory(outcomes);
    const due = newDue();
    for (let n = 1; n <= MAX_REFUSALS + 1; n += 1)
      await assert.rejects(upload({ event: due, deliveryCount: n * 10 }, parts), TransientError);
    assert.deepEqual(
      parcels.map(({ lastTry }) => lastTry),
      [false, false, false, false, false, true],
    );
  });

  it('parks a permanent failure with its reason', async () => {
    const { parts, facts, done } = await newStory([{ kind: 'permanent', reason: 'Failure Reason A900', because: 'instance' }]);
    await upload({ event: newDue(), deliveryCount: 1 }, parts);
    assert.ok(facts[0]?.type === 'ledger.delivery.failed' && facts[0].reason === 'Failure Reason A900');
    assert.deepEqual(done, ['sent', 'fact ledger.delivery.failed']);
  });

  it('parks what is older than giveUpAfter, after one more try', async () => {
    const { parts, facts } = await newStory([transient('HTTP 503', 'down')]);
    await upload({ event: newDue(0, 3_600_001), deliveryCount: 40 }, parts);
    assert.ok(facts[0]?.type === 'ledger.delivery.failed' && facts[0].reason === 'given up after 3600 s: HTTP 503');
  });

  it('gives nothing up by a clock that is wrong, its own or that of the router, or while the broker is too slow to tell the time', async () => {
    const down = () => transient('HTTP 503', 'down');
    const { parts, facts, bus } = await newStory([down(), down(), down(), down()]);
    const old = newDue(0, 8 * 24 * 3_600_000);
    const upAt = (publishedAt: Date) => upload({ event: old, deliveryCount: 1, publishedAt }, parts);
    await assert.rejects(upAt(new Date(NOW - 1000)), TransientError);
    bus.clockOffsetMs = async () => 8 * 24 * 3_600_000;
    await assert.rejects(upAt(new Date(old.occurredAt)), TransientError);
    bus.clockOffsetMs = async () => undefined;
    await assert.rejects(upAt(new Date(old.occurredAt)), TransientError);
    assert.deepEqual(
      facts.map(({ type }) => type),
      Array(3).fill('ledger.delivery.attempted'),
    );
    bus.clockOffsetMs = async () => 0;
    await upAt(new Date(old.occurredAt));
    assert.equal(facts.at(-1)!.type, 'ledger.delivery.failed');
  });

  it('puts nothing on record for work that was given back unsent', async () => {
    const { parts, done } = await newStory([]);
    parts.worker.submit = async () => {
      throw new TransientError('paused', { retryAfterMs: 5 });
    };
    await assert.rejects(upload({ event: newDue(), deliveryCount: 1 }, parts), TransientError);
    assert.deepEqual(done, []);
  });

  it('calls nothing a resend that was only given back before, however often: a duplicate at the destination is then not ours', async () => {
    const { parts, parcels } = await newStory([delivered]);
    const due = newDue();
    const paused = { ...parts.worker, submit: () => Promise.reject(new TransientError('paused')) };
    for (const deliveryCount of [1, 2])
      await assert.rejects(upload({ event: due, deliveryCount }, { ...parts, worker: paused }), TransientError);
    await upload({ event: due, deliveryCount: 3 }, parts);
    assert.equal(parcels[0]!.resend, false);
  });
});

describe('upload of another form', () => {
  const JPEG = '1.2.840.10008.1.2.4.50';
  const jpegDue = (generation = 0): DeliveryDue => ({ ...dueOf(newDelivery(store, { transferSyntaxUid: JPEG }), generation) });
  const refused: Outcome = { kind: 'permanent', reason: 'HTTP 415', because: 'syntax' };

  it('orders it before anything is sent where the destination wants uncompressed images', async () => {
    const { parts, done, ordered } = await newStory([]);
    const due = jpegDue(4);
    await upload({ event: { ...due, wasParked: true }, deliveryCount: 1 }, { ...parts, form: { images: 'uncompressed' } });
    assert.deepEqual(done, ['derivation.due.uncompressed.archive.routine']);
    assert.deepEqual([ordered[0]?.delivery.id, ordered[0]?.generation, ordered[0]?.wasParked], [due.delivery.id, 4, true]);
  });

  it('orders it once the syntax was refused: remembered, told, ordered, and then the message is done', async () => {
    const { parts, done, facts } = await newStory([refused]);
    await upload({ event: jpegDue(), deliveryCount: 1 }, parts);
    assert.deepEqual(done, [
      'sent',
      'put delivery-history',
      'fact ledger.delivery.attempted',
      'derivation.due.uncompressed.archive.routine',
    ]);
    assert.ok(facts[0]?.type === 'ledger.delivery.attempted' && facts[0].reason === 'HTTP 415; an uncompressed object is made');
  });

  it('never orders it twice: refused again, the delivery is parked with what was tried and what to do', async () => {
    const { parts, facts, ordered } = await newStory([refused, refused]);
    const due = jpegDue();
    await upload({ event: due, deliveryCount: 1 }, parts);
    const again = { ...due, delivery: { ...due.delivery, derivation: { profile: 'uncompressed' as const, reason: 'a frame is damaged' } } };
    await upload({ event: again, deliveryCount: 1 }, parts);
    assert.equal(ordered.length, 1);
    const fact = facts[1];
    assert.ok(fact?.type === 'ledger.delivery.failed');
    assert.deepEqual(
      [fact.attempt, fact.reason],
      [
        2,
        `HTTP 415; an uncompressed object cannot be made: a frame is damaged; the instance is in JPEG Baseline (Process 1) (${JPEG}): let the destination accept that, or send it elsewhere`,
      ],
    );
  });

  it('brings the message back when the order could not be published', async () => {
    const { parts, bus } = await newStory([]);
    bus.failing = true;
    await assert.rejects(upload({ event: jpegDue(), deliveryCount: 1 }, { ...parts, form: { images: 'uncompressed' } }), TransientError);
  });
});

describe('reportUnreadable', () => {
  it('shows the delivery as failed when the message still names it, and invents nothing when not', async () => {
    const { bus, facts } = await newStory([]);
    const due = newDue(3);
    await reportUnreadable({ body: { ...due, version: 7 }, error: new Error('not of its schema') }, { bus, log });
    await reportUnreadable({ body: { nonsense: true }, error: new Error('not of its schema') }, { bus, log });
    assert.equal(facts.length, 1);
    assert.ok(facts[0]?.type === 'ledger.delivery.failed' && facts[0].delivery.id === due.delivery.id && facts[0].generation === 3);
  });
});

describe('recordKey', () => {
  it('tells generations apart and is a key that JetStream takes, whatever the delivery is called', () => {
    const due = newDue();
    assert.equal(recordKey(due), `${due.delivery.id}.0`);
    assert.notEqual(recordKey(due), recordKey({ ...due, generation: 1 }));
    assert.match(recordKey({ ...due, delivery: { ...due.delivery, id: 'a b*>\0' } }), /^[0-9a-f]{64}\.0$/);
  });
});
