// What page, API and upkeep ask the ledger, as a table: each question by the function that asks it, about the n-th study where it is about one.

import type { Queryable } from '@causeway/shared/database/database';
import { listStudiesWithin } from '@causeway/shared/database/facility-study-queries';
import { findReceivedHeaders, findStudyHeaders, firstReceiptOfNewest } from '@causeway/shared/database/header-queries';
import { openWork } from '@causeway/shared/database/open-work';
import {
  countLateReceipts,
  listDayCounts,
  listDifferingStudies,
  listFacilityCounts,
} from '@causeway/shared/database/reconciliation-queries';
import { findDeletionCandidates, knownReceipts } from '@causeway/shared/database/retention-queries';
import { findKeptReceipts } from '@causeway/shared/database/safekeeping';
import {
  destinationsWithOldWork,
  findDeliveries,
  findDeliveriesInState,
  findHeldInstances,
  findStuckInstances,
} from '@causeway/shared/database/stored-work';
import { findQuietStudies } from '@causeway/shared/database/study-arrivals';
import { findStudy, listStudies } from '@causeway/shared/database/study-queries';
import { listDeliveries, listDeliveryGroups, listDestinationWork, listWaitingWork } from '@causeway/shared/database/work-queries';
import { DEAD_DESTINATION, studyUid } from './generated-ledger.ts';

export interface Asked {
  readonly target: Queryable;
  /** Number of a study that is there. */
  readonly study: number;
  readonly until: Date;
}
export type Question = (asked: Asked) => Promise<unknown>;

const DAY_MS = 86_400_000;
const dayOf = ({ study, until }: Asked): string => new Date(until.getTime() - (1 + (study % 600)) * DAY_MS).toISOString().slice(0, 10);
const daysAgo = ({ until }: Asked, days: number): Date => new Date(until.getTime() - days * DAY_MS);

/** What a person waits for. */
export const PAGE_QUESTIONS: Record<string, Question> = {
  'studies, newest 50': ({ target }) => listStudies(target, { limit: 50 }),
  'studies, newest 200': ({ target }) => listStudies(target, { limit: 200 }),
  'studies, a page of long ago': (asked) =>
    listStudies(asked.target, {
      limit: 50,
      before: { lastReceivedAt: daysAgo(asked, 1 + (asked.study % 600)), studyKey: studyUid(asked.study) },
    }),
  'studies by patient name': ({ target, study }) => listStudies(target, { search: `family${study % 5000}`, limit: 50 }),
  'studies by accession number': ({ target, study }) => listStudies(target, { search: `acc${study}`, limit: 50 }),
  'studies by UID': ({ target, study }) => listStudies(target, { search: studyUid(study), limit: 50 }),
  'studies by a word that all have': ({ target }) => listStudies(target, { search: 'thorax', limit: 50 }),
  'studies by two words': ({ target, study }) => listStudies(target, { search: `institution f${study % 40}`, limit: 50 }),
  'studies by a word that none has': ({ target }) => listStudies(target, { search: 'abdomen', limit: 50 }),
  'studies of one facility': ({ target, study }) => listStudiesWithin(target, [`f${study % 40}`], { limit: 50 }),
  'one study': ({ target, study }) => findStudy(target, studyUid(study)),
  'open work': ({ target }) => openWork(target),
  destinations: ({ target }) => listDestinationWork(target),
  'waiting studies': ({ target }) => listWaitingWork(target, 50),
  'failed deliveries': ({ target }) => listDeliveryGroups(target, { state: 'failed', limit: 100 }),
  'parked deliveries': ({ target }) => listDeliveryGroups(target, { state: 'parked', limit: 100 }),
  'deliveries, confirmed': ({ target }) => listDeliveries(target, { state: 'confirmed', limit: 100 }),
  'deliveries, due': ({ target }) => listDeliveries(target, { state: 'due', limit: 100 }),
  'deliveries of a destination, confirmed': ({ target, study }) =>
    listDeliveries(target, { state: 'confirmed', destination: `pacs${study % 50}`, limit: 100 }),
  'deliveries of a destination, failed': ({ target }) => listDeliveries(target, { state: 'failed', destination: 'cloud', limit: 100 }),
  'deliveries of a destination, retrying': ({ target }) =>
    listDeliveries(target, { state: 'retrying', destination: DEAD_DESTINATION, limit: 100 }),
  'deliveries of a study': ({ target, study }) => listDeliveries(target, { state: 'confirmed', studyKey: studyUid(study), limit: 100 }),
  days: ({ target }) => listDayCounts(target, { limit: 31 }),
  'days of a facility': ({ target, study }) => listDayCounts(target, { facilities: [`f${study % 40}`], limit: 31 }),
  'one day by facility': (asked) => listFacilityCounts(asked.target, dayOf(asked)),
  'one day, studies not delivered': (asked) => listDifferingStudies(asked.target, { day: dayOf(asked), limit: 100 }),
  'received long ago, not delivered': (asked) => countLateReceipts(asked.target, dayOf(asked)),
  'explain a study': ({ target, study }) => findStudyHeaders(target, studyUid(study), { scope: 'all', limit: 200 }),
  'dry run, where to begin': (asked) => firstReceiptOfNewest(asked.target, { since: daysAgo(asked, 30), most: 10_000 }),
  'dry run, a page': async (asked) => findReceivedHeaders(asked.target, { from: await firstReceipt(asked), limit: 500 }),
};

/** What the ledger asks by itself. */
export const UPKEEP_QUESTIONS: Record<string, Question> = {
  'retention, a page': (asked) => findDeletionCandidates(asked.target, { doneBefore: daysAgo(asked, 2), limit: 500 }),
  'reconciliation, known receipts': async (asked) => knownReceipts(asked.target, await receipts(asked)),
  'reconciliation, stuck instances': (asked) => findStuckInstances(asked.target, { olderThan: asked.until, limit: 500 }),
  'reconciliation, destinations with old work': (asked) => destinationsWithOldWork(asked.target, asked.until),
  'reconciliation, a page of a dead destination': (asked) =>
    findDeliveriesInState(asked.target, { destination: DEAD_DESTINATION, states: ['due', 'retrying'], olderThan: asked.until, limit: 500 }),
  'studies that may have settled': (asked) =>
    findQuietStudies(asked.target, { quietSince: daysAgo(asked, 1), givenUpSince: daysAgo(asked, 1), limit: 500 }),
  'held instances, a page': ({ target }) => findHeldInstances(target, { revision: 2, limit: 500 }),
  'deliveries by id': async (asked) =>
    findDeliveries(
      asked.target,
      (await receipts(asked)).map((id) => `${id}.cloud`),
      'all',
    ),
  'commitment, 100 instances': ({ target, study }) =>
    findKeptReceipts(
      target,
      Array.from({ length: 100 }, (_, k) => `${studyUid(study)}.${Math.floor(k / 100)}.${k}`),
    ),
};

async function receipts({ target, study }: Asked): Promise<string[]> {
  const rows = await target.query<{ id: string }>(
    `SELECT i.receipt_id AS id FROM study_counts n JOIN instances i ON i.study_key = n.study_key AND i.receipt_id >= n.first_receipt AND i.receipt_id <= n.last_receipt
     WHERE n.study_key = $1`,
    [studyUid(study)],
  );
  return rows.map(({ id }) => id);
}

async function firstReceipt({ target, study }: Asked): Promise<string | undefined> {
  const sql = 'SELECT first_receipt AS id FROM study_counts WHERE study_key = $1';
  return (await target.query<{ id: string }>(sql, [studyUid(study)]))[0]?.id;
}
