// The condition that lanes, compression and coercion share, asked of one instance; and which attributes the rules need.
import { attributePath } from './attribute-path.ts';
import type { GatewayDocument, RuleCondition } from './gateway-document.ts';
import type { LaneCondition } from './gateway-document-rules.ts';
import { isInSopClass } from './sop-class-groups.ts';

export type Priority = NonNullable<LaneCondition['priority']>;

/** What a condition can ask. `attributes`: as in an Instance. `facility`: what the association alone decides, or on whose behalf a delivery is. */
export interface RuleFacts {
  readonly callingAe: string;
  readonly calledAe: string;
  readonly sopClassUid: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly facility?: string;
  /** C-STORE Priority (0000,0700), where the request is at hand. */
  readonly priority?: Priority;
}

/** PS3.7 section 9.3.1.1: (0000,0700). */
const PRIORITIES: Readonly<Record<number, Priority>> = { 0: 'medium', 1: 'high', 2: 'low' };
export const priorityOf = (code: number): Priority => PRIORITIES[code] ?? 'medium';

/** Whether every field given fits; {} fits everything. Of an attribute with several values one must fit. Values are case sensitive. */
export function matchesCondition(when: RuleCondition | LaneCondition, facts: RuleFacts): boolean {
  const { attributes } = facts;
  return (
    isOneOf(when.callingAe, facts.callingAe) &&
    isOneOf(when.calledAe, facts.calledAe) &&
    isOneOf(when.facility, facts.facility) &&
    (when.sopClass === undefined || when.sopClass.some((named) => isInSopClass(facts.sopClassUid, named))) &&
    hasOneOf(when.modality, attributes.Modality) &&
    hasOneOf(when.imageType, attributes.ImageType) &&
    hasOneOf(when.bodyPart, attributes.BodyPartExamined) &&
    (when.attribute === undefined || hasOneOf(when.in, attributes[when.attribute])) &&
    (!('priority' in when) || when.priority === undefined || when.priority === facts.priority)
  );
}

const isOneOf = (allowed: string[] | undefined, value: string | undefined): boolean =>
  allowed === undefined || (value !== undefined && allowed.includes(value));

/** The whole value, or one of its backslash-separated values, is allowed. */
function hasOneOf(allowed: string[] | undefined, value: string | undefined): boolean {
  if (allowed === undefined) return true;
  if (value === undefined) return false;
  return allowed.includes(value) || value.split('\\').some((one) => allowed.includes(one.trim()));
}

/** The lane of an instance: that of the first rule that fits, else routine. */
export function laneOf(document: Pick<GatewayDocument, 'lanes'>, facts: RuleFacts): 'stat' | 'routine' | 'prior' {
  return document.lanes.find((rule) => matchesCondition(rule.when, facts))?.lane ?? 'routine';
}

/**
 * The attributes that the rules of the document ask for, name as written there to tag path (8 hex digits a level, joined by dots).
 * They travel with each instance under that name, in addition to HEADER_ATTRIBUTES.
 */
export function attributesOfRules(document: GatewayDocument): Map<string, string> {
  const conditions = [...document.lanes, ...document.compression, ...document.coercion].map((rule) => rule.when.attribute);
  const mappingTags = document.facilities.map((facility) => (facility.model === 'hub' ? facility.mappingTag : undefined));
  const names = [...conditions, ...mappingTags].filter((name) => name !== undefined && !name.startsWith('association:'));
  return new Map(names.map((name) => [name!, attributePath(name!)!]));
}
