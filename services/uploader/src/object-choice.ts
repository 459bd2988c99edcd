// Which stored object a destination gets, and which one instead when it refuses that.
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { DestinationSettings } from './destination-settings.ts';

/**
 * In order of preference, at least one. compressed: what the compression rules made, then the original. Otherwise: as received. Where coercion rules on
 * receipt made an object, that is the original: no destination gets what they were to correct.
 */
export function objectChoices(
  { instance, compressed, coerced }: Delivery,
  images: DestinationSettings['images'],
): [ObjectRef, ...ObjectRef[]] {
  const { objectKey, size, digest, transferSyntaxUid } = instance;
  const original = coerced ?? { objectKey, size, digest, transferSyntaxUid };
  return images === 'compressed' && compressed !== undefined ? [compressed, original] : [original];
}

/** True when the destination wants uncompressed images and the instance came compressed: it is sent as it came. */
export function isSentCompressedAllTheSame({ instance }: Delivery, images: DestinationSettings['images']): boolean {
  return images === 'uncompressed' && (transferSyntaxOf(instance.transferSyntaxUid)?.kind ?? 'either') !== 'uncompressed';
}
