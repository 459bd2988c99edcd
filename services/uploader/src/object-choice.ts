// Which stored object a destination gets, which one instead when it refuses that, and what has to be made for it first.
import { EXPLICIT_VR_LITTLE_ENDIAN, transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { type Delivery, type DerivationProfile, originalOf } from '@causeway/shared/events/delivery';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { DestinationSettings, StowSettings } from './destination-settings.ts';

/** What a destination says about encodings. `isCoerced`: coercion on delivery splices, and cannot do that in deflated data sets. */
export type WantedForm = Pick<DestinationSettings, 'images'> & Partial<Pick<StowSettings, 'implicitVr'>> & { readonly isCoerced?: boolean };

/**
 * In order of preference, at least one. What a derivation made for this delivery goes first. compressed: what the compression rules made, then the
 * original. Otherwise: as received. Where coercion rules on receipt made an object, that is the original: no destination gets what they were to correct.
 */
export function objectChoices(delivery: Delivery, form: WantedForm): [ObjectRef, ...ObjectRef[]] {
  const original = originalOf(delivery);
  const { compressed, derivation } = delivery;
  if (derivation?.object !== undefined) return [derivation.object, original];
  if (form.images !== 'compressed' || compressed === undefined) return [original];
  // Until it is known that it cannot be converted.
  if (mustConvert(original, form) && derivation === undefined) return [compressed];
  return [compressed, original];
}

/** What the destination is never to be offered otherwise, and there is not; undefined: it can be sent as it is, or nothing better can be made. */
export function derivationWantedFirst(delivery: Delivery, form: WantedForm): DerivationProfile | undefined {
  if (delivery.derivation !== undefined) return undefined;
  const [first] = objectChoices(delivery, form);
  const profile = derivationAfterRefusal(delivery);
  if (form.images === 'uncompressed' && isPacked(first)) return profile;
  const isHindering = form.isCoerced === true && transferSyntaxOf(first.transferSyntaxUid)?.deflated === true;
  return isHindering || mustConvert(first, form) ? profile : undefined;
}

/** What may be made when the destination refused the transfer syntax of the original: once for each delivery; undefined: nothing else can be. */
export function derivationAfterRefusal(delivery: Delivery): DerivationProfile | undefined {
  const { transferSyntaxUid } = originalOf(delivery);
  const syntax = transferSyntaxOf(transferSyntaxUid);
  if (delivery.derivation !== undefined || syntax === undefined || transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN) return undefined;
  return syntax.encapsulated ? 'uncompressed' : 'explicit-little';
}

/** Compressed pixels, or a data set that is deflated as a whole. */
function isPacked({ transferSyntaxUid }: ObjectRef): boolean {
  const syntax = transferSyntaxOf(transferSyntaxUid);
  return syntax === undefined || syntax.kind !== 'uncompressed' || syntax.deflated;
}

/** PS3.18 section 8.7.3 forbids implicit VR and big endian. */
function mustConvert({ transferSyntaxUid }: ObjectRef, { implicitVr }: WantedForm): boolean {
  const syntax = transferSyntaxOf(transferSyntaxUid);
  return implicitVr === 'convert' && syntax !== undefined && !(syntax.explicitVr && syntax.littleEndian);
}
