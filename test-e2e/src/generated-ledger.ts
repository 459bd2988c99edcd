// A ledger of years, made inside PostgreSQL: studies of 300 instances over 700 days, two deliveries each, of which most are confirmed; a dead destination, held, quarantined and
// failed studies. Indexed as in life; the counts are made at the end.
import type { Database } from '@causeway/shared/database/database';

/** Instances of one study. */
export const STUDY_INSTANCES = 300;
export const DEAD_DESTINATION = 'pacs7';
const CHUNK_STUDIES = 1_000;
const DAYS = 700;
const DAY_MS = 86_400_000;
const PARENTS = ['instances', 'deliveries'];

export interface Generated {
  /** Numbers of studies: from (included) to (not included). */
  readonly from: number;
  readonly to: number;
  /** Of the newest. */
  readonly until: Date;
}

export const studyUid = (study: number): string => `1.2.826.0.1.3680043.99.${study}`;

/** Spreads the studies over the days up to now, in the order of a low-discrepancy sequence, so that every fill reaches every month. */
const AT = `$3::timestamptz - interval '1 hour' - interval '${DAYS} days' * ((g.study * 0.6180339887498949) - floor(g.study * 0.6180339887498949)) + interval '1 second' * g.k`;
const RECEIPT = `(lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(k), 3, '0') || '8' || lpad(to_hex(study), 15, '0'))::uuid`;
const ORDER = (rank: number): string => `'0000000000.${rank}.' || to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '.' || receipt_id`;
/** Per thousand studies: 5 held, 1 quarantined; of what came in the last hours some is on its way. */
const STATE = `CASE WHEN study % 1000 < 5 THEN 'held' WHEN study % 1000 = 5 THEN 'quarantined' ELSE 'routed' END`;

const INSTANCES = `
  INSERT INTO instances (receipt_id, study_key, series_key, study_instance_uid, series_instance_uid, sop_class_uid, sop_instance_uid, object_key, size, digest,
    transfer_syntax_uid, facility, facilities, lane, association, attributes, received_at, fact_state, state_order, state_at, generation, reason, held,
    configuration_revision, compression, compression_order, object_deleted_at, outcome, done_at)
  SELECT receipt_id, uid, uid || '.' || k / 100, uid, uid || '.' || k / 100, '1.2.840.10008.5.1.4.1.1.2', uid || '.' || k / 100 || '.' || k,
    'received/' || to_char(at, 'YYYY/MM/DD/') || receipt_id || '.dcm', 526000 + k, md5(uid || k) || md5(k || uid), '1.2.840.10008.1.2.1', facility, ARRAY[facility], 'routine',
    jsonb_build_object('source', '10.1.0.' || study % 200, 'listener', 'lan', 'calledAe', 'GATEWAY', 'callingAe', 'CT' || study % 200),
    jsonb_build_object('PatientName', 'FAMILY' || study % 5000 || '^GIVEN' || study % 300, 'PatientID', 'PID' || study, 'AccessionNumber', 'ACC' || study, 'StudyDate',
      to_char(at, 'YYYYMMDD'), 'StudyTime', '100000', 'StudyDescription', 'THORAX NATIV', 'Modality', 'CT', 'InstitutionName', 'Institution ' || facility, 'InstanceNumber',
      k::text, 'PatientBirthDate', '19700101', 'PatientSex', 'F', 'SeriesNumber', (k / 100)::text, 'SeriesDescription', 'AX 1.0', 'BodyPartExamined', 'CHEST'),
    at, state, ${ORDER(4)}, at, 0, CASE state WHEN 'quarantined' THEN 'compress: not a Part 10 object' END,
    CASE state WHEN 'held' THEN '{"reason":"unmatched","detail":"no endpoint","candidates":[]}'::jsonb END, 1,
    '{"outcome":"compressed","profile":"htj2k-lossless","revision":1}', ${ORDER(1)},
    CASE WHEN outcome = 'delivered' AND at < $3::timestamptz - interval '7 days' THEN at + interval '7 days' END, outcome, CASE WHEN outcome = 'delivered' THEN at END
  FROM (SELECT *, ${RECEIPT} AS receipt_id,
      CASE WHEN state <> 'routed' THEN state WHEN study % 50 = 7 OR study % 1000 = 20 THEN 'open' WHEN study % 1000 = 10 THEN 'failed' ELSE 'delivered' END AS outcome
    FROM (SELECT g.study, g.k, ${AT} AS at, ${STATE.replaceAll('study', 'g.study')} AS state, '1.2.826.0.1.3680043.99.' || g.study AS uid, 'f' || g.study % 40 AS facility
      FROM (SELECT study, k FROM generate_series($1::int, $2::int - 1) AS study, generate_series(0, ${STUDY_INSTANCES - 1}) AS k) AS g) AS drawn) AS made`;

