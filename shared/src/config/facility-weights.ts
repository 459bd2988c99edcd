// The weights of facilities where they compete, as the document says now.
import type { GatewayDocument } from './gateway-document.ts';

type Weighted = Pick<GatewayDocument, 'facilities'>;

/** Of a facility id; 1 for work of no known facility. */
export function facilityWeights(current: () => Weighted | undefined): (facility: string) => number {
  let known: Weighted | undefined;
  let weights: ReadonlyMap<string, number> = new Map();
  return (facility) => {
    const document = current();
    if (document !== known) {
      known = document;
      weights = new Map(document?.facilities.map(({ id, weight }) => [id, weight]));
    }
    return weights.get(facility) ?? 1;
  };
}
