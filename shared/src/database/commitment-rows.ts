// Storage commitment requests as the ledger works on them: taken once, looked at until decided, told until heard.
import type { ObjectKey } from '../brands.ts';
import type { Commitment } from '../events/commitment.ts';
import type { FactOf } from '../events/facts.ts';
import type { Database, Queryable } from './database.ts';

export type CommitmentState = 'open' | 'decided' | 'reported' | 'undeliverable' | 'joined';

export interface NewCommitment {
  readonly commitment: Commitment;
  readonly referencesDigest: string;
  readonly after: 'custody' | 'delivered';
  readonly deadlineAt: Date;
  readonly now: Date;
}

/** Of an open or decided commitment, as far as the ledger needs it to go on. */
export interface CommitmentWork {
  readonly commitment: Commitment;
  readonly state: 'open' | 'decided';
  readonly duplicate: boolean;
  readonly after: 'custody' | 'delivered';
  readonly deadlineAt: Date;
  readonly looks: number;
  readonly attempts: number;
  readonly handedOver: boolean;
  readonly answerKey: ObjectKey | null;
  readonly decidedAt: Date | null;
}

export interface CommitmentFailure {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly reason: number;
}

const INSERT = `INSERT INTO commitments (id, transaction_uid, calling_ae, called_ae, source, requested_at, association_id, replica, request_key,
    reference_count, references_digest, after, deadline_at, state_at, next_at, state, duplicate)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16) ON CONFLICT (id) DO NOTHING`;

/**
 * `known`: it came before. `joined`: the same caller repeats a request whose result it has not heard; it is answered on the association of the repeat. `duplicate`: its transaction UID is in use, or was
 * (PS3.4 section J.3.3.1.2 forbids to use it again). One requestor cannot take another's UIDs: it is unique for a calling AE title.
 */
export function takeCommitment(database: Database, taken: NewCommitment): Promise<'known' | 'open' | 'joined' | 'duplicate'> {
  const { commitment, referencesDigest } = taken;
  const { id, callingAe, transactionUid } = commitment;
  return database.transaction(async (transaction) => {
    await transaction.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [`commitment ${callingAe} ${transactionUid}`]);
    const before = await transaction.query<{ id: string; state: CommitmentState; references_digest: string }>(
      'SELECT id, state, references_digest FROM commitments WHERE calling_ae = $1 AND transaction_uid = $2',
      [callingAe, transactionUid],
    );
    if (before.some((row) => row.id === id)) return 'known';
    const others = before.filter(({ state }) => state !== 'joined');
    const repeated = others.find(({ state, references_digest }) => state !== 'reported' && references_digest === referencesDigest);
    const outcome = others.length === 0 ? 'open' : repeated ? 'joined' : 'duplicate';
    await insert(transaction, taken, outcome);
    if (repeated) await transaction.query(REPEATED, repeatValues(repeated.id, taken));
    return outcome;
  });
}

/** One that was given up is decided anew: what was safe then need not be any more. */
const REPEATED = `UPDATE commitments SET association_id = $2, replica = $3, handed_over = false,
    next_at = CASE WHEN state = 'open' THEN next_at ELSE $4 END, deadline_at = CASE WHEN state = 'undeliverable' THEN $5 ELSE deadline_at END,
    attempts = CASE WHEN state = 'undeliverable' THEN 0 ELSE attempts END, state = CASE WHEN state = 'undeliverable' THEN 'open' ELSE state END
  WHERE id = $1 AND state <> 'reported'`;

const repeatValues = (id: string, { commitment: { association }, now, deadlineAt }: NewCommitment): unknown[] => [
  id,
  association.id,
  association.replica,
  now,
  deadlineAt,
];

async function insert(transaction: Queryable, taken: NewCommitment, outcome: 'open' | 'joined' | 'duplicate'): Promise<void> {
  const { commitment, referencesDigest, after, deadlineAt, now } = taken;
  await transaction.query(INSERT, [
    ...identityValues(commitment),
    referencesDigest,
    after,
    deadlineAt,
    now,
    outcome === 'joined' ? 'joined' : 'open',
    outcome === 'duplicate',
  ]);
}

const identityValues = (commitment: Commitment): unknown[] => [
  commitment.id,
  commitment.transactionUid,
  commitment.callingAe,
  commitment.calledAe,
  commitment.source,
  commitment.requestedAt,
  commitment.association.id,
  commitment.association.replica,
  commitment.requestKey,
  commitment.references,
];

