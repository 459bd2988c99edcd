// The sweep finishes deletions that were cut short, and removes derived objects whose receipt is certainly gone. It deletes by what nobody knows, so it is held short: when there
// is more than a few kills can leave, something is wrong, and it stops and says so.
import { type ObjectKey, type ReceiptId, receivedKey } from '@causeway/shared/brands';
import { noteSwept, sweptLately } from '@causeway/shared/database/deletion-proofs';
import { knownReceipts } from '@causeway/shared/database/retention-queries';
import { factsAreWritten, type QuietOptions } from './quiet.ts';
import { derivedObjects, receivedObjects } from './received-objects.ts';
import type { RetainParts } from './retain.ts';
import { Stumbles } from './stumbles.ts';

export interface SweepOptions {
  /** Younger objects belong to work in flight. */
  readonly olderThan: Date;
  readonly quiet: QuietOptions;
  /** Objects in an hour, by all ledgers together; absent: 1,000, which is two pages of a retention that was killed. */
  readonly mostPerHour?: number;
}

const MOST_PER_HOUR = 1_000;

/** Resolves with the number of objects deleted. */
export async function sweep(parts: RetainParts, { olderThan, quiet, mostPerHour = MOST_PER_HOUR }: SweepOptions): Promise<number> {
  if (!(await factsAreWritten(parts.bus, quiet))) return 0;
  const allowed = mostPerHour - (await sweptLately(parts.database));
  const stumbles = new Stumbles(parts.log);
  let count = 0;
  for await (const key of withoutOwner(parts, olderThan)) {
    if (count >= allowed) {
      parts.log.error(
        { mostPerHour },
        'more objects without an owner than the sweep may delete in an hour: look at them before it goes on',
      );
      break;
    }
    await noteSwept(parts.database, 1);
    if (await stumbles.over(key, () => parts.store.delete(key).then(() => true))) count += 1;
  }
  if (count > 0) parts.log.info({ objects: count }, 'objects without an owner deleted');
  return count;
}

/** Marked as deleted; or derived, unknown to the ledger and without a received object. */
async function* withoutOwner(parts: RetainParts, olderThan: Date): AsyncGenerator<ObjectKey> {
  const { store, database, log } = parts;
  for await (const page of receivedObjects(store, 'received/', olderThan)) {
    const known = await knownReceipts(database, idsOf(page));
    for (const { key, receiptId } of page) if (known.get(receiptId)?.objectDeleted) yield key;
  }
  const stumbles = new Stumbles(log);
  for await (const page of derivedObjects(store, olderThan)) {
    const known = await knownReceipts(database, idsOf(page));
    for (const { key, receiptId } of page) {
      const isGone =
        known.get(receiptId)?.objectDeleted ??
        (await stumbles.over(key, async () => (await store.stat(receivedKey(receiptId))) === undefined));
      if (isGone) yield key;
    }
  }
}

const idsOf = (page: readonly { receiptId: ReceiptId }[]): ReceiptId[] => [...new Set(page.map(({ receiptId }) => receiptId))];
