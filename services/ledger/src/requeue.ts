// Parked work comes back: as soon as the queues of a destination and a facility have fallen well below their limits, the ledger queues what waited for them, stat first, then
// routine, then prior, in each the oldest first. Published first, then written, under a lock that one ledger has: whatever is killed in between, a delivery is
// queued once more with the same generation and message id, never lost, and never taken for queued when it is not.
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { type DeliveryMotion, queueAgain } from '@causeway/shared/bus/set-in-motion';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { isAloneWithParked, listParkedPlaces, nextParked, type ParkedPlace } from '@causeway/shared/database/parked-deliveries';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { findDeliveries, type StoredDelivery } from '@causeway/shared/database/stored-work';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { Fact } from '@causeway/shared/events/facts';
import type { Logger } from '@causeway/shared/logger';
import type { LedgerMetrics } from './ledger-metrics.ts';

export interface RequeueParts extends DeliveryMotion {
  readonly queues: Pick<DeliveryQueues, 'publish' | 'hasRoom'>;
  readonly database: Database;
  readonly document: () => GatewayDocument | undefined;
  readonly log: Logger;
  readonly metrics: Pick<LedgerMetrics, 'requeued'>;
}

const PAGE = 250;
/** Then the next destination has its turn: one with a long queue does not let the others wait. */
const PAGES_A_TURN = 8;
/** With one destination that fails the others have their turn; with so many it is not the destinations (JetStream or PostgreSQL is away). */
const MOST_FAILING = 3;
/** While something comes back; the queues are counted anew after that. */
const AGAIN_AFTER_MS = 250;
/** While nothing is parked, or nothing has room. */
const LOOK_EVERY_MS = 1_000;
/** Of the time, at most so much is spent in looking. */
const MOST_BUSY = 0.1;

/** One turn of every destination that has parked work; resolves with how many deliveries are queued. Throws what one of them failed with, after the others' turns. */
export async function requeue(parts: RequeueParts): Promise<number> {
  const configured = new Set(parts.document()?.destinations.map(({ id }) => id));
  const places = Map.groupBy(await listParkedPlaces(parts.database), ({ destination }) => destination);
  const failures: unknown[] = [];
  let count = 0;
  for (const [destination, parked] of places) {
    if (!configured.has(destination)) continue;
    try {
      count += await requeueTo(parts, parked);
    } catch (error) {
      failures.push(error);
      if (failures.length >= MOST_FAILING) break;
    }
  }
  if (failures.length > 0) throw failures[0];
  return count;
}

async function requeueTo(parts: RequeueParts, parked: readonly ParkedPlace[]): Promise<number> {
  let count = 0;
  for (let page = 0; page < PAGES_A_TURN; page += 1) {
    const open = (await Promise.all(parked.map((place) => parts.queues.hasRoom(place)))).flatMap((has, at) => (has ? [parked[at]!] : []));
    const queued = open.length === 0 ? 0 : await requeuePage(parts, open);
    count += queued;
    if (queued < PAGE) break;
  }
  if (count > 0) {
    parts.metrics.requeued(parked[0]!.destination, count);
    parts.log.info({ destination: parked[0]!.destination, deliveries: count }, 'parked deliveries are queued');
  }
  return count;
}

/** Resolves with how many found room; 0 also when another ledger is at it. */
async function requeuePage(parts: RequeueParts, places: readonly ParkedPlace[]): Promise<number> {
  return parts.database.transaction(async (transaction) => {
    if (!(await isAloneWithParked(transaction))) return 0;
    const page = await inOrder(transaction, await nextParked(transaction, places, PAGE));
    const results = await Promise.allSettled(page.map((stored) => queueOne(parts, stored)));
    const facts = results.flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : []));
    // By another connection, and before the lock is given back: the next look finds them queued.
    await applyFacts(parts.database, facts);
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    return facts.filter(({ type }) => type === 'ledger.delivery.due').length;
  });
}

async function inOrder(transaction: Parameters<typeof findDeliveries>[0], ids: readonly string[]): Promise<StoredDelivery[]> {
  const found = new Map((await findDeliveries(transaction, ids, 'all')).map((stored) => [stored.delivery.id, stored]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** undefined: the queue has filled up meanwhile, and it stays parked as it is. */
async function queueOne(parts: RequeueParts, { delivery, generation, objectDeleted }: StoredDelivery): Promise<Fact | undefined> {
  if (!objectDeleted) {
    const queued = await queueAgain(parts, delivery, { generation: generation + 1, wasParked: true });
    return typeof queued === 'object' ? queued : undefined;
  }
  const reason = 'its object was deleted while it was parked';
  const fact = { ...newEnvelope(generation, delivery.facility), type: 'ledger.delivery.failed', delivery, attempt: 0, reason } as const;
  await parts.bus.publishFact(fact);
  return fact;
}

/** Resolves at once; goes on until `stop`, which waits for the turn under way. */
export function keepRequeuing(parts: RequeueParts): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let isAway = false;
  const round = async (): Promise<void> => {
    const began = performance.now();
    let queued = 0;
    try {
      queued = await requeue(parts);
      isAway = false;
    } catch (error) {
      if (!isAway) parts.log.warn({ reason: describeError(error) }, 'parked deliveries wait; trying again');
      isAway = true;
    }
    const took = performance.now() - began;
    const waitMs = queued > 0 ? AGAIN_AFTER_MS : Math.max(LOOK_EVERY_MS, took / MOST_BUSY);
    if (!stopped) timer = setTimeout(() => (running = round()), waitMs);
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