interface WorkRecord {
  id: string;
  transaction_uid: string;
  calling_ae: string;
  called_ae: string;
  source: string;
  requested_at: Date;
  association_id: string;
  replica: string;
  request_key: ObjectKey;
  reference_count: number;
  state: 'open' | 'decided';
  duplicate: boolean;
  after: 'custody' | 'delivered';
  deadline_at: Date;
  looks: number;
  attempts: number;
  handed_over: boolean;
  answer_key: ObjectKey | null;
  decided_at: Date | null;
}

/**
 * Those whose time has come, put off by a lease, so that no other replica takes them up meanwhile and a killed one's come again: 15 s, and 10 ms a reference.
 */
export async function claimDueCommitments(target: Queryable, now: Date, limit: number): Promise<CommitmentWork[]> {
  const sql = `UPDATE commitments SET next_at = $1::timestamptz + interval '15 s' + reference_count * interval '10 ms'
    WHERE id IN (SELECT id FROM commitments WHERE state IN ('open', 'decided') AND next_at <= $1 ORDER BY next_at LIMIT $2 FOR UPDATE SKIP LOCKED)
    RETURNING *`;
  return (await target.query<WorkRecord>(sql, [now, limit])).map(workOf);
}

function workOf(row: WorkRecord): CommitmentWork {
  return {
    commitment: {
      id: row.id,
      transactionUid: row.transaction_uid,
      callingAe: row.calling_ae,
      calledAe: row.called_ae,
      source: row.source,
      requestedAt: row.requested_at.toISOString(),
      association: { id: row.association_id, replica: row.replica },
      requestKey: row.request_key,
      references: row.reference_count,
    },
    state: row.state,
    duplicate: row.duplicate,
    after: row.after,
    deadlineAt: row.deadline_at,
    looks: row.looks,
    attempts: row.attempts,
    handedOver: row.handed_over,
    answerKey: row.answer_key,
    decidedAt: row.decided_at,
  };
}

/** Not everything is decided: to be looked at again. */
export async function postponeCommitment(target: Queryable, id: string, nextAt: Date): Promise<void> {
  await target.query(`UPDATE commitments SET looks = looks + 1, next_at = $2 WHERE id = $1 AND state = 'open'`, [id, nextAt]);
}

export interface Decision {
  readonly answerKey: ObjectKey;
  readonly committed: number;
  readonly failed: number;
  /** The first of them, for people. */
  readonly failures: readonly CommitmentFailure[];
  readonly now: Date;
}

/** Its result lies in the store and is to be told now. False: another replica was faster. */
export async function decideCommitment(target: Queryable, id: string, decision: Decision): Promise<boolean> {
  const { answerKey, committed, failed, failures, now } = decision;
  const sql = `UPDATE commitments SET state = 'decided', state_at = $2, decided_at = $2, next_at = $2, answer_key = $3, committed = $4, failed = $5,
    failures = $6 WHERE id = $1 AND state = 'open' RETURNING id`;
  return (await target.query(sql, [id, now, answerKey, committed, failed, JSON.stringify(failures)])).length > 0;
}

/** The result was left for the receiver process that has the association of the request; a repeat on another one is not served with that. */
export async function markHandedOver(target: Queryable, { id, association }: Commitment, nextAt: Date): Promise<void> {
  const sql = `UPDATE commitments SET handed_over = true, next_at = $2 WHERE id = $1 AND state = 'decided' AND association_id = $3`;
  await target.query(sql, [id, nextAt, association.id]);
}

export async function markAttempted(
  target: Queryable,
  id: string,
  { attempts, nextAt }: { attempts: number; nextAt: Date },
): Promise<void> {
  await target.query(`UPDATE commitments SET attempts = $2, next_at = $3 WHERE id = $1 AND state = 'decided'`, [id, attempts, nextAt]);
}

export async function giveUpCommitment(target: Queryable, id: string, { reason, now }: { reason: string; now: Date }): Promise<void> {
  const sql = `UPDATE commitments SET state = 'undeliverable', state_at = $2, reason = COALESCE(reason, $3)
    WHERE id = $1 AND state IN ('open', 'decided')`;
  await target.query(sql, [id, now, reason]);
}

/** Decided anew before it is told: what was safe when it was given up need not be any more. */
const AGAIN = `UPDATE commitments SET state = 'open', state_at = $2, next_at = $2, attempts = 0 WHERE state = 'undeliverable'`;

