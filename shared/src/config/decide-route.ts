// Where an instance goes and why: a pure function of the gateway document and what is known of the instance (ARCHITECTURE.md, The gateway document).

import type { Held } from '../events/facts.ts';
import type { Assignment, AssociationFacts } from '../events/instance.ts';
import { type FacilityResolution, resolveFacility } from './facility-resolution.ts';
import type { Facility, FacilityOf, GatewayDocument } from './gateway-document.ts';
import type { AssociationInput, EndpointRule } from './gateway-document-facilities.ts';
import { fitsRule, matchableValues, normalizedValue } from './mapping-value.ts';
import { returnedTitle, sendingTitles } from './sending-titles.ts';
import { shownValue, type Tell } from './tried-rule.ts';

export interface RouteFacts {
  readonly association: AssociationFacts;
  /** As in an Instance; the hub's mapping tag read from the object when the event does not carry it. */
  readonly attributes: Readonly<Record<string, string>>;
  /** Endpoints that tagged instances of the same study matched at this hub. */
  readonly studyEndpoints?: readonly string[];
  readonly assignment?: Assignment;
}

/** A facility that gets the instance, and the rule as configured that says so. */
export interface Recipient {
  readonly id: string;
  readonly rule: string;
}

export interface DueRoute {
  readonly destination: string;
  /** On whose behalf: the first facility that names the destination. */
  readonly facility: string;
  readonly rule: string;
}

export interface RouteDecision {
  readonly facilities: Recipient[];
  /** One for each distinct destination. */
  readonly deliveries: DueRoute[];
  /** Waits for a person, also or only. */
  readonly held?: Held;
  /** The mapping tag decided: other instances of the study without the tag follow. */
  readonly remember?: { hub: string; endpoints: string[] };
}

const MOST_RULE_CHARACTERS = 300;
const MOST_DETAIL_CHARACTERS = 500;
const MOST_CANDIDATES = 64;

/** What rules alone say, before destinations and the operator are looked at. */
interface Outcome {
  /** Gets the instance. */
  readonly recipients: Recipient[];
  /** Concerned, but gets no copy: a hub that keeps none. */
  readonly concerned: Recipient[];
  readonly held?: Held;
  readonly remember?: RouteDecision['remember'];
}

/** What the parts of a decision work with. */
interface Deciding {
  readonly document: GatewayDocument;
  readonly facts: RouteFacts;
  readonly tell?: Tell;
}

/** `tell`: is told of every rule that was tried, and why it applied or not. */
export function decideRoute(document: GatewayDocument, facts: RouteFacts, tell?: Tell): RouteDecision {
  const deciding = { document, facts, tell };
  const automatic = decideByRules(deciding);
  const assigned = assignedRecipients(deciding);
  const recipients = firstOfEach([...automatic.recipients, ...assigned]);
  const deliveries = deliveriesOf(deciding, recipients);
  return {
    facilities: firstOfEach([...automatic.concerned, ...recipients]),
    deliveries,
    held: heldOf({ document, automatic, assigned, isAssigned: facts.assignment !== undefined, deliveries }),
    remember: automatic.remember,
  };
}

/** The hub that the association stands for, if it does for one: its mapping tag may have to be read first. */
export function hubOf(document: GatewayDocument, association: AssociationFacts): FacilityOf<'hub'> | undefined {
  const resolution = resolveFacility(document, association);
  const facility = 'facility' in resolution ? facilityById(document, resolution.facility) : undefined;
  return facility?.model === 'hub' ? facility : undefined;
}

/** What the hub's rules are asked with; undefined when the instance has no such value. */
export function mappingValueOf(hub: FacilityOf<'hub'>, facts: Pick<RouteFacts, 'association' | 'attributes'>): string | undefined {
  const value = readInput(hub.mappingTag, facts);
  return value === undefined || normalizedValue(value) === '' ? undefined : value;
}

const ASSOCIATION_VALUES: Record<AssociationInput, (association: AssociationFacts) => string> = {
  'association:callingAe': ({ callingAe }) => callingAe,
  'association:calledAe': ({ calledAe }) => calledAe,
  'association:source': ({ source }) => source,
};

function readInput(mappingTag: string, { association, attributes }: Pick<RouteFacts, 'association' | 'attributes'>): string | undefined {
  const ofAssociation = Object.hasOwn(ASSOCIATION_VALUES, mappingTag) ? ASSOCIATION_VALUES[mappingTag as AssociationInput] : undefined;
  if (ofAssociation !== undefined) return ofAssociation(association);
  return Object.hasOwn(attributes, mappingTag) ? attributes[mappingTag] : undefined;
}

