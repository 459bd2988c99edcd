// Why an instance goes where it goes: every decision about it, and each rule that was tried on the way. Pure; the rules are told by the functions that decide.
import type { Assignment, AssociationFacts, Lane } from '../events/instance.ts';
import { type Choice, chooseCompression } from './choose-compression.ts';
import { decideRoute, type RouteDecision } from './decide-route.ts';
import { type FacilityResolution, resolveFacility } from './facility-resolution.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { laneOf, type Priority } from './rule-condition.ts';
import { RULE_KINDS, type TriedRule } from './tried-rule.ts';

export interface InstanceToExplain {
  readonly association: AssociationFacts;
  readonly sopClassUid: string;
  /** By the names that the document uses. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Of the C-STORE request, where it is known. */
  readonly priority?: Priority;
  /** Endpoints that tagged instances of the same study matched. */
  readonly studyEndpoints?: readonly string[];
  readonly assignment?: Assignment;
}

/** `facility`: what the association alone decides. */
export interface Explanation {
  readonly facility: FacilityResolution;
  readonly lane: Lane;
  readonly compression: Choice;
  readonly route: RouteDecision;
  /** In the order of RULE_KINDS, and among one kind in that of the document. */
  readonly rules: TriedRule[];
}

export function explainInstance(document: GatewayDocument, instance: InstanceToExplain): Explanation {
  const rules: TriedRule[] = [];
  const tell = (tried: TriedRule): void => void rules.push(tried);
  const resolution = resolveFacility(document, instance.association);
  const facility = 'facility' in resolution ? resolution.facility : undefined;
  const { callingAe, calledAe } = instance.association;
  const { sopClassUid, attributes, priority } = instance;
  return {
    facility: resolution,
    lane: laneOf(document, { callingAe, calledAe, sopClassUid, attributes, priority, facility }, tell),
    compression: chooseCompression(document, { ...instance, facility }, tell),
    route: decideRoute(document, instance, tell),
    rules: rules.sort((one, other) => RULE_KINDS.indexOf(one.kind) - RULE_KINDS.indexOf(other.kind)),
  };
}
