// Whose an association is: the facility that the gateway document, as it is now, resolves it to.
import { resolveFacility } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { concerns } from './route-access.ts';

export interface RecordedPeer {
  readonly callingAe: string | null;
  readonly calledAe: string | null;
  readonly source: string;
  readonly tlsSubject: string | null;
  /** Of a commitment: false while its association has no record, so that its TLS subject is not known. */
  readonly recorded?: boolean;
}

/** What stands for no facility, or got no further than the connection, is seen by those only who have all. */
export function peerWithin(document: GatewayDocument | undefined, scope: FacilityScope, peer: RecordedPeer): boolean {
  if (scope === 'all') return true;
  const { callingAe, calledAe, source, tlsSubject, recorded = true } = peer;
  if (document === undefined || callingAe === null || calledAe === null || (!recorded && asksForSubjects(document))) return false;
  const resolution = resolveFacility(document, { callingAe, calledAe, source, tlsSubject: tlsSubject ?? undefined });
  if ('none' in resolution) return false;
  return concerns(scope, 'facility' in resolution ? [resolution.facility] : resolution.ambiguous);
}

const asksForSubjects = ({ facilities }: GatewayDocument): boolean =>
  facilities.some(({ match }) => match.some(({ tlsSubject }) => tlsSubject !== undefined));
