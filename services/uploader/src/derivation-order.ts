// Orders an object in another form from the compressor. The delivery comes back with it, or with the reason why there is none, and is never ordered for twice.
import type { Bus } from '@causeway/shared/bus/bus';
import { transferSyntaxOf } from '@causeway/shared/dicom/transfer-syntaxes';
import { type DeliveryDue, type DerivationDue, type DerivationProfile, originalOf } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { derivationSubject } from '@causeway/shared/events/flow';

/** Resolves when JetStream has it: then the message of the delivery may be acknowledged. */
export async function orderDerivation(
  bus: Pick<Bus, 'publish'>,
  { delivery, generation, facility, wasParked }: DeliveryDue,
  profile: DerivationProfile,
): Promise<void> {
  const event: DerivationDue = { ...newEnvelope(generation, facility), type: 'derivation.due', profile, delivery, wasParked };
  const subject = derivationSubject(profile, delivery.destination, delivery.instance.lane);
  await bus.publish(event, { subject, messageId: `${delivery.id}.${generation}.derive` });
}

export const PROFILE_WORDS: Readonly<Record<DerivationProfile, string>> = {
  uncompressed: 'an uncompressed object',
  'explicit-little': 'an object in explicit VR little endian',
};

/** The reason of a delivery that failed because of its transfer syntax: which one, what was tried, what to do. */
export function syntaxRefusal(reason: string, { delivery }: Pick<DeliveryDue, 'delivery'>): string {
  const { transferSyntaxUid } = originalOf(delivery);
  const name = transferSyntaxOf(transferSyntaxUid)?.name ?? 'unknown';
  const { derivation } = delivery;
  const tried = derivation?.reason === undefined ? '' : `; ${PROFILE_WORDS[derivation.profile]} cannot be made: ${derivation.reason}`;
  return `${reason}${tried}; the instance is in ${name} (${transferSyntaxUid}): let the destination accept that, or send it elsewhere`;
}