function decideByRules(deciding: Deciding): Outcome {
  const { document, facts, tell } = deciding;
  const resolution = resolveFacility(document, facts.association, tell);
  const loop = loopOf(deciding);
  if (loop !== undefined) return heldAsLoop(loop, resolution);
  if ('none' in resolution) return onlyHeld('no-facility', 'no match row of any facility fits the association');
  if ('ambiguous' in resolution) {
    const detail = `${resolution.ambiguous.join(', ')} match the association equally`;
    return onlyHeld('ambiguous', detail, resolution.ambiguous);
  }
  const facility = facilityById(document, resolution.facility)!;
  const direct = { id: facility.id, rule: cut(resolution.rule) };
  return facility.model === 'hub' ? decideForHub(deciding, { hub: facility, direct }) : { recipients: [direct], concerned: [] };
}

function assignedRecipients({ facts: { assignment }, tell }: Deciding): Recipient[] {
  if (assignment === undefined) return [];
  const assigned = assignment.facilities.map((id): Recipient => ({ id, rule: cut(`${id}: assigned by ${assignment.by}`) }));
  for (const { rule } of assigned) tell?.({ kind: 'facility', rule, applied: true, because: 'an operator said so' });
  return assigned;
}

const MOST_TITLES_TOLD = 8;

/** Why it is a loop, if it is one. */
function loopOf({ document, facts, tell }: Deciding): string | undefined {
  const titles = sendingTitles(document);
  const title = returnedTitle(document, facts.association);
  if (tell !== undefined && titles.size > 0) {
    const ours = [...titles.keys()].slice(0, MOST_TITLES_TOLD).join(', ');
    const because = `the association's calling AE title is ${shownValue(facts.association.callingAe)}`;
    tell({ kind: 'loop', rule: cut(`held when it calls with a title that we send with: ${ours}`), applied: title !== undefined, because });
  }
  if (title === undefined) return undefined;
  return `it came with calling AE title ${title}, which is our own towards ${titles.get(title)!.join(', ')}: sent on, it could go round for ever`;
}

/** The facility is concerned, so that its users see what waits; nothing is sent on, not even a hub's copy: it is most likely where this comes from. */
function heldAsLoop(detail: string, resolution: FacilityResolution): Outcome {
  const candidates = 'ambiguous' in resolution ? resolution.ambiguous : [];
  const { held } = onlyHeld('loop', detail, candidates);
  if (!('facility' in resolution)) return { recipients: [], concerned: [], held };
  const { facility: id, rule } = resolution;
  return { recipients: [], concerned: [{ id, rule: cut(rule) }], held: held && { ...held, facility: id } };
}

function onlyHeld(reason: Held['reason'], detail: string, candidates: string[] = []): Outcome {
  const held = { reason, detail: detail.slice(0, MOST_DETAIL_CHARACTERS), candidates: candidates.slice(0, MOST_CANDIDATES) };
  return { recipients: [], concerned: [], held };
}

interface AtHub {
  readonly hub: FacilityOf<'hub'>;
  readonly direct: Recipient;
}

function decideForHub(deciding: Deciding, { hub, direct }: AtHub): Outcome {
  const value = mappingValueOf(hub, deciding.facts);
  const matched = matchedEndpoints(deciding, hub, value);
  const reached = value === undefined ? followed(deciding, hub) : matched;
  const unmatched = reached.length === 0;
  // With neither a copy nor an endpoint the image would go nowhere: unmatched: hub means that the hub has it.
  const hubGetsIt = hub.keepsCopy || (unmatched && hub.unmatched === 'hub');
  deciding.tell?.({ kind: 'hub', rule: copyRule(hub), applied: hubGetsIt, because: becauseOfCopy(hub, unmatched) });
  return {
    recipients: hubGetsIt ? [direct, ...reached] : reached,
    concerned: [direct],
    held: unmatched && hub.unmatched === 'hold' ? unmatchedAt(hub, value !== undefined) : undefined,
    remember: value === undefined || unmatched ? undefined : { hub: hub.id, endpoints: matched.map(({ id }) => id) },
  };
}

const copyRule = ({ id, keepsCopy, unmatched }: FacilityOf<'hub'>): string =>
  `${id}: ${keepsCopy ? 'keeps a copy' : 'keeps no copy'}, unmatched: ${unmatched}`;

function becauseOfCopy(hub: FacilityOf<'hub'>, unmatched: boolean): string {
  if (hub.keepsCopy) return 'the hub gets its copy whatever its endpoints get';
  if (!unmatched) return 'the hub only passes on, and an endpoint got it';
  return hub.unmatched === 'hub'
    ? 'no endpoint got it, so the hub does'
    : 'the hub only passes on; no endpoint got it, so it waits for a person';
}

/** Without a value no rule fits. */
function matchedEndpoints({ document, tell }: Deciding, hub: FacilityOf<'hub'>, value: string | undefined): Recipient[] {
  if (value === undefined && tell === undefined) return [];
  const values = value === undefined ? [] : matchableValues(value);
  return endpointsOf(document).flatMap((endpoint) => {
    const first = endpoint.rules.find((rule) => rule.hub === hub.id && fitsRule(rule, values));
    const nameOf = (rule: EndpointRule): string =>
      cut(`${endpoint.id}: at hub ${hub.id}, ${hub.mappingTag} ${rule.match} ${JSON.stringify(rule.value)}`);
    if (tell !== undefined) tellEndpointRules(tell, { hub, rules: endpoint.rules, first, nameOf, value });
    return first === undefined ? [] : [{ id: endpoint.id, rule: nameOf(first) }];
  });
}

