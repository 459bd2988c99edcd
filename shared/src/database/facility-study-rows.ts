// Which studies concern which facility: an index of the instances for those who see only their own.
import type { Queryable } from './database.ts';
import type { InstanceRow } from './instance-rows.ts';

/** Those whose users see the instance (facility-scope.ts). */
export const facilitiesConcerned = ({ facility, facilities, held }: Pick<InstanceRow, 'facility' | 'facilities' | 'held'>): string[] => [
  ...new Set([facility, held?.facility, ...facilities, ...(held?.candidates ?? [])].filter((id) => id !== null && id !== undefined)),
];

const UPSERT = `
  INSERT INTO facility_studies (facility, study_key, last_received_at)
  SELECT facility, study_key, last_received_at FROM jsonb_to_recordset($1::jsonb) AS r(facility text, study_key text, last_received_at timestamptz)
  ON CONFLICT (facility, study_key) DO UPDATE SET last_received_at = excluded.last_received_at
  WHERE excluded.last_received_at > facility_studies.last_received_at`;

/** Of the instances of a batch. */
export async function upsertFacilityStudies(target: Queryable, instances: readonly InstanceRow[]): Promise<void> {
  const rows = new Map<string, { facility: string; study_key: string; last_received_at: string }>();
  for (const instance of instances)
    for (const facility of facilitiesConcerned(instance)) {
      const key = `${facility} ${instance.study_key}`;
      const known = rows.get(key);
      if (known === undefined || known.last_received_at < instance.received_at)
        rows.set(key, { facility, study_key: instance.study_key, last_received_at: instance.received_at });
    }
  // Sorted like every table's rows, so that two writers never lock each other out.
  const sorted = [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  if (sorted.length > 0) await target.query(UPSERT, [JSON.stringify(sorted)]);
}
