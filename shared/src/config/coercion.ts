// Coercion rules applied to one instance: those that fit, in the order of the document, each on what the rules before it made.
import type { DataSetEdits } from '../dicom/part10/data-set-edits.ts';
import { DicomParseError } from '../dicom/part10/parse-error.ts';
import { UnfitValue } from '../dicom/part10/value-text.ts';
import type { AssociationFacts } from '../events/instance.ts';
import { attributePath } from './attribute-path.ts';
import type { CoercionRule, GatewayDocument } from './gateway-document.ts';
import type { AssociationInput } from './gateway-document-facilities.ts';
import { matchesCondition } from './rule-condition.ts';

/** What conditions can ask beside the data set. `facility`: what the association alone decides; on delivery, on whose behalf it is sent. */
export interface CoercionFacts {
  readonly association: AssociationFacts;
  readonly sopClassUid: string;
  readonly facility?: string;
}

/** A rule by its place in the document, counted from 1 as a person does. */
export interface NumberedRule {
  readonly number: number;
  readonly rule: CoercionRule;
}

/** `treatment`: of an instance to which the rule cannot be applied. */
export interface FittingRule {
  readonly name: string;
  readonly treatment: CoercionRule['impossible'];
}

export interface CoercionOutcome {
  /** Rules that fitted and were applied, whether or not anything was different then. */
  readonly applied: FittingRule[];
  /** Rules that fitted and could not be applied; nothing of them was done. The reason holds no value. */
  readonly impossible: (FittingRule & { readonly reason: string })[];
}

/** The rules on receipt that the association and the SOP Class leave possible: whether they fit may also depend on the header. */
export function rulesOnReceipt(document: Pick<GatewayDocument, 'coercion'>, facts: CoercionFacts): NumberedRule[] {
  return possibleRules(
    numberedRules(document).filter(({ rule }) => rule.on === 'receive'),
    facts,
  );
}

const numberedRules = ({ coercion }: Pick<GatewayDocument, 'coercion'>): NumberedRule[] =>
  coercion.map((rule, index) => ({ number: index + 1, rule }));

/** Those on delivery to a destination; whether they fit depends on the instance. */
export function rulesOnDelivery(document: Pick<GatewayDocument, 'coercion'>, destination: string): NumberedRule[] {
  return numberedRules(document).filter(({ rule }) => rule.on === 'deliver' && (rule.destination ?? destination) === destination);
}

/** Those of them that association, facility and SOP Class leave possible. */
export const possibleRules = (rules: readonly NumberedRule[], facts: CoercionFacts): NumberedRule[] =>
  rules.filter(({ rule }) => matchesCondition(withoutHeader(rule.when), conditionFacts(facts, {})));

/** Those that fit by attributes read before: for a data set that cannot be read now. */
export function rulesThatFit(
  rules: readonly NumberedRule[],
  facts: CoercionFacts,
  attributes: Readonly<Record<string, string>>,
): FittingRule[] {
  const fitting = rules.filter(({ rule }) => matchesCondition(rule.when, conditionFacts(facts, attributes)));
  return fitting.map(({ number, rule }) => ({ name: ruleName(number, rule), treatment: rule.impossible }));
}

const withoutHeader = (when: CoercionRule['when']): CoercionRule['when'] => ({
  ...when,
  modality: undefined,
  imageType: undefined,
  bodyPart: undefined,
  attribute: undefined,
  in: undefined,
});

const conditionFacts = ({ association, sopClassUid, facility }: CoercionFacts, attributes: Readonly<Record<string, string>>) => {
  const { callingAe, calledAe } = association;
  return { callingAe, calledAe, sopClassUid, facility, attributes };
};

const CONDITION_ATTRIBUTES = ['Modality', 'ImageType', 'BodyPartExamined'];

/** The tags of every attribute that the rules read or write, outermost first. */
export function tagsOfRules(rules: readonly NumberedRule[]): number[][] {
  const names = rules.flatMap(({ rule: { when, set, copy, remove, map } }) => [
    ...[...CONDITION_ATTRIBUTES, ...(when.attribute === undefined ? [] : [when.attribute])],
    ...[...Object.keys(set), ...Object.keys(copy), ...remove, ...Object.keys(map)],
    ...Object.values(copy).filter((source) => !source.startsWith('association:')),
  ]);
  return [...new Set(names)].map(tagsOf);
}

