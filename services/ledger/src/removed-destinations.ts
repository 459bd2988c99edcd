// Work for a destination that the gateway document does not have: nobody would send it. What is queued or parked for it is told as failed, with the revision that removed it, and taken out
// of the queue, so that a person sees it and can send it once the destination is back.
import type { Bus } from '@causeway/shared/bus/bus';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { findRemoval } from '@causeway/shared/database/configuration-revisions';
import type { Database } from '@causeway/shared/database/database';
import { destinationsWithOpenWork } from '@causeway/shared/database/parked-deliveries';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { findDeliveriesInState } from '@causeway/shared/database/stored-work';
import { describeError } from '@causeway/shared/errors';
import { type Delivery, type DeliveryDue, deliveryDue } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import type { Logger } from '@causeway/shared/logger';

export interface RemovedParts {
  readonly bus: Pick<Bus, 'subjects' | 'takeOut' | 'publishFact'>;
  readonly database: Database;
  readonly revision: () => Revision | undefined;
  readonly log: Logger;
}

const PAGE = 250;
const LOOK_EVERY_MS = 5_000;
/** A destination must have been missing for so long: a router may have a document that this process does not have yet, an uploader ends what it has under way. */
const MISSING_FOR_MS = 15_000;

export class RemovedDestinations {
  readonly #parts: RemovedParts;
  /** Since when it is known that there is work for them and no place in the document. */
  readonly #missingSince = new Map<string, number>();

  constructor(parts: RemovedParts) {
    this.#parts = parts;
  }

  /** Resolves with how many deliveries are told as failed. `now` in ms; only differences count. */
  async look(now: number): Promise<number> {
    const revision = this.#parts.revision();
    if (revision === undefined) return 0;
    const missing = await missingIn(this.#parts, revision);
    for (const id of this.#missingSince.keys()) if (!missing.has(id)) this.#missingSince.delete(id);
    let count = 0;
    for (const id of missing) {
      const since = this.#missingSince.get(id) ?? now;
      this.#missingSince.set(id, since);
      if (now - since >= MISSING_FOR_MS) count += await failAll(this.#parts, id, revision);
    }
    return count;
  }
}

async function missingIn({ bus, database }: RemovedParts, { document }: Revision): Promise<Set<string>> {
  const queued = [...(await bus.subjects('DELIVERIES', 'delivery.due.>')).keys()].map((subject) => subject.split('.')[2]!);
  const found = new Set([...queued, ...(await destinationsWithOpenWork(database))]);
  for (const { id } of document.destinations) found.delete(id);
  return found;
}

async function failAll(parts: RemovedParts, destination: string, { revision }: Revision): Promise<number> {
  const reason = reasonOf(destination, await findRemoval(parts.database, destination), revision);
  const queued = await parts.bus.takeOut(
    { stream: 'DELIVERIES', subject: `delivery.due.${destination}.>`, schema: deliveryDue },
    async (due) => {
      // Decided by a later document than ours: it is not for us to say.
      if (due.some(({ delivery }) => delivery.cause.revision > revision)) return false;
      await tell(parts, due, reason);
      return true;
    },
  );
  const known = await failKnown(parts, destination, { reason, revision });
  if (queued + known > 0) parts.log.warn({ destination, queued, known }, `${reason}: its deliveries are told as failed`);
  return queued + known;
}

/** What the ledger knows as due, and nothing is queued for. */
async function failKnown(parts: RemovedParts, destination: string, because: { reason: string; revision: number }): Promise<number> {
  let count = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await findDeliveriesInState(parts.database, { destination, states: ['due', 'retrying', 'parked'], afterId, limit: PAGE });
    if (page.length === 0) return count;
    const ours = page.filter(({ delivery }) => delivery.cause.revision <= because.revision);
    await tell(parts, ours, because.reason);
    count += ours.length;
    afterId = page.at(-1)!.delivery.id;
  }
}

async function tell(
  { bus, database }: RemovedParts,
  due: readonly (Pick<DeliveryDue, 'generation'> & { delivery: Delivery })[],
  reason: string,
): Promise<void> {
  const facts = due.map(
    ({ delivery, generation }): FactOf<'ledger.delivery.failed'> => ({
      ...newEnvelope(generation, delivery.facility),
      type: 'ledger.delivery.failed',
      delivery,
      attempt: 0,
      reason,
    }),
  );
  await Promise.all(facts.map((fact) => bus.publishFact(fact)));
  await applyFacts(database, facts);
}

function reasonOf(destination: string, removal: { revision: number } | undefined, present: number): string {
  const what = `destination ${destination}`;
  if (removal === undefined) return `${what} is in no revision of the configuration (${present} holds)`;
  return `${what} was removed from the configuration at revision ${removal.revision}`;
}

/** Resolves at once; goes on until `stop`, which waits for the look under way. */
export function keepFailingRemoved(parts: RemovedParts): { stop(): Promise<void> } {
  const removed = new RemovedDestinations(parts);
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const round = async (): Promise<void> => {
    await removed
      .look(performance.now())
      .catch((error: unknown) => parts.log.warn({ reason: describeError(error) }, 'work for removed destinations was not looked at'));
    if (!stopped) timer = setTimeout(() => (running = round()), LOOK_EVERY_MS);
  };
  let running = round();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
