// What is odd about rules: of hubs, one that says what another says; of lanes, compression and coercion, one that is never reached or can never fit.
import { attributePath } from './attribute-path.ts';
import type { DocumentWarning } from './document-problems.ts';
import { acceptedCalledAes } from './facility-resolution.ts';
import type { GatewayDocument, RuleCondition } from './gateway-document.ts';
import type { EndpointRule } from './gateway-document-facilities.ts';
import type { LaneCondition } from './gateway-document-rules.ts';
import { allowingCallers } from './match-row-warnings.ts';
import { SOP_CLASS_GROUPS } from './sop-class-groups.ts';

type Rules = Pick<GatewayDocument, 'gateway' | 'facilities' | 'lanes' | 'compression' | 'coercion' | 'lossyAcceptance'>;
type When = RuleCondition | LaneCondition;

export function* ruleWarnings(document: Rules): Generator<DocumentWarning> {
  yield* endpointRulesAlike(document);
  yield* neverReached('lanes', document.lanes);
  yield* neverReached('compression', document.compression);
  const known = knownBy(document);
  for (const list of ['lanes', 'compression', 'coercion'] as const)
    for (const [at, rule] of document[list].entries()) {
      const delivers = 'on' in rule && rule.on === 'deliver';
      yield* neverFits(known, { path: `${list}[${at}].when`, when: rule.when, delivers });
    }
  yield* lossyNotAccepted(document);
}

/** Several endpoints may match one image, so this is often meant; a value that was copied and not changed looks the same. */
function* endpointRulesAlike({ facilities }: Rules): Generator<DocumentWarning> {
  const known = new Map<string, { path: string; facility: string; rule: EndpointRule }[]>();
  for (const facility of facilities)
    for (const [at, rule] of facility.model === 'endpoint' ? facility.rules.entries() : []) {
      const path = `facilities[${facility.id}].rules[${at}]`;
      const alike = known.get(aboutKey(rule)) ?? [];
      const other = alike.find((one) => isSameRule(one.rule, rule));
      if (other !== undefined) yield { path, warning: other.facility === facility.id ? saysNothingNew(other.path) : bothGet(other.path) };
      alike.push({ path, facility: facility.id, rule });
      known.set(aboutKey(rule), alike);
    }
}

const saysNothingNew = (other: string): string => `says nothing that ${other} does not say: remove one`;
const bothGet = (other: string): string =>
  `fits the same value at the same hub as ${other}: both endpoints get these images. Leave it if that is meant; else correct one of the values`;

/** What ignore-case compares; rules with different keys do not overlap by equal values. */
const aboutKey = ({ hub, value }: EndpointRule): string => `${hub} ${value.normalize('NFC').toLowerCase()}`;

function isSameRule(one: EndpointRule, other: EndpointRule): boolean {
  if (isText(one) && isText(other) && [one, other].some(({ match }) => match === 'ignore-case')) return true;
  const sameKind = one.match === other.match || (isText(one) && isText(other));
  return sameKind && one.value.normalize('NFC') === other.value.normalize('NFC');
}

/** Whether it stands for itself only. */
const isText = ({ match, value }: EndpointRule): boolean => match !== 'regex' && (match !== 'wildcard' || !/[*?]/.test(value));

/** The first rule that fits decides: one that always finds an earlier one fitting never does. */
function* neverReached(list: 'lanes' | 'compression', rules: readonly { when: When }[]): Generator<DocumentWarning> {
  const conditions = rules.map(({ when }) => allowedOf(when));
  for (const [at, condition] of conditions.entries()) {
    const before = conditions.slice(0, at).findIndex((earlier) => covers(earlier, condition));
    if (before < 0) continue;
    const fits = conditions[before]!.size === 0 ? 'has when: {}, which fits everything' : 'fits whenever this one does';
    yield {
      path: `${list}[${at}]`,
      warning: `is never reached: ${list}[${before}] comes first and ${fits}. Move it before that one, or remove it`,
    };
  }
}

type Allowed = ReadonlyMap<string, ReadonlySet<string>>;

/** What is asked, to the values of which one must be there. */
function allowedOf({ attribute, in: values, sopClass, ...when }: When): Allowed {
  const fields = Object.entries(when).flatMap(([field, allowed]): [string, Set<string>][] =>
    allowed === undefined ? [] : [[field, new Set(Array.isArray(allowed) ? allowed : [allowed])]],
  );
  if (sopClass !== undefined) fields.push(['sopClass', new Set(sopClass.flatMap((name) => SOP_CLASS_GROUPS[name] ?? [name]))]);
  if (attribute !== undefined) fields.push([`attribute ${attributePath(attribute)}`, new Set(values)]);
  return new Map(fields);
}

const covers = (general: Allowed, special: Allowed): boolean =>
  [...general].every(([field, allowed]) => {
    const asked = special.get(field);
    return asked !== undefined && [...asked].every((value) => allowed.has(value));
  });

/** What associations can have. */
interface Known {
  readonly calledAe: (title: string) => boolean;
  readonly callingAe: (title: string) => boolean;
  /** Whether some association alone decides for it. */
  readonly receives: (facility: string) => boolean;
}

function knownBy(document: Rules): Known {
  const called = acceptedCalledAes(document);
  const mayCall = allowingCallers(document);
  const receiving = new Set(document.facilities.filter(({ match }) => match.length > 0).map(({ id }) => id));
  return {
    calledAe: (title) => called.has('*') || called.has(title),
    callingAe: (callingAe) => mayCall({ callingAe }),
    receives: (facility) => receiving.has(facility),
  };
}

interface PlacedCondition {
  readonly path: string;
  readonly when: When;
  /** On delivery: the facility may be one that a hub's rules found. */
  readonly delivers: boolean;
}

/** Values of a condition that no association can have. */
function* neverFits(known: Known, { path, when, delivers }: PlacedCondition): Generator<DocumentWarning> {
  for (const title of when.calledAe ?? [])
    if (!known.calledAe(title)) yield { path: `${path}.calledAe`, warning: `names ${title}, ${REFUSED}` };
  for (const title of when.callingAe ?? [])
    if (!known.callingAe(title)) yield { path: `${path}.callingAe`, warning: `names ${title}, ${KEPT_OUT}` };
  for (const id of delivers ? [] : (when.facility ?? []))
    if (!known.receives(id)) yield { path: `${path}.facility`, warning: `names ${id}, ${NO_ASSOCIATION}` };
}

const REFUSED = 'which the gateway refuses as called AE title: add it to gateway.calledAeTitles';
const KEPT_OUT = 'which gateway.callers keeps out: add it there, or remove it here';
const NO_ASSOCIATION = 'which receives nothing itself: facility is here the one that the association alone decides, so write the hub';

/** compression rules that lose information do nothing without it. */
function* lossyNotAccepted({ compression, lossyAcceptance }: Rules): Generator<DocumentWarning> {
  if (lossyAcceptance.by !== '') return;
  for (const [at, { then }] of compression.entries())
    if ('lossy' in then)
      yield {
        path: `compression[${at}].then`,
        warning: 'has no effect: lossyAcceptance is empty. Fill in who accepted lossy compression, when, in what words',
      };
}
