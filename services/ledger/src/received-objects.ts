// The received objects in the store, page by page, as reconciliation and the sweep look at them.
import type { ReceiptId } from '@causeway/shared/brands';
import type { StoredObject } from '@causeway/shared/object-store/describe-instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

/** Asked of the ledger in one query. */
const PAGE_OBJECTS = 500;
const RECEIVED_KEY = /^received\/\d{4}\/\d{2}\/\d{2}\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.dcm$/;
const DERIVED_KEY = /^derived\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\//;

/** Objects under the prefix that were last written before `olderThan`. */
export async function* receivedObjects(store: ObjectStore, prefix: string, olderThan: Date): AsyncGenerator<StoredObject[]> {
  yield* objectPages(store, { prefix, pattern: RECEIVED_KEY, olderThan });
}

/** As receivedObjects, for what was derived; several may be of one receipt. */
export async function* derivedObjects(store: ObjectStore, olderThan: Date): AsyncGenerator<StoredObject[]> {
  yield* objectPages(store, { prefix: 'derived/', pattern: DERIVED_KEY, olderThan });
}

async function* objectPages(
  store: ObjectStore,
  from: { prefix: string; pattern: RegExp; olderThan: Date },
): AsyncGenerator<StoredObject[]> {
  let page: StoredObject[] = [];
  for await (const { key, size, modifiedAt } of store.list(from.prefix)) {
    const receiptId = from.pattern.exec(key)?.[1];
    if (receiptId === undefined || modifiedAt >= from.olderThan) continue;
    page.push({ key, size, receiptId: receiptId as ReceiptId });
    if (page.length < PAGE_OBJECTS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

/** Prefixes below `root` of the days from `since` on, oldest first (UTC, as keys are). */
export function dayPrefixes(root: 'received/' | 'commitments/', since: Date, until: Date): string[] {
  const prefixes: string[] = [];
  const day = new Date(Date.UTC(since.getUTCFullYear(), since.getUTCMonth(), since.getUTCDate()));
  for (; day <= until; day.setUTCDate(day.getUTCDate() + 1))
    prefixes.push(`${root}${day.toISOString().slice(0, 10).replaceAll('-', '/')}/`);
  return prefixes;
}