/** Those that had no address, of callers that have one now. Resolves with how many. */
export async function reviveCommitments(target: Queryable, callingAes: readonly string[], now: Date): Promise<number> {
  const sql = `${AGAIN} AND last_outcome = 'no-address' AND calling_ae = ANY($1::text[]) RETURNING id`;
  return (await target.query(sql, [callingAes, now])).length;
}

/** An operator asks: told again from the beginning. False: it is not undeliverable. */
export async function retryCommitment(target: Queryable, id: string, now: Date): Promise<boolean> {
  return (await target.query(`${AGAIN} AND id = $1 RETURNING id`, [id, now])).length > 0;
}

/** Finished since before `before`: their objects may go, then their rows (forgetCommitments). */
export async function findFinishedCommitments(
  target: Queryable,
  before: Date,
  limit: number,
): Promise<{ id: string; keys: ObjectKey[] }[]> {
  const sql = `SELECT id, array_remove(ARRAY[request_key, answer_key], NULL) AS keys FROM commitments
    WHERE state IN ('reported', 'undeliverable', 'joined') AND state_at < $1 ORDER BY state_at LIMIT $2`;
  return target.query<{ id: string; keys: ObjectKey[] }>(sql, [before, limit]);
}

export async function forgetCommitments(target: Queryable, ids: readonly string[]): Promise<void> {
  await target.query('DELETE FROM commitments WHERE id = ANY($1::uuid[])', [ids]);
}

/** Which of these the ledger knows. */
export async function knownCommitments(target: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const rows = await target.query<{ id: string }>('SELECT id FROM commitments WHERE id = ANY($1::uuid[])', [ids]);
  return new Set(rows.map(({ id }) => id));
}

export interface CommitmentReportRow {
  readonly fact: FactOf<'ledger.commitment.reported'>;
}

/** After so many definite refusals a requestor will not change its mind. */
const MAX_REFUSALS = 5;

/** What was heard stays heard; of several tries the later one. */
export const mergedReport = (a: CommitmentReportRow, b: CommitmentReportRow): CommitmentReportRow =>
  [a, b].sort((x, y) => rankOf(x) - rankOf(y))[1] as CommitmentReportRow;
const rankOf = ({ fact }: CommitmentReportRow): number => (fact.outcome === 'reported' ? Number.MAX_SAFE_INTEGER : fact.attempt);

const REPORTED = `INSERT INTO commitments (id, transaction_uid, calling_ae, called_ae, source, requested_at, association_id, replica, request_key,
    reference_count, references_digest, duplicate, after, deadline_at, state, state_at, next_at, reported_on, last_outcome)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', false, 'delivered', $11, 'reported', $11, $11, $12, 'reported')
  ON CONFLICT (id) DO UPDATE SET state = 'reported', state_at = $11, reported_on = $12, last_outcome = 'reported', reason = NULL
  WHERE commitments.state <> 'reported'`;
/** A repeat that came after the result was told, and before that was known here, was none: its transaction UID was over. */
const NOT_JOINED = `UPDATE commitments SET state = 'open', duplicate = true, state_at = $3, next_at = $3
  WHERE state = 'joined' AND calling_ae = $1 AND transaction_uid = $2 AND requested_at > $3`;
/** What came of a try before the request was repeated on another association says nothing about that. */
const NOT_REPORTED = `UPDATE commitments SET last_outcome = $2, reason = $3, state_at = $4, state = CASE
    WHEN $2 = 'no-address' OR ($2 = 'refused' AND attempts >= ${MAX_REFUSALS}) THEN 'undeliverable' ELSE state END
  WHERE id = $1 AND state = 'decided' AND association_id = $5`;

/** Rows must be sorted by the id of their commitment. */
export async function applyCommitmentReports(target: Queryable, rows: readonly CommitmentReportRow[]): Promise<void> {
  for (const { fact } of rows) {
    const { commitment, outcome, occurredAt, association = null, reason = null } = fact;
    if (outcome === 'reported') {
      await target.query(REPORTED, [...identityValues(commitment), occurredAt, association]);
      await target.query(NOT_JOINED, [commitment.callingAe, commitment.transactionUid, occurredAt]);
    } else await target.query(NOT_REPORTED, [commitment.id, outcome, reason, occurredAt, commitment.association.id]);
  }
}
