// Instances: one row a receipt, written by facts that may come late, twice and in any order.
import type { Held } from '../events/facts.ts';
import type { Compression, Instance } from '../events/instance.ts';
import type { Queryable } from './database.ts';
import { type FactOrder, isoMillis } from './fact-order.ts';
import { seriesKeyOf, studyKeyOf } from './study-rows.ts';

/** What the facts of the services say; a discarding by an operator lies over it (operator-actions.ts). */
export type InstanceFactState = 'received' | 'ready' | 'routed' | 'held' | 'quarantined';
export type InstanceState = InstanceFactState | 'discarded';

export interface InstanceRow {
  receipt_id: string;
  study_key: string;
  series_key: string;
  study_instance_uid: string | null;
  series_instance_uid: string | null;
  sop_class_uid: string;
  sop_instance_uid: string;
  object_key: string;
  size: number;
  digest: string;
  transfer_syntax_uid: string;
  facility: string | null;
  facilities: string[];
  lane: string;
  association: Instance['association'];
  attributes: Instance['attributes'];
  received_at: string;
  fact_state: InstanceFactState;
  state_order: FactOrder;
  state_at: string;
  generation: number;
  reason: string | null;
  held: Held | null;
  configuration_revision: number | null;
  compression: Compression | null;
  compression_order: FactOrder | null;
}

/** What a fact says about an instance besides the instance itself. */
export interface InstanceChange {
  readonly state: InstanceFactState;
  readonly order: FactOrder;
  readonly at: string;
  readonly generation: number;
  readonly facility?: string;
  readonly facilities?: string[];
  readonly reason?: string;
  readonly held?: Held;
  readonly revision?: number;
  readonly compression?: Compression;
}

export function instanceRowOf(instance: Instance, change: InstanceChange): InstanceRow {
  return {
    receipt_id: instance.receiptId,
    study_key: studyKeyOf(instance),
    series_key: seriesKeyOf(instance),
    study_instance_uid: instance.studyInstanceUid ?? null,
    series_instance_uid: instance.seriesInstanceUid ?? null,
    sop_class_uid: instance.sopClassUid,
    sop_instance_uid: instance.sopInstanceUid,
    object_key: instance.objectKey,
    size: instance.size,
    digest: instance.digest,
    transfer_syntax_uid: instance.transferSyntaxUid,
    lane: instance.lane,
    association: keptOf(instance.association),
    attributes: instance.attributes,
    received_at: isoMillis(instance.receivedAt),
    facility: change.facility ?? null,
    facilities: change.facilities ?? [],
    fact_state: change.state,
    state_order: change.order,
    state_at: isoMillis(change.at),
    generation: change.generation,
    reason: change.reason ?? null,
    held: change.held ?? null,
    configuration_revision: change.revision ?? null,
    compression: change.compression ?? null,
    compression_order: change.compression ? change.order : null,
  };
}

/** The id is of use while studies settle (study-arrivals.ts), and not worth its place in millions of rows. */
const keptOf = ({ id: _, ...association }: Instance['association']): Instance['association'] => association;

/** The newer state; and the newest compression, which not every fact carries. */
export function mergedInstance(a: InstanceRow, b: InstanceRow): InstanceRow {
  const newer = b.state_order > a.state_order ? b : a;
  const compressed = (b.compression_order ?? '') > (a.compression_order ?? '') ? b : a;
  return { ...newer, compression: compressed.compression, compression_order: compressed.compression_order };
}

const STATE_COLUMNS = {
  study_key: 'text',
  series_key: 'text',
  study_instance_uid: 'text',
  series_instance_uid: 'text',
  sop_class_uid: 'text',
  sop_instance_uid: 'text',
  object_key: 'text',
  size: 'bigint',
  digest: 'text',
  transfer_syntax_uid: 'text',
  facility: 'text',
  facilities: 'text[]',
  lane: 'text',
  association: 'jsonb',
  attributes: 'jsonb',
  received_at: 'timestamptz',
  fact_state: 'text',
  state_order: 'text',
  state_at: 'timestamptz',
  generation: 'integer',
  reason: 'text',
  held: 'jsonb',
  configuration_revision: 'integer',
};
const NAMES = Object.keys(STATE_COLUMNS);
const RECORD = Object.entries({ receipt_id: 'uuid', ...STATE_COLUMNS, compression: 'jsonb', compression_order: 'text' })
  .map(([name, type]) => `${name} ${type}`)
  .join(', ');
const ALL = ['receipt_id', ...NAMES, 'compression', 'compression_order'].join(', ');
const NEWER = 'excluded.state_order > instances.state_order';
/** A compression that comes with an older state is still the newest compression. */
const NEWER_COMPRESSION = `excluded.compression_order > COALESCE(instances.compression_order, '')`;
const taken = (column: string, when: string): string =>
  `${column} = CASE WHEN ${when} THEN excluded.${column} ELSE instances.${column} END`;

const UPSERT = `
  INSERT INTO instances (${ALL}) SELECT ${ALL} FROM jsonb_to_recordset($1::jsonb) AS r(${RECORD})
  ON CONFLICT (receipt_id) DO UPDATE SET
    ${NAMES.map((name) => taken(name, NEWER)).join(', ')},
    ${['compression', 'compression_order'].map((name) => taken(name, NEWER_COMPRESSION)).join(', ')}
  WHERE ${NEWER} OR ${NEWER_COMPRESSION}
  RETURNING sop_instance_uid, object_key`;

/** Rows must be sorted by receipt id. Resolves with the SOP Instance UIDs of received objects among the rows that were made or changed. */
export async function upsertInstances(target: Queryable, rows: InstanceRow[]): Promise<string[]> {
  if (rows.length === 0) return [];
  const written = await target.query<Pick<InstanceRow, 'sop_instance_uid' | 'object_key'>>(UPSERT, [JSON.stringify(rows)]);
  const received = written.filter(({ object_key }) => object_key.startsWith('received/'));
  return [...new Set(received.map(({ sop_instance_uid }) => sop_instance_uid))];
}
