// Upkeep of what is no image: storage commitment requests that were lost on their way are taken up again, and old commitments and associations are forgotten.
import type { ObjectKey } from '@causeway/shared/brands';
import type { Bus } from '@causeway/shared/bus/bus';
import { forgetAssociations } from '@causeway/shared/database/association-rows';
import { findFinishedCommitments, forgetCommitments, knownCommitments } from '@causeway/shared/database/commitment-rows';
import type { Database } from '@causeway/shared/database/database';
import { forgetAssociationEnds } from '@causeway/shared/database/study-arrivals';
import { describeError, PermanentError } from '@causeway/shared/errors';
import { type Commitment, commitmentRequest } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { COMMITMENT_DUE_SUBJECT } from '@causeway/shared/events/flow';
import type { Logger } from '@causeway/shared/logger';
import { readJsonObject } from '@causeway/shared/object-store/json-objects';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { Stumbles } from './stumbles.ts';

export interface RecordsParts {
  readonly bus: Pick<Bus, 'publish'>;
  readonly store: ObjectStore;
  readonly database: Database;
  readonly log: Logger;
}

const DAY_MS = 86_400_000;
/** A finished commitment, and an association: long enough to look into what a modality complains about. */
export const RECORDS_KEPT_MS = 30 * DAY_MS;
/** Studies of an association settle within an hour or so of its end; where the ledger was away, their facts are still there to be told again. */
const ENDS_KEPT_MS = 14 * DAY_MS;
/** At 2 KB each some 400 MB; a large site has 100,000 associations a month. */
const MOST_ASSOCIATIONS = 200_000;
const PAGE = 500;
const COMMITMENT_KEY = /^commitments\/\d{4}\/\d{2}\/\d{2}\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})-([a-z]+)/;

interface CommitmentObject {
  readonly key: ObjectKey;
  readonly id: string;
  readonly isRequest: boolean;
  readonly modifiedAt: Date;
}

export interface AdoptOptions {
  readonly olderThan: Date;
  readonly now: Date;
  /** Where to look: `commitments/`, or the prefixes of some days. */
  readonly prefixes: readonly string[];
}

/**
 * JetStream may have lost a request that was answered 0000, and a kill may have left objects of a commitment that nobody knows: a request is taken up again, and
 * what is older than any commitment is deleted. Younger than `olderThan`: work in flight. Resolves with how many were taken up.
 */
export async function adoptCommitments(parts: RecordsParts, options: AdoptOptions): Promise<number> {
  const stumbles = new Stumbles(parts.log);
  let count = 0;
  for await (const page of commitmentObjects(parts.store, options)) {
    const known = await knownCommitments(
      parts.database,
      page.map(({ id }) => id),
    );
    for (const object of page) {
      if (known.has(object.id)) continue;
      const isOld = options.now.getTime() - object.modifiedAt.getTime() > 2 * RECORDS_KEPT_MS;
      if (isOld) await stumbles.over(object.key, () => parts.store.delete(object.key));
      else if (object.isRequest) {
        const request = await stumbles.over(object.key, () => readRequest(parts, object));
        if (request !== undefined) count += await adopt(parts, request);
      }
    }
  }
  return count;
}

/** undefined: it can never be taken up. */
async function readRequest({ store, log }: RecordsParts, { key }: CommitmentObject): Promise<Commitment | undefined> {
  try {
    const { commitment, references } = await readJsonObject(store, key, commitmentRequest);
    return { ...commitment, requestKey: key, references: references.length };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    log.error(
      { objectKey: key, reason: describeError(error) },
      'a storage commitment request in the store cannot be taken up again: look at it',
    );
    return undefined;
  }
}

async function adopt({ bus, log }: RecordsParts, commitment: Commitment): Promise<number> {
  const event = { ...newEnvelope(1), type: 'commitment.due', commitment };
  await bus.publish(event, { subject: COMMITMENT_DUE_SUBJECT, messageId: `${commitment.id}.due.again` });
  log.warn({ commitment: commitment.id }, 'a storage commitment request that the ledger did not know is taken up again');
  return 1;
}

async function* commitmentObjects(store: ObjectStore, { prefixes, olderThan }: AdoptOptions): AsyncGenerator<CommitmentObject[]> {
  let page: CommitmentObject[] = [];
  for (const prefix of prefixes)
    for await (const { key, modifiedAt } of store.list(prefix)) {
      const [, id, part] = COMMITMENT_KEY.exec(key) ?? [];
      if (id === undefined || modifiedAt >= olderThan) continue;
      page.push({ key, id, isRequest: part === 'request', modifiedAt });
      if (page.length < PAGE) continue;
      yield page;
      page = [];
    }
  if (page.length > 0) yield page;
}

/** The objects first: a row without objects is forgotten in the next round, an object without a row would be taken up again. */
export async function forgetRecords({ store, database, log }: RecordsParts, now: Date): Promise<void> {
  const before = new Date(now.getTime() - RECORDS_KEPT_MS);
  for (;;) {
    const finished = await findFinishedCommitments(database, before, PAGE);
    for (const key of finished.flatMap(({ keys }) => keys)) await store.delete(key);
    await forgetCommitments(
      database,
      finished.map(({ id }) => id),
    );
    if (finished.length < PAGE) break;
  }
  await forgetAssociationEnds(database, new Date(now.getTime() - ENDS_KEPT_MS));
  const associations = await forgetAssociations(database, { before, most: MOST_ASSOCIATIONS });
  if (associations > 0) log.info({ associations }, 'old records of associations forgotten');
}
