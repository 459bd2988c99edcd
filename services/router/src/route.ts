// The router's story: a ready instance comes in; its facility, endpoints and destinations are decided; due deliveries go out, then
// the fact that tells the whole decision. What finds no room in a queue is told as parked, and comes back from the ledger.
import type { Bus, Message } from '@causeway/shared/bus/bus';
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import {
  type DueRoute,
  decideRoute,
  hubOf,
  mappingValueOf,
  type RouteDecision,
  type RouteFacts,
} from '@causeway/shared/config/decide-route';
import { describeError, TransientError } from '@causeway/shared/errors';
import { type Delivery, deliveryIdOf } from '@causeway/shared/events/delivery';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { ParkReason } from '@causeway/shared/events/facts';
import type { InstanceReady, ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { readAttribute } from './read-attribute.ts';
import type { StudyEndpoints } from './study-endpoints.ts';

export interface RouteParts {
  readonly bus: Pick<Bus, 'publishFact'>;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
  readonly store: ObjectStore;
  /** The document that holds now; undefined until one was published. */
  readonly revision: () => Revision | undefined;
  readonly studies: StudyEndpoints;
  readonly count: (decision: RouteDecision, parked: readonly Parked[]) => void;
}

/** A delivery that no queue has room for. */
export interface Parked {
  readonly delivery: Delivery;
  readonly reason: ParkReason;
}

/** Facilities told in a fact; what each delivery is for stands with the delivery. */
const MOST_FACILITIES_TOLD = 256;

/**
 * Resolves when every due delivery and the facts are acknowledged: then the message may be.
 * Whatever fails on the way comes back as a whole: delivery ids and message ids are the same each time.
 */
export async function route(parts: RouteParts, { event }: Pick<Message<InstanceReady>, 'event'>): Promise<void> {
  const revision = parts.revision();
  if (revision === undefined) throw new TransientError('there is no gateway document yet: the instance waits for one');
  const decision = decideRoute(revision.document, await gatherFacts(parts, revision, event));
  // What was held and is decided again went to these before: a hub's own archive shall not get a second copy.
  const due = decision.deliveries.filter(({ destination }) => !event.onRecord?.includes(destination));
  const deliveries = due.map((one) => deliveryOf(event, one, revision.revision));
  await rememberStudy(parts, event, decision);
  const full = await Promise.all(deliveries.map((delivery) => publishDelivery(parts, event, delivery)));
  await tellDecision(parts, event, { decision, deliveries, revision: revision.revision });
  const parked = deliveries.flatMap((delivery, place) => (full[place] === undefined ? [] : [{ delivery, reason: full[place] }]));
  await Promise.all(parked.map((one) => tellParked(parts, event, one)));
  parts.count(decision, parked);
}

/** What the event says, and what a hub's rules need beyond it: the mapping tag from the object, the endpoints of the study. */
async function gatherFacts(parts: RouteParts, { document }: Revision, event: InstanceReady): Promise<RouteFacts> {
  const { association, attributes, studyInstanceUid } = event.instance;
  const facts: RouteFacts = { association, attributes, assignment: event.assignment };
  const hub = hubOf(document, association);
  if (hub === undefined || mappingValueOf(hub, facts) !== undefined) return facts;
  const tagged = await withMappingTag(parts, event, hub.mappingTag);
  if (mappingValueOf(hub, tagged) !== undefined || !hub.followStudy || studyInstanceUid === undefined) return tagged;
  return { ...tagged, studyEndpoints: await parts.studies.find({ studyInstanceUid, hub: hub.id }) };
}

/** With coerced attributes, if they are. */
const objectAsReady = ({ instance, compression }: InstanceReady): ObjectRef =>
  compression.object ?? compression.coercion?.object ?? instance;

async function withMappingTag(parts: RouteParts, event: InstanceReady, mappingTag: string): Promise<RouteFacts> {
  const { association, attributes } = event.instance;
  const value = mappingTag.startsWith('association:') ? undefined : await readAttribute(parts.store, objectAsReady(event), mappingTag);
  return {
    association,
    attributes: value === undefined ? attributes : { ...attributes, [mappingTag]: value },
    assignment: event.assignment,
  };
}

async function rememberStudy(parts: RouteParts, event: InstanceReady, { remember }: RouteDecision): Promise<void> {
  const { studyInstanceUid } = event.instance;
  if (remember !== undefined && studyInstanceUid !== undefined)
    await parts.studies.remember({ studyInstanceUid, hub: remember.hub }, remember.endpoints);
}

function deliveryOf(event: InstanceReady, due: DueRoute, revision: number): Delivery {
  return {
    id: deliveryIdOf(event.instance.receiptId, due.destination),
    destination: due.destination,
    facility: due.facility,
    cause: { rule: due.rule, revision },
    instance: event.instance,
    compressed: event.compression.object,
    coerced: event.compression.coercion?.object,
  };
}

/** Resolves with the reason why it was not queued, if it was not. */
async function publishDelivery({ queues }: RouteParts, event: InstanceReady, delivery: Delivery): Promise<ParkReason | undefined> {
  const due = { ...newEnvelope(event.generation, event.facility), type: 'delivery.due', delivery } as const;
  return queues.publish(due, `${delivery.id}.${event.generation}`);
}

/** After the decision, which calls it due: of the two the later fact holds. */
async function tellParked({ bus }: RouteParts, event: InstanceReady, parked: Parked): Promise<void> {
  await bus.publishFact({ ...newEnvelope(event.generation, event.facility), type: 'ledger.delivery.parked', ...parked });
}

interface Decided {
  readonly decision: RouteDecision;
  readonly deliveries: Delivery[];
  readonly revision: number;
}

async function tellDecision({ bus }: RouteParts, event: InstanceReady, { decision, deliveries, revision }: Decided): Promise<void> {
  const { instance, compression, assignment } = event;
  await bus.publishFact({
    ...newEnvelope(event.generation, event.facility),
    type: 'ledger.instance.routed',
    instance,
    compression,
    revision,
    facilities: decision.facilities.slice(0, MOST_FACILITIES_TOLD),
    deliveries: deliveries.map(({ instance: _instance, compressed: _compressed, coerced: _coerced, ...told }) => told),
    held: decision.held,
    assignment,
  });
}

/** A message that can never be routed: its instance is told as quarantined (the object stays). */
export async function quarantine(bus: Pick<Bus, 'publishFact'>, event: InstanceReady, error: Error): Promise<void> {
  await bus.publishFact({
    ...newEnvelope(event.generation, event.facility),
    type: 'ledger.instance.quarantined',
    instance: event.instance,
    step: 'route',
    reason: describeError(error).slice(0, 500),
  });
}