interface EndpointAsked {
  readonly hub: FacilityOf<'hub'>;
  readonly rules: readonly EndpointRule[];
  readonly first: EndpointRule | undefined;
  readonly nameOf: (rule: EndpointRule) => string;
  readonly value: string | undefined;
}

function tellEndpointRules(tell: Tell, { hub, rules, first, nameOf, value }: EndpointAsked): void {
  let because = value === undefined ? `the instance has no ${hub.mappingTag}` : `the value is ${shownValue(value)}`;
  for (const rule of rules) {
    if (rule.hub !== hub.id) continue;
    tell({ kind: 'hub', rule: nameOf(rule), applied: rule === first, because });
    if (rule === first) because = 'not asked: a rule of this endpoint before it fits';
  }
}

/** Objects without the tag (SR, secondary captures, presentation states) go where their study went. */
function followed({ document, facts, tell }: Deciding, hub: FacilityOf<'hub'>): Recipient[] {
  const known = hub.followStudy ? endpointsOf(document).filter(({ id }) => facts.studyEndpoints?.includes(id)) : [];
  const found = known.map(({ id }) => ({ id, rule: `${id}: at hub ${hub.id}, follows its study (no ${hub.mappingTag})` }));
  for (const { rule } of found) tell?.({ kind: 'hub', rule, applied: true, because: 'other instances of its study matched this endpoint' });
  const because = hub.followStudy ? 'no endpoint of its study is known' : 'the hub says followStudy: false';
  if (found.length === 0) tell?.({ kind: 'hub', rule: `${hub.id}: followStudy`, applied: false, because });
  return found;
}

/** The value itself is of the patient's data and stays out of the reason. */
function unmatchedAt(hub: FacilityOf<'hub'>, hasValue: boolean): Held {
  const detail = hasValue
    ? `no endpoint rule of hub ${hub.id} matches the value of ${hub.mappingTag}`
    : `the instance has no ${hub.mappingTag}${hub.followStudy ? ', and no endpoint of its study is known' : ''}`;
  return { reason: 'unmatched', detail, facility: hub.id, candidates: [] };
}

function deliveriesOf({ document, tell }: Deciding, recipients: Recipient[]): DueRoute[] {
  const due = new Map<string, DueRoute>();
  for (const { id, rule } of recipients) {
    const destinations = facilityById(document, id)?.destinations ?? [];
    if (destinations.length === 0)
      tell?.({ kind: 'destination', rule: `no destination for ${id}`, applied: false, because: 'none is configured for it' });
    for (const destination of destinations) {
      const first = due.get(destination);
      const because = first === undefined ? rule : `due once, for ${first.facility}; also ${rule}`;
      tell?.({ kind: 'destination', rule: `${destination} for ${id}`, applied: first === undefined, because });
      if (first === undefined) due.set(destination, { destination, facility: id, rule: cut(rule) });
      else due.set(destination, { ...first, rule: cut(`${first.rule}; also ${rule}`) });
    }
  }
  return [...due.values()];
}

interface Waiting {
  readonly document: GatewayDocument;
  readonly automatic: Outcome;
  readonly assigned: Recipient[];
  readonly isAssigned: boolean;
  readonly deliveries: DueRoute[];
}

/** An operator's assignment ends the waiting, unless it leads nowhere itself. */
function heldOf({ document, automatic, assigned, isAssigned, deliveries }: Waiting): Held | undefined {
  const recipients = isAssigned ? assigned : automatic.recipients;
  const nowhere = recipients.filter(({ id }) => (facilityById(document, id)?.destinations ?? []).length === 0);
  if (!isAssigned && automatic.held !== undefined) return automatic.held;
  if (nowhere.length > 0) return withoutDestination(nowhere);
  if (deliveries.length > 0) return undefined;
  return automatic.held ?? withoutDestination(automatic.concerned.length > 0 ? automatic.concerned : automatic.recipients);
}

function withoutDestination(facilities: Recipient[]): Held {
  const detail = `no destination is configured for ${facilities.map(({ id }) => id).join(', ')}`.slice(0, MOST_DETAIL_CHARACTERS);
  return { reason: 'no-destination', detail, facility: facilities[0]?.id, candidates: [] };
}

const firstOfEach = (recipients: Recipient[]): Recipient[] =>
  [...new Map([...recipients].reverse().map((one) => [one.id, one])).values()].reverse();

const facilityById = (document: GatewayDocument, id: string): Facility | undefined =>
  document.facilities.find((facility) => facility.id === id);

const endpointsOf = (document: GatewayDocument): FacilityOf<'endpoint'>[] =>
  document.facilities.filter((facility) => facility.model === 'endpoint');

const cut = (rule: string): string => rule.slice(0, MOST_RULE_CHARACTERS);
