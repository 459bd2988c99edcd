// The negotiation record: rows that are written once, listed with filters, and forgotten after some weeks or beyond a number.
import type { AssociationOutcome, AssociationRecord } from '../events/association-record.ts';
import type { Queryable } from './database.ts';
import { isoMillis } from './fact-order.ts';

export interface AssociationRow {
  id: string;
  outcome: AssociationOutcome;
  detail: string;
  event: string | null;
  count: number;
  started_at: string;
  ended_at: string;
  source: string;
  listener: string | null;
  calling_ae: string | null;
  called_ae: string | null;
  instances: number;
  data_set_bytes: number;
  responses: AssociationRecord['responses'];
  negotiation: Pick<AssociationRecord, 'contexts' | 'tls' | 'implementation' | 'maxPduBytes' | 'reject' | 'balancer'>;
}

export function associationRowOf(record: AssociationRecord): AssociationRow {
  const { contexts, tls, implementation, maxPduBytes, reject, balancer } = record;
  return {
    id: record.id,
    outcome: record.outcome,
    detail: record.detail,
    event: record.event ?? null,
    count: record.count,
    started_at: isoMillis(record.startedAt),
    ended_at: isoMillis(record.endedAt),
    source: record.source,
    listener: record.listener ?? null,
    calling_ae: record.callingAe ?? null,
    called_ae: record.calledAe ?? null,
    instances: record.instances,
    data_set_bytes: record.dataSetBytes,
    responses: record.responses,
    negotiation: { contexts, tls, implementation, maxPduBytes, reject, balancer },
  };
}

const COLUMNS = {
  id: 'uuid',
  outcome: 'text',
  detail: 'text',
  event: 'text',
  count: 'integer',
  started_at: 'timestamptz',
  ended_at: 'timestamptz',
  source: 'text',
  listener: 'text',
  calling_ae: 'text',
  called_ae: 'text',
  instances: 'bigint',
  data_set_bytes: 'bigint',
  responses: 'jsonb',
  negotiation: 'jsonb',
};
const NAMES = Object.keys(COLUMNS).join(', ');
const RECORD = Object.entries(COLUMNS)
  .map(([name, type]) => `${name} ${type}`)
  .join(', ');
const INSERT = `INSERT INTO associations (${NAMES}) SELECT ${NAMES} FROM jsonb_to_recordset($1::jsonb) AS r(${RECORD}) ON CONFLICT (id) DO NOTHING`;

/** Rows must be sorted by id. */
export async function insertAssociations(target: Queryable, rows: AssociationRow[]): Promise<void> {
  if (rows.length > 0) await target.query(INSERT, [JSON.stringify(rows)]);
}

/** Those that ended before, and beyond `most` the oldest. Resolves with how many are forgotten. */
export async function forgetAssociations(target: Queryable, { before, most }: { before: Date; most: number }): Promise<number> {
  const sql = `DELETE FROM associations WHERE ended_at < GREATEST($1::timestamptz,
      (SELECT ended_at FROM associations ORDER BY ended_at DESC, id DESC OFFSET $2 LIMIT 1)) RETURNING 1`;
  return (await target.query(sql, [before, most])).length;
}

export interface AssociationEntry {
  readonly id: string;
  readonly outcome: AssociationOutcome;
  readonly detail: string;
  readonly event: string | null;
  readonly count: number;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly source: string;
  readonly listener: string | null;
  readonly callingAe: string | null;
  readonly calledAe: string | null;
  readonly instances: number;
  readonly dataSetBytes: number;
  readonly responses: AssociationRecord['responses'];
}

/** What the peer is resolved to a facility by, beside its titles and its address. */
export interface WithSubject {
  readonly tlsSubject: string | null;
}

export type AssociationDetail = AssociationEntry & AssociationRow['negotiation'];

export interface AssociationsPage {
  /** The peer's address. */
  readonly source?: string;
  /** As calling or as called AE title. */
  readonly aeTitle?: string;
  readonly outcome?: AssociationOutcome;
  /** Ended in [since, before). */
  readonly since?: Date;
  readonly before?: Date;
  readonly limit: number;
}

const ENTRY = `id, outcome, detail, event, count, started_at AS "startedAt", ended_at AS "endedAt", source, listener, calling_ae AS "callingAe",
  called_ae AS "calledAe", instances, data_set_bytes AS "dataSetBytes", responses`;

/** Newest first; the next page is before the `endedAt` of the last. */
export async function listAssociations(target: Queryable, page: AssociationsPage): Promise<(AssociationEntry & WithSubject)[]> {
  const sql = `SELECT ${ENTRY}, negotiation->'tls'->>'subject' AS "tlsSubject" FROM associations
    WHERE ($1::text IS NULL OR source = $1) AND ($2::text IS NULL OR calling_ae = $2 OR called_ae = $2) AND ($3::text IS NULL OR outcome = $3)
      AND ($4::timestamptz IS NULL OR ended_at >= $4) AND ($5::timestamptz IS NULL OR ended_at < $5)
    ORDER BY ended_at DESC, id DESC LIMIT $6`;
  const { source = null, aeTitle = null, outcome = null, since = null, before = null, limit } = page;
  return target.query<AssociationEntry & WithSubject>(sql, [source, aeTitle, outcome, since, before, limit]);
}

export async function findAssociation(target: Queryable, id: string): Promise<AssociationDetail | undefined> {
  const sql = `SELECT ${ENTRY}, negotiation FROM associations WHERE id = $1`;
  const [row] = await target.query<AssociationEntry & Pick<AssociationRow, 'negotiation'>>(sql, [id]);
  if (row === undefined) return undefined;
  const { negotiation, ...entry } = row;
  return { ...entry, ...negotiation };
}
