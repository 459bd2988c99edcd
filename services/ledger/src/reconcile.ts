// Reconciliation: an object that the ledger does not know, an instance that stopped half-way, a delivery that nothing is queued for: each is set
// in motion again, with a higher generation. It never races with work in flight: only what is older than a grace age is judged, only after a
// moment with empty queues was seen, and as the ledger knows it after that moment. Doing it twice is harmless; not doing it would lose an image.
import type { Bus } from '@causeway/shared/bus/bus';
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { deliverAgain, receiveAgain } from '@causeway/shared/bus/set-in-motion';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { knownReceipts } from '@causeway/shared/database/retention-queries';
import { destinationsWithOldWork, findDeliveriesInState, findStuckInstances } from '@causeway/shared/database/stored-work';
import { describeError, ObjectMissing, PermanentError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';
import type { StoredObject } from '@causeway/shared/object-store/describe-instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { describeObject } from './describe-object.ts';
import type { LedgerMetrics } from './ledger-metrics.ts';
import { destinationIsQuiet, instancesAreQuiet, type QuietOptions } from './quiet.ts';
import { receivedObjects } from './received-objects.ts';
import { Stumbles } from './stumbles.ts';

export interface ReconcileParts {
  readonly bus: Bus;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
  readonly store: ObjectStore;
  readonly database: Database;
  readonly log: Logger;
  readonly metrics: Pick<LedgerMetrics, 'reconciled' | 'postponed'>;
}

export interface ReconcileOptions {
  readonly document: GatewayDocument;
  /** Only what nothing happened to since then is judged. */
  readonly olderThan: Date;
  /** Where to look for objects: `received/`, or the prefixes of some days. */
  readonly prefixes: readonly string[];
  readonly quiet: QuietOptions;
}

/** What was set in motion again. */
export interface Reconciled {
  readonly objects: number;
  readonly instances: number;
  readonly deliveries: number;
}

const PAGE = 500;

export async function reconcile(parts: ReconcileParts, options: ReconcileOptions): Promise<Reconciled> {
  const objects = await receiveUnknownObjects(parts, options);
  const instances = await receiveStuckInstances(parts, options);
  const deliveries = await deliverUnqueued(parts, options);
  return { objects, instances, deliveries };
}

async function receiveUnknownObjects(parts: ReconcileParts, options: ReconcileOptions): Promise<number> {
  const describe = describing(parts, options.document);
  let count = 0;
  let quiet = false;
  for (const prefix of options.prefixes)
    for await (const page of receivedObjects(parts.store, prefix, options.olderThan)) {
      const unknown = await unknownAmong(parts, page);
      if (unknown.length === 0) continue;
      // Seen once is enough: what is older than the grace age was in no queue then, and so is in none later.
      quiet ||= await instancesAreQuiet(parts.bus, options.quiet);
      if (!quiet) {
        parts.metrics.postponed('objects', unknown.length);
        return count;
      }
      // Looked at once more: its first fact may have been on its way.
      for (const object of await unknownAmong(parts, unknown)) count += await receiveObject(parts, object, describe);
    }
  return count;
}

async function unknownAmong({ database }: ReconcileParts, objects: StoredObject[]): Promise<StoredObject[]> {
  const known = await knownReceipts(
    database,
    objects.map(({ receiptId }) => receiptId),
  );
  return objects.filter(({ receiptId }) => !known.has(receiptId));
}

type Describe = (object: StoredObject) => Promise<Awaited<ReturnType<typeof describeObject>> | undefined>;

/** undefined: it cannot be read now, or not at all, which the log tells; one such object keeps no other from being taken up. */
function describing({ store, log }: ReconcileParts, document: GatewayDocument): Describe {
  const stumbles = new Stumbles(log);
  const describe = async (object: StoredObject) => {
    try {
      return await describeObject(store, object, document);
    } catch (error) {
      if (error instanceof ObjectMissing) return undefined;
      if (!(error instanceof PermanentError)) throw error;
      log.error({ objectKey: object.key, reason: describeError(error) }, 'an object in the store cannot be taken up again: look at it');
      return undefined;
    }
  };
  return (object) => stumbles.over(object.key, () => describe(object));
}

/** Generation 1: whatever the first generation still does somewhere, this one is newer. */
async function receiveObject({ bus, log, metrics }: ReconcileParts, object: StoredObject, describe: Describe): Promise<number> {
  const described = await describe(object);
  if (described === undefined) return 0;
  await receiveAgain(bus, described.instance, { generation: 1, facility: described.facility });
  metrics.reconciled('objects', 1);
  log.warn({ receiptId: object.receiptId }, 'an object that the ledger did not know is set in motion');
  return 1;
}

async function receiveStuckInstances(parts: ReconcileParts, { olderThan, quiet }: ReconcileOptions): Promise<number> {
  const { bus, database, log, metrics } = parts;
  if ((await findStuckInstances(database, { olderThan, limit: 1 })).length === 0) return 0;
  if (!(await instancesAreQuiet(bus, quiet))) {
    metrics.postponed('instances', 1);
    return 0;
  }
  let count = 0;
  let afterReceiptId: string | undefined;
  for (;;) {
    const page = await findStuckInstances(database, { olderThan, afterReceiptId, limit: PAGE });
    if (page.length === 0) break;
    for (const { instance, facility, generation } of page) await receiveAgain(bus, instance, { generation: generation + 1, facility });
    metrics.reconciled('instances', page.length);
    count += page.length;
    afterReceiptId = page.at(-1)!.instance.receiptId;
  }
  if (count > 0) log.warn({ instances: count }, 'instances that stopped half-way are set in motion again');
  return count;
}

/** A destination that the document no longer has keeps its deliveries as they are: nobody would take them. */
async function deliverUnqueued(parts: ReconcileParts, options: ReconcileOptions): Promise<number> {
  const configured = new Set(options.document.destinations.map(({ id }) => id));
  let count = 0;
  for (const destination of await destinationsWithOldWork(parts.database, options.olderThan))
    if (configured.has(destination)) count += await deliverUnqueuedTo(parts, destination, options);
  return count;
}

async function deliverUnqueuedTo(parts: ReconcileParts, destination: string, { olderThan, quiet }: ReconcileOptions): Promise<number> {
  const { bus, database, log, metrics } = parts;
  const states = ['due', 'retrying'] as const;
  if (!(await destinationIsQuiet(bus, destination, quiet))) {
    metrics.postponed('deliveries', 1);
    return 0;
  }
  let count = 0;
  let afterId: string | undefined;
  for (;;) {
    const page = await findDeliveriesInState(database, { destination, states, olderThan, afterId, limit: PAGE });
    if (page.length === 0) break;
    for (const { delivery, generation } of page) await deliverAgain(parts, delivery, { generation: generation + 1 });
    metrics.reconciled('deliveries', page.length);
    count += page.length;
    afterId = page.at(-1)!.delivery.id;
  }
  if (count > 0) log.warn({ destination, deliveries: count }, 'deliveries that nothing was queued for are queued again');
  return count;
}