/** The document was checked: every name is an attribute. */
const tagsOf = (name: string): number[] =>
  attributePath(name)!
    .split('.')
    .map((tag) => Number.parseInt(tag, 16));

/** Changes `edits`, which must hold what `tagsOfRules` names. */
export function applyRules(rules: readonly NumberedRule[], edits: DataSetEdits, facts: CoercionFacts): CoercionOutcome {
  const outcome: CoercionOutcome = { applied: [], impossible: [] };
  for (const { number, rule } of rules) {
    const fitting = { name: ruleName(number, rule), treatment: rule.impossible };
    try {
      if (!matchesCondition(rule.when, conditionFacts(facts, attributesAsked(rule, edits)))) continue;
      applyRule(rule, edits, facts);
      outcome.applied.push(fitting);
    } catch (error) {
      if (!(error instanceof UnfitValue) && !(error instanceof DicomParseError)) throw error;
      outcome.impossible.push({ ...fitting, reason: error.message });
    }
  }
  return outcome;
}

const MOST_NAME_CHARACTERS = 200;

/** What the rule does, without the values: those of a map may be patients'. */
function ruleName(number: number, { set, copy, remove, map }: CoercionRule): string {
  const verbs = Object.entries({ set: Object.keys(set), copy: Object.keys(copy), remove, map: Object.keys(map) });
  const named = verbs.filter(([, names]) => names.length > 0).map(([verb, names]) => `${verb} ${names.join(', ')}`);
  return `coercion rule ${number}: ${named.join('; ')}`.slice(0, MOST_NAME_CHARACTERS);
}

function attributesAsked({ when }: CoercionRule, edits: DataSetEdits): Record<string, string> {
  const names = [...CONDITION_ATTRIBUTES, ...(when.attribute === undefined ? [] : [when.attribute])];
  return Object.fromEntries(names.map((name) => [name, edits.text(tagsOf(name))]).filter(([, text]) => text));
}

/** One change of one attribute; undefined: it is taken out. */
interface Change {
  readonly name: string;
  readonly text?: string;
}

/** All of it or nothing: what cannot be written is found before anything is. */
function applyRule(rule: CoercionRule, edits: DataSetEdits, facts: CoercionFacts): void {
  const changes = changesOf(rule, edits, facts);
  const trial = edits.copy();
  for (const target of [trial, edits])
    for (const { name, text } of changes) {
      try {
        if (text === undefined) target.remove(tagsOf(name));
        else target.set(tagsOf(name), text);
      } catch (error) {
        throw error instanceof UnfitValue ? new UnfitValue(`${name}: ${error.message}`) : error;
      }
    }
}

/** Read before anything of the rule is written, so that two attributes can be exchanged. */
function changesOf({ set, copy, remove, map }: CoercionRule, edits: DataSetEdits, { association }: CoercionFacts): Change[] {
  return [
    ...Object.entries(set).map(([name, text]) => ({ name, text })),
    ...Object.entries(copy).flatMap(([name, source]) => {
      const text = sourceText(source, edits, association);
      return text ? [{ name, text }] : [];
    }),
    ...remove.map((name) => ({ name })),
    ...Object.entries(map).flatMap(([name, table]) => {
      const text = mapped(edits.text(tagsOf(name)) ?? '', table);
      return text === undefined ? [] : [{ name, text }];
    }),
  ];
}

const ASSOCIATION_TEXTS: Record<AssociationInput, (association: AssociationFacts) => string> = {
  'association:callingAe': ({ callingAe }) => callingAe,
  'association:calledAe': ({ calledAe }) => calledAe,
  'association:source': ({ source }) => source,
};

/** Empty or undefined: nothing is copied. */
function sourceText(source: string, edits: DataSetEdits, association: AssociationFacts): string | undefined {
  if (Object.hasOwn(ASSOCIATION_TEXTS, source)) return ASSOCIATION_TEXTS[source as AssociationInput](association).trim();
  return edits.text(tagsOf(source));
}

/** The whole value, else each of several values; undefined: the table has none of them. */
function mapped(text: string, table: Readonly<Record<string, string>>): string | undefined {
  const entries = new Map(Object.entries(table).map(([old, value]) => [old.normalize('NFC'), value]));
  const ofWhole = entries.get(text.normalize('NFC'));
  if (ofWhole !== undefined || text === '') return ofWhole;
  const values = text.split('\\').map((one) => entries.get(one.trim().normalize('NFC')) ?? one);
  const joined = values.join('\\');
  return joined === text ? undefined : joined;
}
