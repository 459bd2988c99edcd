// The compressor's second story: a delivery waits for an object in another form; the object is made once for each source and profile, and the delivery
// goes on with it. Where it cannot be made, the delivery goes on with the reason: what becomes of it is the uploader's to say, and nothing is lost here.
import type { Bus, Consumption, Message } from '@causeway/shared/bus/bus';
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { Unspliceable } from '@causeway/shared/dicom/part10/splice';
import { describeError, PermanentError, TransientError } from '@causeway/shared/errors';
import { type DerivationDue, derivationDue, originalOf } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type Lane, lanes, type ObjectRef } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import { CodecFailure } from './codec-failure.ts';
import { explicitObject } from './explicit-object.ts';
import { type PrioritySemaphore, turnOf } from './priority-semaphore.ts';
import { type Output, outputPrefix } from './profile-output.ts';
import { type UncompressParts, uncompressObject } from './uncompress-object.ts';
import { ObjectDamaged, Unsuitable } from './unsuitable.ts';

export interface DerivePartsDue extends UncompressParts {
  readonly bus: Pick<Bus, 'consume' | 'publishFact'>;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
  readonly log: Logger;
  /** Instances at work in this process, all lanes together. */
  readonly instances: PrioritySemaphore;
  readonly messagesPerLane: number;
  readonly countDerivation: (profile: DerivationDue['profile'], outcome: 'made' | 'reused' | 'impossible') => void;
}

/** Stat first, prior last: for instances, frame memory and codec threads alike. */
const PRIORITY: Record<Lane, number> = { stat: 0, routine: 1, prior: 2 };

/** So often it is tried; then the delivery goes on without it, whatever hinders: a full store, a defect of ours, a process that it kills. */
const ATTEMPTS = 5;

/** Consumes every lane until `stop`, which finishes what is at work. */
export async function startDerivations(parts: DerivePartsDue): Promise<{ stop(): Promise<void> }> {
  const making: Making = new Map();
  const consumptions = await Promise.all(lanes.map((lane) => consumeLane(parts, lane, making)));
  return { stop: async () => void (await Promise.all(consumptions.map((consumption) => consumption.stop()))) };
}

function consumeLane(parts: DerivePartsDue, lane: Lane, making: Making): Promise<Consumption> {
  return parts.bus.consume(
    {
      stream: 'DERIVATIONS',
      name: `compressor-derivations-${lane}`,
      filter: `derivation.due.*.*.${lane}`,
      schema: derivationDue,
      concurrency: parts.messagesPerLane,
      onPermanent: (failure) => passOnUnreadable(parts, failure),
    },
    (message) => handleDerivationDue(parts, message, making),
  );
}

/** Resolved: the delivery is due again, with what came of the derivation. `making`: what is being made in this process. Throws TransientError. */
export async function handleDerivationDue(
  parts: DerivePartsDue,
  { event, deliveryCount }: Message<DerivationDue>,
  making: Making,
): Promise<void> {
  const { instance, facility } = event.delivery;
  const release = await parts.instances.acquire(1, PRIORITY[instance.lane], turnOf(instance, facility));
  try {
    await goOn(parts, event, await outcomeOf(parts, { event, deliveryCount }, making));
  } finally {
    release();
  }
}

type Making = Map<string, Promise<MadeObject>>;

type Result = { readonly object: ObjectRef } | { readonly reason: string };

async function outcomeOf(parts: DerivePartsDue, { event, deliveryCount }: Message<DerivationDue>, making: Making): Promise<Result> {
  const { profile, delivery } = event;
  if (deliveryCount > ATTEMPTS) return { reason: `given up after ${ATTEMPTS} attempts` };
  const source = originalOf(delivery);
  const output = { profile, instance: delivery.instance, sourceDigest: source.digest, priority: PRIORITY[delivery.instance.lane] };
  const key = outputPrefix(output);
  const underWay = making.get(key);
  try {
    const made = underWay ?? existingOrMade(parts, source, output).finally(() => making.delete(key));
    making.set(key, made);
    const { object, isNew } = await made;
    parts.countDerivation(profile, isNew && underWay === undefined ? 'made' : 'reused');
    return { object };
  } catch (error) {
    const reason = reasonOf(error, deliveryCount);
    parts.countDerivation(profile, 'impossible');
    parts.log.info({ receiptId: delivery.instance.receiptId, profile, reason }, 'cannot be derived');
    return { reason };
  }
}

