// Whether a study is still coming in: its latest receipt, how the association ended that brought it, and each time that the study has settled. By facts in any order.
import type { AssociationOutcome } from '../events/association-record.ts';
import type { Fact, FactOf, StudyEnding } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { isoMillis } from './fact-order.ts';
import { MergedRows } from './merged-rows.ts';
import { studyKeyOf } from './study-rows.ts';

interface ArrivalRow {
  study_key: string;
  last_receipt: string;
  last_received_at: string;
  association: string | null;
}

interface EndRow {
  id: string;
  outcome: AssociationOutcome;
  ended_at: string;
}

interface SettlingRow {
  study_key: string;
  receipt_id: string;
  settled_at: string;
  incomplete: boolean;
  ending: StudyEnding;
  instances: number;
}

/** What a batch of facts says of arrivals. Every fact may be given; those of deliveries say nothing that those of the instance did not. */
export class ArrivalRows {
  readonly #arrivals = new MergedRows<ArrivalRow>(mergedArrival);
  readonly #ends = new MergedRows<EndRow>((first) => first);
  readonly #settlings = new MergedRows<SettlingRow>((a, b) => (a.settled_at <= b.settled_at ? a : b));

  add(fact: Fact): void {
    if (fact.type === 'ledger.associations.closed') for (const end of fact.associations) this.#ends.add(end.id, endRowOf(end));
    else if (fact.type === 'ledger.study.settled') this.#addSettling(fact);
    else if (fact.type.startsWith('ledger.instance.') && 'instance' in fact) this.#addInstance(fact.instance);
  }

  /** In the transaction of the batch, one writer at a time. */
  async write(transaction: Queryable): Promise<void> {
    await upsertArrivals(transaction, this.#arrivals.sorted());
    await insertEnds(transaction, this.#ends.sorted());
    await insertSettlings(transaction, this.#settlings.sorted());
  }

  /** What was retrieved has not come in. */
  #addInstance(instance: Instance): void {
    if (!instance.objectKey.startsWith('received/')) return;
    const study_key = studyKeyOf(instance);
    this.#arrivals.add(study_key, {
      study_key,
      last_receipt: instance.receiptId,
      last_received_at: isoMillis(instance.receivedAt),
      association: instance.association.id ?? null,
    });
  }

  #addSettling({ occurredAt, study }: FactOf<'ledger.study.settled'>): void {
    const { key, lastReceiptId, lastReceivedAt, incomplete, ending, instances } = study;
    this.#arrivals.add(key, {
      study_key: key,
      last_receipt: lastReceiptId,
      last_received_at: isoMillis(lastReceivedAt),
      association: null,
    });
    this.#settlings.add(`${key} ${lastReceiptId}`, {
      ...{ study_key: key, receipt_id: lastReceiptId, settled_at: isoMillis(occurredAt) },
      ...{ incomplete, ending, instances },
    });
  }
}

const endRowOf = ({ id, outcome, endedAt }: FactOf<'ledger.associations.closed'>['associations'][number]): EndRow => ({
  ...{ id, outcome },
  ended_at: isoMillis(endedAt),
});

/** The later receipt; receipt ids sort by their time. Not every fact of a receipt knows its association. */
function mergedArrival(a: ArrivalRow, b: ArrivalRow): ArrivalRow {
  if (a.last_receipt === b.last_receipt) return a.association === null ? b : a;
  return a.last_receipt > b.last_receipt ? a : b;
}

/** Most facts are about receipts that are known: then nothing is written, and no row locked. */
const UPSERT_ARRIVALS = `
  INSERT INTO study_arrivals (study_key, last_receipt, last_received_at, association)
  SELECT r.study_key, r.last_receipt, r.last_received_at, r.association
  FROM jsonb_to_recordset($1::jsonb) AS r(study_key text, last_receipt uuid, last_received_at timestamptz, association uuid)
  LEFT JOIN study_arrivals k ON k.study_key = r.study_key
  WHERE k.study_key IS NULL OR r.last_receipt > k.last_receipt
    OR (r.last_receipt = k.last_receipt AND k.association IS NULL AND r.association IS NOT NULL)
  ON CONFLICT (study_key) DO UPDATE SET last_receipt = excluded.last_receipt, last_received_at = excluded.last_received_at, association = excluded.association`;

async function upsertArrivals(target: Queryable, rows: ArrivalRow[]): Promise<void> {
  if (rows.length > 0) await target.query(UPSERT_ARRIVALS, [JSON.stringify(rows)]);
}

const INSERT_ENDS = `INSERT INTO association_ends (id, outcome, ended_at)
  SELECT id, outcome, ended_at FROM jsonb_to_recordset($1::jsonb) AS r(id uuid, outcome text, ended_at timestamptz) ON CONFLICT DO NOTHING`;

async function insertEnds(target: Queryable, rows: EndRow[]): Promise<void> {
  if (rows.length > 0) await target.query(INSERT_ENDS, [JSON.stringify(rows)]);
}

