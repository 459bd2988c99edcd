// The facts the uploader publishes about deliveries and destinations.
import type { DeliveryDue } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import type { Delivered } from './delivery-outcome.ts';
import type { OutboundChange } from './outbound-object.ts';

const MAX_REASON_CHARACTERS = 500;
const MAX_WORDS_CHARACTERS = 64;

const about = ({ delivery, generation, facility }: DeliveryDue) => ({ ...newEnvelope(generation, facility), delivery });
const cut = (reason: string): string => reason.slice(0, MAX_REASON_CHARACTERS);

/** `digest`: of the data set that arrived; `change`: what coercion on delivery made different. */
export function confirmedFact(
  due: DeliveryDue,
  attempt: number,
  arrived: Delivered & { digest: string; change?: Pick<OutboundChange, 'rules' | 'skipped'> | undefined },
): FactOf<'ledger.delivery.confirmed'> {
  return {
    ...about(due),
    type: 'ledger.delivery.confirmed',
    attempt,
    confirmation: arrived.confirmation.slice(0, MAX_WORDS_CHARACTERS),
    digest: arrived.digest,
    warning: arrived.warning?.slice(0, MAX_WORDS_CHARACTERS),
    coercion: arrived.change && coercionOf(arrived.change),
  };
}

export const coercionOf = ({ rules, skipped }: Pick<OutboundChange, 'rules' | 'skipped'>) => ({
  rules: [...rules],
  ...(skipped.length > 0 && { skipped: [...skipped] }),
});

export function attemptedFact(
  due: DeliveryDue,
  attempt: number,
  failure: { reason: string; nextAttemptAt: Date },
): FactOf<'ledger.delivery.attempted'> {
  const nextAttemptAt = failure.nextAttemptAt.toISOString();
  return { ...about(due), type: 'ledger.delivery.attempted', attempt, reason: cut(failure.reason), nextAttemptAt };
}

export function failedFact(due: DeliveryDue, attempt: number, reason: string): FactOf<'ledger.delivery.failed'> {
  return { ...about(due), type: 'ledger.delivery.failed', attempt, reason: cut(reason) };
}

export function destinationFact(destination: string, state: 'open' | 'paused', reason?: string): FactOf<'ledger.destination.changed'> {
  return {
    ...newEnvelope(),
    type: 'ledger.destination.changed',
    destination,
    state,
    ...(reason === undefined ? {} : { reason: cut(reason) }),
  };
}