/** Of one source and profile; `isNew`: it was not there. */
export interface MadeObject {
  readonly object: ObjectRef;
  readonly isNew: boolean;
}

async function existingOrMade(parts: DerivePartsDue, source: ObjectRef, output: Output): Promise<MadeObject> {
  const there = await existing(parts, outputPrefix(output));
  return there === undefined ? { object: await make(parts, source, output), isNew: true } : { object: there, isNew: false };
}

const make = (parts: DerivePartsDue, source: ObjectRef, output: Output): Promise<ObjectRef> =>
  output.profile === 'uncompressed' ? uncompressObject(parts, source, output) : explicitObject(parts, source, output);

/** Made before, for another destination or before a kill: an object is visible only when it is whole. */
async function existing({ store }: DerivePartsDue, prefix: string): Promise<ObjectRef | undefined> {
  for await (const { key, size } of store.list(prefix)) {
    const { meta } = await readFileMeta(await store.get(key, { start: 0, end: Math.min(size, 65_536) }));
    const custody = readCustodyMeta(meta);
    if (custody !== undefined) return { objectKey: key, size, digest: custody.digest, transferSyntaxUid: meta.transferSyntaxUid };
  }
  return undefined;
}

/** Rethrows what may pass. */
function reasonOf(error: unknown, deliveryCount: number): string {
  if (error instanceof Unsuitable || error instanceof Unspliceable) return error.message;
  if (error instanceof CodecFailure) return `codec: ${error.message}`;
  if (error instanceof DicomParseError) return `cannot be parsed: ${error.message}`;
  if (error instanceof PermanentError) return describeError(error);
  // A read that went wrong once may go right.
  if (error instanceof ObjectDamaged && deliveryCount >= ATTEMPTS) return 'the stored object is damaged';
  throw error instanceof TransientError ? error : new TransientError('the derivation failed', { cause: error });
}

/** The same delivery, in the same generation, with one thing more known of it. Without room in its queue it is parked; it orders anew then, and finds what was made. */
async function goOn({ bus, queues }: DerivePartsDue, order: DerivationDue, result: Result): Promise<void> {
  const { profile, generation, facility, wasParked } = order;
  const said = 'object' in result ? result : { reason: result.reason.slice(0, 300) };
  const delivery = { ...order.delivery, derivation: { profile, ...said } };
  const due = { ...newEnvelope(generation, facility), type: 'delivery.due', delivery, wasParked } as const;
  const reason = await queues.publish(due, `${delivery.id}.${generation}.derived`);
  if (reason === undefined) return;
  const envelope = newEnvelope(generation, facility);
  // Not before the order, which was told of as an attempt: the clock of its machine may be ahead of ours, and the later fact holds.
  const occurredAt = order.occurredAt > envelope.occurredAt ? order.occurredAt : envelope.occurredAt;
  await bus.publishFact({ ...envelope, occurredAt, type: 'ledger.delivery.parked', delivery, reason });
}

/** What still says which delivery it is goes on; what does not is found again by reconciliation. Throws what publishing throws. */
async function passOnUnreadable(parts: DerivePartsDue, { body, error }: { body: unknown; error: Error }): Promise<void> {
  parts.log.error({ reason: describeError(error) }, 'an order for a derivation could not be handled');
  const read = derivationDue.pick({ delivery: true, profile: true, generation: true, facility: true }).safeParse(body);
  if (read.success) await goOn(parts, { ...newEnvelope(0), type: 'derivation.due', ...read.data }, { reason: describeError(error) });
}