/** Of two ledgers that found the same, the earlier one counts. */
const INSERT_SETTLINGS = `
  INSERT INTO study_settlings AS s (study_key, receipt_id, settled_at, incomplete, ending, instances)
  SELECT * FROM jsonb_to_recordset($1::jsonb)
    AS r(study_key text, receipt_id uuid, settled_at timestamptz, incomplete boolean, ending text, instances integer)
  ON CONFLICT (study_key, receipt_id) DO UPDATE
    SET settled_at = excluded.settled_at, incomplete = excluded.incomplete, ending = excluded.ending, instances = excluded.instances
    WHERE excluded.settled_at < s.settled_at`;

const LATEST_SETTLING = `
  UPDATE study_arrivals a SET settled_receipt = l.receipt_id, settled_at = l.settled_at, incomplete = l.incomplete, ending = l.ending, settlings = l.settlings
  FROM (SELECT DISTINCT ON (study_key) *, count(*) OVER (PARTITION BY study_key) AS settlings FROM study_settlings
    WHERE study_key = ANY($1::text[]) ORDER BY study_key, receipt_id DESC) AS l
  WHERE a.study_key = l.study_key AND (a.settled_receipt IS NULL OR a.settled_receipt <= l.receipt_id)`;

async function insertSettlings(target: Queryable, rows: SettlingRow[]): Promise<void> {
  if (rows.length === 0) return;
  await target.query(INSERT_SETTLINGS, [JSON.stringify(rows)]);
  await target.query(LATEST_SETTLING, [[...new Set(rows.map(({ study_key }) => study_key))]]);
}

/** SQL, of row `a` of study_arrivals: something came since it settled last. Word by word the condition of an index. */
const OPEN = '(a.settled_receipt IS NULL OR a.settled_receipt < a.last_receipt)';
/** SQL: it has settled, and its last association broke off. Likewise. */
export const INCOMPLETE = '(a.incomplete AND a.settled_receipt = a.last_receipt)';

/** What the page and the API show. `settlings`: how often it has settled. */
export type StudyArrival =
  | { readonly state: 'receiving'; readonly settlings: number }
  | { readonly state: 'settled' | 'incomplete'; readonly at: string; readonly ending: StudyEnding; readonly settlings: number };

/** SQL: a StudyArrival; null where the study came in before this was kept. */
export const SHOWN_ARRIVAL = `CASE WHEN ${OPEN} THEN jsonb_build_object('state', 'receiving', 'settlings', a.settlings)
  WHEN a.settled_at IS NOT NULL THEN jsonb_build_object('state', CASE WHEN a.incomplete THEN 'incomplete' ELSE 'settled' END,
    'at', a.settled_at, 'ending', a.ending, 'settlings', a.settlings) END`;

export interface QuietStudy {
  readonly studyKey: string;
  readonly lastReceiptId: string;
  readonly lastReceivedAt: Date;
  /** That the association of the last receipt stands for. */
  readonly facility: string | null;
  /** Different SOP Instance UIDs. */
  readonly instances: number;
  readonly settlings: number;
  /** Whether it is known which association brought the last receipt; how that ended, if it was told; and whether it has brought other studies since. */
  readonly hasAssociation: boolean;
  readonly outcome: AssociationOutcome | null;
  readonly goesOn: boolean;
}

/** `quietSince`: nothing came after this moment. `givenUpSince`: nor after this one, then the end of an association is not waited for any more. */
export interface QuietAsked {
  readonly quietSince: Date;
  readonly givenUpSince: Date;
  readonly limit: number;
}

/** Longest quiet first. Only studies that are open are looked at; one that coercion emptied is none. */
export async function findQuietStudies(target: Queryable, { quietSince, givenUpSince, limit }: QuietAsked): Promise<QuietStudy[]> {
  const sql = `SELECT a.study_key AS "studyKey", a.last_receipt AS "lastReceiptId", a.last_received_at AS "lastReceivedAt", i.facility,
      n.instances, a.settlings, a.association IS NOT NULL AS "hasAssociation", e.outcome,
      COALESCE((SELECT true FROM study_arrivals o WHERE o.association = a.association AND o.last_received_at > $2 LIMIT 1), false) AS "goesOn"
    FROM study_arrivals a LEFT JOIN association_ends e ON e.id = a.association JOIN study_counts n ON n.study_key = a.study_key AND n.receipts > 0
      LEFT JOIN instances i ON i.receipt_id = a.last_receipt
    WHERE ${OPEN} AND a.last_received_at <= $1 AND (a.association IS NULL OR e.id IS NOT NULL OR a.last_received_at <= $2)
    ORDER BY a.last_received_at, a.study_key LIMIT $3`;
  return target.query<QuietStudy>(sql, [quietSince, givenUpSince, limit]);
}

/** How associations ended is asked for while their studies settle. Resolves with how many are forgotten. */
export async function forgetAssociationEnds(target: Queryable, before: Date): Promise<number> {
  return (await target.query('DELETE FROM association_ends WHERE ended_at < $1 RETURNING 1', [before])).length;
}
