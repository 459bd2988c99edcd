// What the console's routes work with.
import type { Bus } from '@causeway/shared/bus/bus';
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import type { Database } from '@causeway/shared/database/database';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { Fact, FactOf } from '@causeway/shared/events/facts';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

export interface ConsoleParts {
  readonly database: Database;
  readonly bus: Bus;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
  readonly log: Logger;
  /** The gateway document that the services have; undefined until one was published. */
  readonly revision: () => Revision | undefined;
  /** What is wrong with the gateway document, in one line; undefined: nothing. */
  readonly configurationProblem: () => string | undefined;
  /** Where the receiver listens when the gateway document names no port. */
  readonly dicomPort: number;
  /** Holds the first password of the first user while that is not changed. */
  readonly firstPasswordFile?: string;
  /** Bytes of the disk that received objects are written to; absent where the store cannot tell. */
  readonly space?: () => Promise<{ free: number; total: number }>;
  /** Where received objects lie. */
  readonly store: Pick<ObjectStore, 'get'>;
  /** Service name to the base URL of its ops server. */
  readonly services: Readonly<Record<string, string>>;
  /** Addresses and networks whose X-Forwarded-For and X-Forwarded-Proto are believed [nobody's]. */
  readonly trustedProxies?: readonly string[];
}

/** Who does it: see actorOf. */
export type Actor = Pick<FactOf<'ledger.operator.acted'>, 'operator' | 'token'>;
export type Action = Actor & Pick<FactOf<'ledger.operator.acted'>, 'action' | 'subject'> & { generation?: number };

/** The audit entry: published for the ledger, so that it survives with the facts. */
export async function publishAction(bus: Bus, { generation = 0, ...action }: Action): Promise<Fact> {
  const fact = { ...newEnvelope(generation), type: 'ledger.operator.acted', ...action } as const;
  await bus.publishFact(fact);
  return fact;
}

/** Facts that were published are written at once too, so that the page shows what was just done; if that fails, the ledger does it a moment later. */
export async function showAtOnce({ database, log }: ConsoleParts, facts: readonly Fact[]): Promise<void> {
  await applyFacts(database, facts).catch((error: Error) => log.warn({ reason: error.message }, 'left to the ledger'));
}

/** For what must work, or is done already, while JetStream is away: then the log has what the audit lacks. */
export async function auditIfPossible(parts: ConsoleParts, action: Action): Promise<void> {
  try {
    await showAtOnce(parts, [await publishAction(parts.bus, action)]);
  } catch (error) {
    parts.log.warn({ ...action, reason: (error as Error).message }, 'not in the audit');
  }
}
