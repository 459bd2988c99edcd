// The condition that lanes, compression and coercion share, asked of one instance; and which attributes the rules need.
import type { Lane } from '../events/instance.ts';
import { attributePath } from './attribute-path.ts';
import type { GatewayDocument, LaneRule, RuleCondition } from './gateway-document.ts';
import type { LaneCondition } from './gateway-document-rules.ts';
import { isInSopClass } from './sop-class-groups.ts';
import { shownValue, type Tell, type TriedRule } from './tried-rule.ts';

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
export const matchesCondition = (when: Condition, facts: RuleFacts): boolean => misfitOf(when, facts) === undefined;

type Condition = RuleCondition | LaneCondition;
type ConditionField = keyof LaneCondition;

/** The first field that does not fit; undefined: the condition fits. */
function misfitOf(when: Condition, facts: RuleFacts): ConditionField | undefined {
  const { attributes } = facts;
  if (!isOneOf(when.callingAe, facts.callingAe)) return 'callingAe';
  if (!isOneOf(when.calledAe, facts.calledAe)) return 'calledAe';
  if (!isOneOf(when.facility, facts.facility)) return 'facility';
  if (when.sopClass !== undefined && !when.sopClass.some((named) => isInSopClass(facts.sopClassUid, named))) return 'sopClass';
  if (!hasOneOf(when.modality, attributes.Modality)) return 'modality';
  if (!hasOneOf(when.imageType, attributes.ImageType)) return 'imageType';
  if (!hasOneOf(when.bodyPart, attributes.BodyPartExamined)) return 'bodyPart';
  if (when.attribute !== undefined && !hasOneOf(when.in, attributes[when.attribute])) return 'attribute';
  return 'priority' in when && when.priority !== undefined && when.priority !== facts.priority ? 'priority' : undefined;
}

export interface Asking<Rule> {
  readonly kind: TriedRule['kind'];
  readonly nameOf: (rule: Rule, at: number) => string;
  readonly tell: Tell | undefined;
}

/** The place of the first rule whose condition fits; -1 when none does. Those behind it are not asked. */
export function firstThatFits<Rule extends { readonly when: Condition }>(
  rules: readonly Rule[],
  facts: RuleFacts,
  { kind, nameOf, tell }: Asking<Rule>,
): number {
  const first = rules.findIndex((rule) => matchesCondition(rule.when, facts));
  if (tell === undefined) return first;
  for (const [at, rule] of rules.entries()) {
    const because = first !== -1 && at > first ? `not asked: ${nameOf(rules[first]!, first)} fits` : becauseOf(rule.when, facts);
    tell({ kind, rule: nameOf(rule, at), applied: at === first, because });
  }
  return first;
}

function becauseOf(when: Condition, facts: RuleFacts): string {
  const field = misfitOf(when, facts);
  if (field === undefined) return Object.values(when).every((value) => value === undefined) ? 'it fits everything' : 'its condition fits';
  const name = field === 'attribute' ? when.attribute : field;
  const wanted = field === 'attribute' ? when.in : (when as LaneCondition)[field];
  return `${name} is ${shownValue(ASKED[field](facts, when))}, and the rule asks for ${[wanted].flat().join(' or ')}`;
}

/** What each field of a condition asks of an instance. */
const ASKED: Record<ConditionField, (facts: RuleFacts, when: Condition) => string | undefined> = {
  callingAe: ({ callingAe }) => callingAe,
  calledAe: ({ calledAe }) => calledAe,
  facility: ({ facility }) => facility,
  sopClass: ({ sopClassUid }) => sopClassUid,
  modality: ({ attributes }) => attributes.Modality,
  imageType: ({ attributes }) => attributes.ImageType,
  bodyPart: ({ attributes }) => attributes.BodyPartExamined,
  attribute: ({ attributes }, when) => attributes[when.attribute!],
  in: () => undefined,
  priority: ({ priority }) => priority,
};

const isOneOf = (allowed: string[] | undefined, value: string | undefined): boolean =>
  allowed === undefined || (value !== undefined && allowed.includes(value));

/** The whole value, or one of its backslash-separated values, is allowed. */
function hasOneOf(allowed: string[] | undefined, value: string | undefined): boolean {
  if (allowed === undefined) return true;
  if (value === undefined) return false;
  return allowed.includes(value) || value.split('\\').some((one) => allowed.includes(one.trim()));
}

/** The lane of an instance: that of the first rule that fits, else routine. */
export function laneOf(document: Pick<GatewayDocument, 'lanes'>, facts: RuleFacts, tell?: Tell): Lane {
  const nameOf = ({ lane }: LaneRule, at: number): string => `lane rule ${at + 1}: ${lane}`;
  return document.lanes[firstThatFits(document.lanes, facts, { kind: 'lane', nameOf, tell })]?.lane ?? 'routine';
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
