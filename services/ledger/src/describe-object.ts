// A received object as an instance that can be set in motion again, with the facility that its association alone decides now.
import { resolveFacility } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import type { Instance } from '@causeway/shared/events/instance';
import { describeInstance, type StoredObject } from '@causeway/shared/object-store/describe-instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

/**
 * A header that cannot be parsed is no reason to leave the object behind: the next step judges it. Throws PermanentError when the object is not one
 * of ours or its group 2 is damaged; ObjectMissing; TransientError.
 */
export async function describeObject(
  store: ObjectStore,
  object: StoredObject,
  document: GatewayDocument,
): Promise<{ instance: Instance; facility?: string }> {
  const { instance } = await describeInstance(store, object, createHeaderReader(document));
  const resolved = resolveFacility(document, instance.association);
  return { instance, facility: 'facility' in resolved ? resolved.facility : undefined };
}
