// One instance explained, as the API tells it: what decided, each rule that was tried, and what is on record.
import type { Explanation } from '@causeway/shared/config/explain-instance';
import type { FacilityResolution } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { TriedRule } from '@causeway/shared/config/tried-rule';
import type { DecidedInstance, RecordedDelivery } from '@causeway/shared/database/header-queries';
import type { Held } from '@causeway/shared/events/facts';
import { traceIdOf } from '@causeway/shared/trace-ids';

/** What the association alone decides: one facility, or those that tie, or none. */
export interface ExplainedFacility {
  readonly id?: string;
  readonly name?: string;
  readonly rule?: string;
  readonly candidates?: string[];
}

export interface ExplainedInstance {
  /** null: it was not sent, it is only described. */
  readonly receiptId: string | null;
  /** Under which its way through the gateway is found where traces are kept; null: it was not received here. */
  readonly traceId: string | null;
  /** Of the document that the rules are shown of; null: a draft. */
  readonly revision: number | null;
  readonly state: string;
  readonly facility: ExplainedFacility;
  readonly lane: string;
  readonly compression: string;
  readonly rules: TriedRule[];
  /** Rules that did not apply and are not listed. */
  readonly rulesLeftOut: number;
  readonly deliveries: Pick<RecordedDelivery | DueDelivery, 'destination' | 'facility' | 'rule' | 'state'>[];
  readonly held?: Held;
  /** Where the rules shown and the record may differ, and why. */
  readonly notes: string[];
}

interface DueDelivery {
  readonly destination: string;
  readonly facility: string;
  readonly rule: string;
  readonly state: 'not-sent';
}

/** Of one instance: a document may have 10,000 rows, and a study is explained 50 instances at a time. */
const MOST_RULES = 500;

type Shown = Pick<ExplainedInstance, 'facility' | 'lane' | 'compression' | 'rules' | 'rulesLeftOut'>;

function shown(document: GatewayDocument, { facility, lane, compression, rules }: Explanation): Shown {
  const listed = rulesListed(rules);
  return {
    facility: facilityShown(document, facility),
    lane,
    compression: compression.kind === 'compress' ? compression.rule : (compression.rule ?? compression.reason),
    rules: listed,
    rulesLeftOut: rules.length - listed.length,
  };
}

/** All that applied, and of the others as many as there is room for, in their order. */
function rulesListed(rules: readonly TriedRule[]): TriedRule[] {
  let room = MOST_RULES - rules.filter(({ applied }) => applied).length;
  return rules.filter(({ applied }) => applied || room-- > 0);
}

function facilityShown({ facilities }: GatewayDocument, resolution: FacilityResolution): ExplainedFacility {
  if ('none' in resolution) return {};
  const { rule } = resolution;
  if ('ambiguous' in resolution) return { candidates: resolution.ambiguous, rule };
  return { id: resolution.facility, name: facilities.find(({ id }) => id === resolution.facility)?.name, rule };
}

/** Of an instance that is only described: what would happen to it. */
export function explainedDescription(document: GatewayDocument, explanation: Explanation, revision: number | null): ExplainedInstance {
  const { deliveries, held } = explanation.route;
  return {
    ...{ receiptId: null, traceId: null },
    revision,
    state: 'not-sent',
    ...shown(document, explanation),
    deliveries: deliveries.map((due): DueDelivery => ({ ...due, state: 'not-sent' })),
    held,
    notes: [],
  };
}

export interface OnRecord {
  readonly decided: DecidedInstance;
  readonly deliveries: readonly RecordedDelivery[];
  readonly document: GatewayDocument;
  readonly revision: number;
  /** Attributes that rules ask for and the ledger does not know of. */
  readonly missed: ReadonlySet<string>;
}

/** Of an instance that was received: the rules of the revision that decided, beside what the ledger has on record. */
export function explainedReceipt(explanation: Explanation, record: OnRecord): ExplainedInstance {
  const { decided, deliveries, document, revision } = record;
  return {
    ...{ receiptId: decided.receiptId, traceId: traceIdOf(decided.receiptId) ?? null },
    revision,
    state: decided.state,
    ...shown(document, explanation),
    lane: decided.lane,
    deliveries: deliveries.map(({ receiptId: _, ...told }) => told),
    held: decided.held ?? undefined,
    notes: [...differences(explanation, record)],
  };
}

/** Fetched from an archive by a retrieval: no rule sent it. */
export function explainedFetched({ receiptId, state, lane }: DecidedInstance, deliveries: readonly RecordedDelivery[]): ExplainedInstance {
  return {
    ...{ receiptId, traceId: null, revision: null, state, lane, facility: {}, compression: 'not compressed', rules: [], rulesLeftOut: 0 },
    deliveries: deliveries.map(({ receiptId: _, ...told }) => told),
    notes: ['it was fetched by a retrieval, which names its destinations: no rule was asked'],
  };
}

function* differences({ lane, route }: Explanation, { decided, deliveries, revision, missed }: OnRecord): Generator<string> {
  if (decided.routingRevision === null) yield `it is not routed yet: the rules are those of revision ${revision}, which holds now`;
  else if (decided.routingRevision !== revision)
    yield `revision ${decided.routingRevision}, which decided, is not on record: the rules are those of revision ${revision}`;
  if (missed.size > 0)
    yield `the header on record does not hold ${[...missed].sort().join(', ')}: if the data set has it, the rules were asked with more than is shown`;
  if (decided.lane !== lane)
    yield `it travelled in lane ${decided.lane}: the lane was decided at receipt, and the priority that C-STORE asked for is not on record`;
  const [said, recorded] = [route.deliveries, deliveries].map((list) => [...new Set(list.map(({ destination }) => destination))].sort());
  if (decided.routingRevision !== null && said!.join() !== recorded!.join()) yield DIFFERENT_DELIVERIES;
}

const DIFFERENT_DELIVERIES =
  'the deliveries on record are not those that these rules say for the header on record: an operator assigned the instance, it was decided more than once, or its study was known better then; the rule that stands with each delivery is the one that made it';
