// Setting work in motion again: by reconciliation, or because an operator asked. The work first, then the fact, each with a higher generation.
// Each resolves with the fact, so that who wants to see it in the ledger at once can write it there.
import type { Delivery } from '../events/delivery.ts';
import { newEnvelope } from '../events/envelope.ts';
import type { Fact, ParkReason } from '../events/facts.ts';
import { readySubject, receivedSubject } from '../events/flow.ts';
import type { Assignment, Compression, Instance } from '../events/instance.ts';
import type { Bus } from './bus.ts';
import type { DeliveryQueues } from './delivery-queues.ts';

/** `facility`: what the association alone decided. `generation`: higher than any before. */
export interface Motion {
  readonly generation: number;
  readonly facility?: string;
}

/** From the start of its way: compression and rules are applied as they are now. */
export async function receiveAgain(bus: Bus, instance: Instance, { generation, facility }: Motion): Promise<Fact> {
  const messageId = `${instance.receiptId}.received.${generation}`;
  const event = { ...newEnvelope(generation, facility), type: 'instance.received', instance } as const;
  await bus.publish(event, { subject: receivedSubject(instance.lane, facility), messageId });
  return told(bus, { ...newEnvelope(generation, facility), type: 'ledger.instance.received', instance });
}

/** To the rules again, with an operator's assignment if there is one. `onRecord`: where it went or goes already. */
export async function routeAgain(
  bus: Bus,
  work: { instance: Instance; compression: Compression; assignment?: Assignment; onRecord: string[] },
  { generation, facility }: Motion,
): Promise<Fact> {
  const { instance, compression } = work;
  const messageId = `${instance.receiptId}.ready.${generation}`;
  const event = { ...newEnvelope(generation, facility), type: 'instance.ready', ...work } as const;
  await bus.publish(event, { subject: readySubject(instance.lane, facility), messageId });
  return told(bus, { ...newEnvelope(generation, facility), type: 'ledger.instance.ready', instance, compression });
}

export interface DeliveryMotion {
  readonly bus: Pick<Bus, 'publishFact'>;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
}

/** `wasParked`: as in the event. */
export interface DeliveryAgain {
  readonly generation: number;
  readonly wasParked?: boolean;
}

/** Queued, or parked where no queue has room: the fact tells which. */
export async function deliverAgain(motion: DeliveryMotion, delivery: Delivery, again: DeliveryAgain): Promise<Fact> {
  const queued = await queueAgain(motion, delivery, again);
  if (typeof queued === 'object') return queued;
  const envelope = newEnvelope(again.generation, delivery.facility);
  return told(motion.bus, { ...envelope, type: 'ledger.delivery.parked', delivery, reason: queued });
}

/** The fact, or the reason why nothing was published. */
export async function queueAgain(
  { bus, queues }: DeliveryMotion,
  delivery: Delivery,
  { generation, wasParked }: DeliveryAgain,
): Promise<Fact | ParkReason> {
  const { facility } = delivery;
  const event = { ...newEnvelope(generation, facility), type: 'delivery.due', delivery, wasParked } as const;
  const full = await queues.publish(event, `${delivery.id}.due.${generation}`);
  return full ?? told(bus, { ...newEnvelope(generation, facility), type: 'ledger.delivery.due', delivery });
}

async function told(bus: Pick<Bus, 'publishFact'>, fact: Fact): Promise<Fact> {
  await bus.publishFact(fact);
  return fact;
}
