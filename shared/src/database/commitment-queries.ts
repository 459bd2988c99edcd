// Storage commitment requests as the page lists them.
import type { CommitmentFailure, CommitmentState } from './commitment-rows.ts';
import type { Queryable } from './database.ts';

export interface CommitmentEntry {
  readonly id: string;
  readonly transactionUid: string;
  readonly callingAe: string;
  readonly calledAe: string;
  readonly source: string;
  readonly requestedAt: Date;
  readonly references: number;
  readonly after: 'custody' | 'delivered';
  readonly deadlineAt: Date;
  readonly duplicate: boolean;
  readonly state: CommitmentState;
  readonly stateAt: Date;
  /** When it is looked at, or told, again; null once it is finished. */
  readonly nextAt: Date | null;
  readonly attempts: number;
  readonly committed: number | null;
  readonly failed: number | null;
  /** Which association carried the result. */
  readonly reportedOn: 'same' | 'new' | null;
  /** Of the last attempt that did not succeed. */
  readonly reason: string | null;
}

/** `failures`: the first 200. */
export type CommitmentDetail = CommitmentEntry & { readonly failures: CommitmentFailure[] };

const ENTRY = `id, transaction_uid AS "transactionUid", calling_ae AS "callingAe", called_ae AS "calledAe", source, requested_at AS "requestedAt",
  reference_count AS "references", after, deadline_at AS "deadlineAt", duplicate, state, state_at AS "stateAt",
  CASE WHEN state IN ('open', 'decided') THEN next_at END AS "nextAt", attempts, committed, failed, reported_on AS "reportedOn", reason`;

/** Of the association that the request came on, if that has a record. */
export interface CommitmentPeer {
  readonly tlsSubject: string | null;
  readonly recorded: boolean;
}

const PEER = `(SELECT a.negotiation->'tls'->>'subject' FROM associations a WHERE a.id = association_id) AS "tlsSubject",
  EXISTS (SELECT 1 FROM associations a WHERE a.id = association_id) AS recorded`;

/** Newest first. */
export async function listCommitments(
  target: Queryable,
  page: { state?: CommitmentState; callingAe?: string; limit: number },
): Promise<(CommitmentEntry & CommitmentPeer)[]> {
  const sql = `SELECT ${ENTRY}, ${PEER} FROM commitments WHERE ($1::text IS NULL OR state = $1) AND ($2::text IS NULL OR calling_ae = $2)
    ORDER BY requested_at DESC, id DESC LIMIT $3`;
  return target.query<CommitmentEntry & CommitmentPeer>(sql, [page.state ?? null, page.callingAe ?? null, page.limit]);
}

export async function findCommitment(target: Queryable, id: string): Promise<(CommitmentDetail & CommitmentPeer) | undefined> {
  const sql = `SELECT ${ENTRY}, ${PEER}, COALESCE(failures, '[]'::jsonb) AS failures FROM commitments WHERE id = $1`;
  return (await target.query<CommitmentDetail & CommitmentPeer>(sql, [id]))[0];
}
