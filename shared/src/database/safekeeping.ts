// What the ledger knows of the safekeeping of SOP instances: every receipt of them, and how far its deliveries are.
import type { ObjectKey } from '../brands.ts';
import type { Queryable } from './database.ts';
import { ofReceipt } from './delivery-rows.ts';
import type { InstanceState } from './instance-rows.ts';

export interface KeptReceipt {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly digest: string;
  readonly objectKey: ObjectKey;
  /** Of the received object, bytes. */
  readonly size: number;
  readonly state: InstanceState;
  readonly callingAe: string;
  readonly objectDeleted: boolean;
  /** The whole routing decision is known. */
  readonly routed: boolean;
  readonly deliveries: number;
  readonly confirmed: number;
  /** Given up by an operator. */
  readonly givenUp: number;
}

/** Received here; what was retrieved from an archive is not in custody. */
export async function findKeptReceipts(target: Queryable, sopInstanceUids: readonly string[]): Promise<KeptReceipt[]> {
  return target.query<KeptReceipt>(
    `SELECT i.sop_instance_uid AS "sopInstanceUid", i.sop_class_uid AS "sopClassUid", i.digest, i.object_key AS "objectKey", i.size, i.state,
        i.association->>'callingAe' AS "callingAe", i.object_deleted_at IS NOT NULL AS "objectDeleted",
        i.configuration_revision IS NOT NULL AS routed, count(d.id) AS deliveries,
        count(d.id) FILTER (WHERE d.state = 'confirmed') AS confirmed, count(d.id) FILTER (WHERE d.state = 'discarded') AS "givenUp"
      FROM instances i LEFT JOIN deliveries d ON ${ofReceipt('i.receipt_id')}
      WHERE i.sop_instance_uid = ANY($1::text[]) AND i.object_key LIKE 'received/%' GROUP BY i.receipt_id`,
    [sopInstanceUids],
  );
}
