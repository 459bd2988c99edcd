// The gateway document: one schema for file, API and services. gateway.example.yaml explains every field.
import type { z } from 'zod';
import { GatewayDocumentError, problemAt, problemOfIssue } from './document-problems.ts';
import { destinations } from './gateway-document-destinations.ts';
import { facilities } from './gateway-document-facilities.ts';
import { section } from './gateway-document-fields.ts';
import { admission, gateway, limits, listeners, negotiation } from './gateway-document-listening.ts';
import { referenceProblems } from './gateway-document-references.ts';
import { commitment, notifications, retrieval } from './gateway-document-retrieval.ts';
import { coercionRules, compressionRules, laneRules, lossyAcceptance } from './gateway-document-rules.ts';

export { GatewayDocumentError } from './document-problems.ts';
export { defaultGatewayDocument, gatewayDocumentText, readGatewayDocument } from './gateway-document-text.ts';

const written = section({
  gateway,
  listeners,
  negotiation,
  limits,
  admission,
  facilities,
  destinations,
  lanes: laneRules,
  compression: compressionRules,
  lossyAcceptance,
  coercion: coercionRules,
  retrieval,
  commitment,
  notifications,
});

/** Durations in ms, sizes in bytes, rates in bit/s, times of day in minutes; everything that has a default is there. */
export const gatewayDocument = written.transform(withOwnTitles);
export type GatewayDocument = z.infer<typeof gatewayDocument>;

export type Gateway = GatewayDocument['gateway'];
export type Listener = GatewayDocument['listeners'][number];
export type Negotiation = GatewayDocument['negotiation'];
export type Facility = GatewayDocument['facilities'][number];
export type FacilityOf<M extends Facility['model']> = Extract<Facility, { model: M }>;
export type Destination = GatewayDocument['destinations'][number];
export type DestinationOf<K extends Destination['kind']> = Extract<Destination, { kind: K }>;
export type LaneRule = GatewayDocument['lanes'][number];
export type CompressionRule = GatewayDocument['compression'][number];
export type CoercionRule = GatewayDocument['coercion'][number];
export type RuleCondition = CompressionRule['when'];
export type RetrievalSource = GatewayDocument['retrieval']['sources'][number];
export type Commitment = GatewayDocument['commitment'][number];
export type Notification = GatewayDocument['notifications'][number];

/** Throws one GatewayDocumentError that lists every problem: where, what stands there, what is allowed. */
export function parseGatewayDocument(source: unknown): GatewayDocument {
  const result = gatewayDocument.safeParse(source);
  const references = referenceProblems(source).map(({ path, message }) => problemAt(path, source, message));
  const fields = result.success ? [] : result.error.issues.flatMap((issue) => problemOfIssue(issue, source));
  if (!result.success || references.length > 0) throw new GatewayDocumentError([...fields, ...references]);
  return result.data;
}

/** The defaults that depend on another field: names and AE titles. */
function withOwnTitles(document: z.infer<typeof written>) {
  const own = document.gateway.aeTitle;
  return {
    ...document,
    facilities: document.facilities.map((facility) => ({
      ...facility,
      name: facility.name ?? facility.id,
      aeTitle: facility.aeTitle ?? own,
    })),
    destinations: document.destinations.map((destination) =>
      destination.kind === 'dimse' ? { ...destination, callingAe: destination.callingAe ?? own } : destination,
    ),
  };
}
