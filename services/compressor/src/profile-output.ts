// The object that a derivation profile makes: begun, written, durable; or nothing of it stays.
import { type Hash, randomBytes } from 'node:crypto';
import { objectKey } from '@causeway/shared/brands';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import type { DerivationProfile } from '@causeway/shared/events/delivery';
import type { Instance, ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { DerivedObject } from './derived-object.ts';
import type { SourceHeader } from './source-header.ts';
import { ObjectDamaged, Unsuitable } from './unsuitable.ts';

export interface Output {
  readonly profile: DerivationProfile;
  readonly instance: Instance;
  /** The digest of the object it is made from. */
  readonly sourceDigest: string;
  /** Lower goes first. */
  readonly priority: number;
}

/** Keys of one source and profile begin with it: what is there already is as good as another. */
export const outputPrefix = ({ profile, instance, sourceDigest }: Omit<Output, 'priority'>): string =>
  `derived/${instance.receiptId}/${profile}-${sourceDigest.slice(0, 16)}`;

/** Always explicit VR little endian, with the identity of the instance. Throws what `write` and the store throw. */
export async function makeOutput(store: ObjectStore, output: Output, write: (derived: DerivedObject) => Promise<void>): Promise<ObjectRef> {
  const { association, lane, receivedAt, sopClassUid, sopInstanceUid } = output.instance;
  const derived = await DerivedObject.begin(store, {
    key: objectKey(`${outputPrefix(output)}${randomBytes(4).toString('hex')}.dcm`),
    custody: { ...association, lane, receivedAt, sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN },
  });
  try {
    await write(derived);
    return await derived.commit();
  } finally {
    await derived.discard();
  }
}

/** Splicing relies on one element for each tag, all of them indexed. */
export function refuseOddHeader({ scan }: Pick<SourceHeader, 'scan'>): void {
  if (scan.group2 !== undefined) throw new Unsuitable('group 2 inside the data set');
  if (!scan.indexComplete) throw new Unsuitable('more elements than are indexed');
  const isAscending = scan.elements.every(({ tag }, index) => index === 0 || tag > scan.elements[index - 1]!.tag);
  if (!isAscending) throw new Unsuitable('elements are repeated or not in ascending order');
}

/** A derived object must never make the store's damage permanent under a fresh digest. */
export function refuseOtherSource(hash: Hash, { digest, objectKey: key }: Pick<ObjectRef, 'digest' | 'objectKey'>): void {
  if (hash.digest('hex') !== digest) throw new ObjectDamaged(`the bytes of ${key} are not those that were recorded: the digest differs`);
}