/** To the cloud and to one of 50 archives in house, of which one is dead. */
const DELIVERIES = `
  INSERT INTO deliveries (filed_under, id, receipt_id, study_key, destination, facility, rule, configuration_revision, fact_state, state_order, state_at, generation,
    due_at, attempts, reason, confirmation, digest_delivered, lane)
  SELECT receipt_id, receipt_id || '.' || destination, receipt_id, uid, destination, 'f' || study % 40, 'facility f' || study % 40, 1, state, ${ORDER(3)}, at, 0, at, 1,
    CASE state WHEN 'failed' THEN 'the archive refused: 0122 SOP class not supported' WHEN 'retrying' THEN 'connect ECONNREFUSED' END,
    CASE state WHEN 'confirmed' THEN 'stow 200' END, CASE state WHEN 'confirmed' THEN md5(uid || k) || md5(k || uid) END, 'routine'
  FROM (SELECT *, ${RECEIPT} AS receipt_id, CASE
      WHEN destination = '${DEAD_DESTINATION}' THEN CASE WHEN k % 10 = 0 THEN 'retrying' ELSE 'due' END
      WHEN study % 1000 = 10 AND destination = 'cloud' THEN 'failed'
      WHEN study % 1000 = 20 AND destination = 'cloud' THEN 'parked' ELSE 'confirmed' END AS state
    FROM (SELECT g.study, g.k, ${AT} AS at, '1.2.826.0.1.3680043.99.' || g.study AS uid
      FROM (SELECT study, k FROM generate_series($1::int, $2::int - 1) AS study, generate_series(0, ${STUDY_INSTANCES - 1}) AS k WHERE study % 1000 > 5) AS g) AS drawn
    CROSS JOIN LATERAL unnest(ARRAY['cloud', 'pacs' || study % 50]) AS destination) AS made`;

const STUDIES = `
  INSERT INTO studies (study_key, described_by, described_order, patient_name, patient_id, patient_birth_date, patient_sex, accession_number, study_date, study_time,
    study_description, institution_name, modalities, first_received_at, last_received_at, search)
  SELECT uid, ${RECEIPT}, '', 'FAMILY' || study % 5000 || '^GIVEN' || study % 300, 'PID' || study, '19700101', 'F', 'ACC' || study, to_char(at, 'YYYYMMDD'), '100000',
    'THORAX NATIV', 'Institution f' || study % 40, '{CT}', at, at + interval '${STUDY_INSTANCES - 1} seconds',
    array_to_tsvector(ARRAY['family' || study % 5000, 'given' || study % 300, 'pid' || study, 'acc' || study, 'institution', 'f' || study % 40, 'thorax', 'nativ', uid])
  FROM (SELECT g.study, g.k, ${AT} AS at, '1.2.826.0.1.3680043.99.' || g.study AS uid FROM (SELECT study, 0 AS k FROM generate_series($1::int, $2::int - 1) AS study) AS g) AS drawn`;

const SERIES = `
  INSERT INTO series (study_key, series_key, described_by, described_order, modality, series_number, series_description, body_part)
  SELECT s.study_key, s.study_key || '.' || n, s.described_by, '', 'CT', n::text, 'AX 1.0', 'CHEST' FROM studies s, generate_series(0, ${STUDY_INSTANCES / 100 - 1}) AS n
  WHERE s.study_key = ANY($1::text[])`;

/** Of two hundred studies one is coming in. */
const ARRIVALS = `
  INSERT INTO study_arrivals (study_key, last_receipt, last_received_at, association, settled_receipt, settled_at, ending, settlings)
  SELECT s.study_key, n.last_receipt, s.last_received_at, gen_random_uuid(), CASE WHEN hashtext(s.study_key) % 200 <> 0 THEN n.last_receipt END, s.last_received_at,
    'released', 1 FROM studies s JOIN study_counts n USING (study_key) ON CONFLICT DO NOTHING`;

/** Made without the triggers, which count row by row what is counted here at the end. */
export async function generateStudies(database: Database, { from, to, until }: Generated): Promise<void> {
  for (let month = new Date(until.getTime() - (DAYS + 31) * DAY_MS); month < until; month = new Date(month.getTime() + 20 * DAY_MS))
    for (const table of PARENTS)
      await database.query(`SELECT make_partition($1, date_trunc('month', $2::timestamptz AT TIME ZONE 'UTC')::date)`, [table, month]);
  for (const table of PARENTS) await database.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  const indexes = await dropIndexes(database);
  for (let at = from; at < to; at += CHUNK_STUDIES) {
    const end = Math.min(at + CHUNK_STUDIES, to);
    const keys = Array.from({ length: end - at }, (_, n) => studyUid(at + n));
    const which = [at, end, until];
    const described = database.query(STUDIES, which).then(() => database.query(SERIES, [keys]));
    await Promise.all([described, database.query(INSTANCES, which), database.query(DELIVERIES, which)]);
  }
  for (const index of indexes) await database.query(index);
  for (const table of PARENTS) await database.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
  await database.query('SELECT recount_ledger()');
  await database.query(ARRIVALS);
  await database.query('ANALYZE');
}

/** All but the keys; resolves with what makes them again, which is faster than to keep them. */
async function dropIndexes(database: Database): Promise<string[]> {
  const found = await database.query<{ name: string; definition: string }>(
    `SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition FROM pg_index
     WHERE indrelid = ANY(ARRAY['instances', 'deliveries']::regclass[]) AND NOT indisprimary`,
  );
  for (const { name } of found) await database.query(`DROP INDEX ${name}`);
  return found.map(({ definition }) => definition.replace(' ON ONLY ', ' ON '));
}
