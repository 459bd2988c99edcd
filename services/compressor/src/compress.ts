// The compressor's story: an instance was received; by rule its data set is coerced, then compressed without loss or left as it is; then it is ready.

import type { Bus, Message } from '@causeway/shared/bus/bus';
import { consumeByFacility } from '@causeway/shared/bus/facility-queues';
import type { GatewayConfiguration, Revision } from '@causeway/shared/bus/gateway-configuration';
import { chooseCompression } from '@causeway/shared/config/choose-compression';
import { describeError, PermanentError, PublicationRefused, TransientError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { readySubject } from '@causeway/shared/events/flow';
import {
  type Compression,
  type Instance,
  type InstanceReady,
  type InstanceReceived,
  instanceReceived,
  type Lane,
  type ObjectRef,
} from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import { inSpan, SpanKind } from '@causeway/shared/spans';
import { type Coerced, coerce } from './coerce.ts';
import type { CompressionMeters } from './compression-meters.ts';
import { type DeriveParts, deriveObject } from './derive-object.ts';
import { type PrioritySemaphore, turnOf } from './priority-semaphore.ts';
import { quarantine } from './quarantine.ts';
import { ObjectDamaged } from './unsuitable.ts';

export interface CompressParts extends DeriveParts {
  readonly bus: Bus;
  readonly configuration: Pick<GatewayConfiguration, 'current'>;
  readonly log: Logger;
  readonly meters: Pick<CompressionMeters, 'count'>;
  /** Instances at work in this process, all lanes together. */
  readonly instances: PrioritySemaphore;
  /** Messages that the consumer of each lane and facility takes at a time; they wait for `instances` by lane, then by facility. */
  readonly messagesPerQueue: number;
}

/** Stat first, prior last: for instances, frame memory and codec threads alike. */
const PRIORITY: Record<Lane, number> = { stat: 0, routine: 1, prior: 2 };

/** An object whose bytes are not the received ones is read so often before it is believed to be damaged. */
const DAMAGE_READS = 3;

/** So often a defect of ours may hinder coercion; then a person must see the instance, which does not go on under what the rules were to correct. */
const COERCION_ATTEMPTS = 5;

/** So often compressing is tried; then the instance goes on as it is, whatever hinders: a full store, a defect of ours, a process that it kills. */
const ATTEMPTS = 5;

/** Consumes every lane and facility until `stop`, which finishes what is at work and gives back what waits. */
export function startCompressor(parts: CompressParts): { stop(): Promise<void> } {
  const consumption = consumeByFacility(
    parts,
    {
      ...{ service: 'compressor', stream: 'RECEIVED', prefix: 'instance.received', schema: instanceReceived },
      allot: (queues) => queues.map(() => parts.messagesPerQueue),
      onPermanent: (failure) => quarantine(parts, failure),
    },
    (message) => handleReceived(parts, message),
  );
  return {
    stop: async () => {
      parts.instances.refuse(new TransientError('the compressor is stopping'));
      await consumption.stop();
    },
  };
}

/**
 * Resolved: the instance is ready and the ledger told, so the message may be acknowledged. Throws TransientError (try again) or PermanentError
 * (quarantine: the object is missing or damaged). Nothing that a format or a codec does is an error.
 */
export async function handleReceived(parts: CompressParts, { event, deliveryCount }: Message<InstanceReceived>): Promise<void> {
  const { instance, facility } = event;
  const release = await parts.instances.acquire(1, PRIORITY[instance.lane], turnOf(instance, facility));
  try {
    const revision = currentRevision(parts);
    const coerced = await coerceReceived(parts, { event, deliveryCount }, revision);
    const compression = await compressCoerced(parts, { event: { ...event, instance: coerced.instance }, deliveryCount, coerced }, revision);
    await publishReady(parts, { ...event, instance: coerced.instance }, compression);
    parts.meters.count(event.instance, compression);
  } finally {
    release();
  }
}

/** What the coercion rules make of the instance. The object, if one is made, is durable. */
async function coerceReceived(
  parts: CompressParts,
  { event, deliveryCount }: Message<InstanceReceived>,
  { document }: Revision,
): Promise<Coerced> {
  const { instance, facility, generation } = event;
  try {
    return await coerce(parts, { instance, facility, document, isAgain: generation > 0 });
  } catch (error) {
    if (error instanceof ObjectDamaged) throw asBusError(error, deliveryCount);
    if (error instanceof TransientError || error instanceof PermanentError || deliveryCount < COERCION_ATTEMPTS) throw error;
    throw new PermanentError(`coercion failed ${COERCION_ATTEMPTS} times`, { cause: error });
  }
}

interface CoercedReceipt extends Message<InstanceReceived> {
  readonly coerced: Coerced;
}

/** A coerced object that does not go on is deleted: a repeat makes another. */
async function compressCoerced(parts: CompressParts, receipt: CoercedReceipt, revision: Revision): Promise<Compression> {
  const { coercion } = receipt.coerced;
  try {
    const compression = await compress(parts, receipt, revision);
    return coercion === undefined ? compression : { ...compression, coercion };
  } catch (error) {
    await deleteDerived(parts, coercion?.object);
    throw error;
  }
}

/** What the compression rules make of the instance as coerced. The object, if one is made, is durable. */
async function compress(parts: CompressParts, receipt: CoercedReceipt, { revision, document }: Revision): Promise<Compression> {
  const { event, deliveryCount, coerced } = receipt;
  const choice = chooseCompression(document, { ...event.instance, facility: event.facility });
  const decided = { revision, rule: choice.rule };
  if (choice.kind === 'unchanged') return { outcome: 'unchanged', reason: choice.reason, ...decided };
  if (deliveryCount > ATTEMPTS) return { outcome: 'unchanged', reason: `given up compressing after ${ATTEMPTS} attempts`, ...decided };
  try {
    const instance: Instance = { ...event.instance, ...coerced.coercion?.object };
    const order = { instance, syntax: choice.syntax, priority: PRIORITY[event.instance.lane] };
    const derivation = await inSpan({ name: 'compress', kind: SpanKind.INTERNAL, attributes: {} }, async (span) => {
      const made = await deriveObject(parts, order);
      span.set({
        'causeway.outcome': made.outcome,
        'dicom.transfer_syntax_uid': made.outcome === 'compressed' ? made.object.transferSyntaxUid : undefined,
      });
      return made;
    });
    if (derivation.outcome === 'compressed') return { ...derivation, reason: `${choice.syntax}, every frame proved`, ...decided };
    parts.log.info({ receiptId: event.instance.receiptId, reason: derivation.reason }, 'passed unchanged');
    return { outcome: 'unchanged', reason: derivation.reason.slice(0, 300), ...decided };
  } catch (error) {
    throw asBusError(error, deliveryCount);
  }
}

function currentRevision({ configuration }: CompressParts): Revision {
  const revision = configuration.current();
  if (revision === undefined) throw new TransientError('no gateway document has been published yet');
  return revision;
}

/** A read that went wrong once may go right; damage that stays is for a person. */
function asBusError(error: unknown, deliveryCount: number): unknown {
  if (!(error instanceof ObjectDamaged)) return error;
  const options = { cause: error };
  if (deliveryCount < DAMAGE_READS) return new TransientError('the stored object seems damaged; it is read again', options);
  return new PermanentError('the stored object is damaged', options);
}

/** First the work, then the fact; a repeat of either has the same effect. */
async function publishReady(parts: CompressParts, event: InstanceReceived, compression: Compression): Promise<void> {
  const { instance, facility, generation } = event;
  const ready: InstanceReady = { ...newEnvelope(generation, facility), type: 'instance.ready', instance, compression };
  try {
    await parts.bus.publish(ready, { subject: readySubject(instance.lane, facility), messageId: readyMessageId(event, compression) });
  } catch (error) {
    if (error instanceof PublicationRefused) for (const object of derivedObjects(compression)) await deleteDerived(parts, object);
    throw error;
  }
  await parts.bus.publishFact({ ...newEnvelope(generation, facility), type: 'ledger.instance.ready', instance, compression });
}

/**
 * A repeat that made another object is another message: were it taken for a double, the ledger would learn of one object and the router of the other.
 */
function readyMessageId({ instance, generation }: InstanceReceived, compression: Compression): string {
  const attempts = derivedObjects(compression).map(({ objectKey }) => `.${objectKey.slice(objectKey.lastIndexOf('/') + 1)}`);
  return `${instance.receiptId}.ready.${generation}${attempts.join('')}`;
}

const derivedObjects = ({ object, coercion }: Compression): ObjectRef[] => [object, coercion?.object].filter((ref) => ref !== undefined);

/** Nobody was told of it. When it cannot be deleted, or the outcome is unknown, the ledger's sweep of derived objects finds it. */
async function deleteDerived({ store, log }: CompressParts, object: ObjectRef | undefined): Promise<void> {
  if (object === undefined) return;
  try {
    await store.delete(object.objectKey);
  } catch (error) {
    log.warn({ key: object.objectKey, reason: describeError(error) }, 'a derived object that nobody knows of stays');
  }
}
