// Facts of made-up instances for the tests of ledger, console and database.
import { createHash } from 'node:crypto';
import { type ReceiptId, receivedKey, uuidV7 } from '../brands.ts';
import type { Delivery } from '../events/delivery.ts';
import { deliveryIdOf } from '../events/delivery.ts';
import type { Fact, FactOf, Held } from '../events/facts.ts';
import type { Compression, Instance } from '../events/instance.ts';

/** 2026-01-05T10:00:00Z: all times of the samples are this plus seconds. */
export const SAMPLE_EPOCH_MS = Date.UTC(2026, 0, 5, 10);

export const sampleTime = (seconds: number): string => new Date(SAMPLE_EPOCH_MS + seconds * 1000).toISOString();

export const sampleEnvelope = (seconds: number, generation = 0) =>
  ({ id: uuidV7(SAMPLE_EPOCH_MS + seconds * 1000), version: 1, occurredAt: sampleTime(seconds), facility: 'north', generation }) as const;

/** Instance `number` of study `study`, received `number` seconds after the epoch. */
export function sampleInstance(study: number, number: number, attributes: Record<string, string> = {}): Instance {
  const receiptId = uuidV7(SAMPLE_EPOCH_MS + number * 1000) as ReceiptId;
  const studyInstanceUid = `1.2.826.0.1.3680043.99.${study}`;
  return {
    receiptId,
    receivedAt: sampleTime(number),
    objectKey: receivedKey(receiptId),
    size: 1000 + number,
    digest: createHash('sha256').update(receiptId).digest('hex'),
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    sopClassUid: '1.2.840.10008.5.1.4.1.1.2',
    sopInstanceUid: `${studyInstanceUid}.1.${number}`,
    studyInstanceUid,
    seriesInstanceUid: `${studyInstanceUid}.1`,
    lane: 'routine',
    association: { callingAe: 'CT1', calledAe: 'GATEWAY', source: '10.1.0.7', listener: 'lan' },
    attributes: {
      PatientName: `SAMPLE^PATIENT${study}`,
      PatientID: `PID${study}`,
      AccessionNumber: `ACC${study}`,
      StudyDate: '20260105',
      StudyTime: '100000',
      StudyDescription: 'THORAX NATIV',
      Modality: 'CT',
      InstitutionName: 'North Imaging',
      InstanceNumber: String(number),
      ...attributes,
    },
  };
}

export const sampleCompression: Compression = { outcome: 'unchanged', reason: 'no rule', revision: 1 };

export function sampleDelivery(instance: Instance, destination: string): Delivery {
  const id = deliveryIdOf(instance.receiptId, destination);
  return { id, destination, facility: 'north', cause: { rule: 'facility north', revision: 1 }, instance };
}

export const receivedFact = (instance: Instance, seconds: number, generation = 0): Fact => ({
  ...sampleEnvelope(seconds, generation),
  type: 'ledger.instance.received',
  instance,
});
export const readyFact = (instance: Instance, seconds: number, generation = 0): Fact => ({
  ...sampleEnvelope(seconds, generation),
  type: 'ledger.instance.ready',
  instance,
  compression: sampleCompression,
});
export const quarantinedFact = (instance: Instance, seconds: number, generation = 0): Fact => ({
  ...sampleEnvelope(seconds, generation),
  type: 'ledger.instance.quarantined',
  instance,
  step: 'compress',
  reason: 'not a Part 10 object',
});

export function routedFact(instance: Instance, seconds: number, options: { to?: string[]; held?: Held; generation?: number }): Fact {
  return {
    ...sampleEnvelope(seconds, options.generation),
    type: 'ledger.instance.routed',
    instance,
    compression: sampleCompression,
    revision: 1,
    facilities: [{ id: 'north', rule: 'match 1' }],
    deliveries: (options.to ?? []).map((destination) => {
      const { instance: _, ...delivery } = sampleDelivery(instance, destination);
      return delivery;
    }),
    held: options.held,
  };
}

export const attemptedFact = (delivery: Delivery, seconds: number, attempt: number): FactOf<'ledger.delivery.attempted'> => ({
  ...sampleEnvelope(seconds),
  type: 'ledger.delivery.attempted',
  delivery,
  attempt,
  reason: 'connect ECONNREFUSED',
  nextAttemptAt: sampleTime(seconds + 60),
});

export function confirmedFact(delivery: Delivery, seconds: number, generation = 0): FactOf<'ledger.delivery.confirmed'> {
  const { digest } = delivery.instance;
  return {
    ...sampleEnvelope(seconds, generation),
    type: 'ledger.delivery.confirmed',
    delivery,
    attempt: 1,
    confirmation: 'stow 200',
    digest,
  };
}

export const failedFact = (delivery: Delivery, seconds: number, generation = 0): FactOf<'ledger.delivery.failed'> => ({
  ...sampleEnvelope(seconds, generation),
  type: 'ledger.delivery.failed',
  delivery,
  attempt: 3,
  reason: 'the archive refused: 0122 SOP class not supported',
});

export const parkedFact = (delivery: Delivery, seconds: number, generation = 0): FactOf<'ledger.delivery.parked'> => ({
  ...sampleEnvelope(seconds, generation),
  type: 'ledger.delivery.parked',
  delivery,
  reason: 'destination-queue',
});

export const actedFact = (
  action: FactOf<'ledger.operator.acted'>['action'],
  subject: string,
  at: { seconds: number; generation: number },
): Fact => ({
  ...sampleEnvelope(at.seconds, at.generation),
  type: 'ledger.operator.acted',
  operator: 'admin',
  action,
  subject,
});
