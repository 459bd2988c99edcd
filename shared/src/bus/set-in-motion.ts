// Setting work in motion again: by reconciliation, or because an operator asked. The work first, then the fact, each with a higher generation.
// Each resolves with the fact, so that who wants to see it in the ledger at once can write it there.
import type { Delivery } from '../events/delivery.ts';
import { newEnvelope } from '../events/envelope.ts';
import type { Fact } from '../events/facts.ts';
import { deliverySubject, readySubject, receivedSubject } from '../events/flow.ts';
import type { Assignment, Compression, Instance } from '../events/instance.ts';
import type { Bus } from './bus.ts';

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

export async function deliverAgain(bus: Bus, delivery: Delivery, generation: number): Promise<Fact> {
  const { destination, facility, instance } = delivery;
  const messageId = `${delivery.id}.due.${generation}`;
  const event = { ...newEnvelope(generation, facility), type: 'delivery.due', delivery } as const;
  await bus.publish(event, { subject: deliverySubject(destination, instance.lane, facility), messageId });
  return told(bus, { ...newEnvelope(generation, facility), type: 'ledger.delivery.due', delivery });
}

async function told(bus: Bus, fact: Fact): Promise<Fact> {
  await bus.publishFact(fact);
  return fact;
}
