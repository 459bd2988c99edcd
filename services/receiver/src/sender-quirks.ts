// What the gateway document says of single senders (negotiation.callers): the first row of a calling AE title counts.
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';

export type SenderQuirks = GatewayDocument['negotiation']['callers'][number];
/** A defect of data sets that is let pass where it is tolerated. */
export type Defect = SenderQuirks['tolerate'][number];

const NONE: ReadonlySet<Defect> = new Set();

export function quirksOf({ negotiation }: Pick<GatewayDocument, 'negotiation'>, callingAe: string): SenderQuirks | undefined {
  return negotiation.callers.find((row) => row.callingAe === callingAe.trim());
}

export function toleratedOf(document: Pick<GatewayDocument, 'negotiation'>, callingAe: string): ReadonlySet<Defect> {
  const tolerate = quirksOf(document, callingAe)?.tolerate;
  return tolerate ? new Set(tolerate) : NONE;
}
