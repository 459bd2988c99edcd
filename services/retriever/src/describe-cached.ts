// A fetched instance described again from its object: an earlier attempt stored it and was ended before the whole study was there.
import type { HeaderReader } from '@causeway/shared/config/header-reader';
import { PermanentError } from '@causeway/shared/errors';
import type { Instance } from '@causeway/shared/events/instance';
import { describeInstance, type StoredObject } from '@causeway/shared/object-store/describe-instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

/** undefined: it is gone, or is not an object of ours any more; then it is fetched again. Throws TransientError when the store is out of reach. */
export async function describeCached(store: ObjectStore, object: StoredObject, header: HeaderReader): Promise<Instance | undefined> {
  try {
    const { instance, headerError } = await describeInstance(store, object, header);
    return headerError === undefined ? instance : undefined;
  } catch (error) {
    if (error instanceof PermanentError) return undefined;
    throw error;
  }
}
