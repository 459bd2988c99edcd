// What happened, for the ledger. Each fact is self-sufficient: it can create its rows whatever came before, late or never.
import { z } from 'zod';
import { associationOutcomes, associationRecord } from './association-record.ts';
import { commitment } from './commitment.ts';
import { delivery } from './delivery.ts';
import { envelope } from './envelope.ts';
import { assignment, coercion, compression, instance, receiptId } from './instance.ts';
import { retrieval } from './retrieval.ts';

const reason = z.string().max(500);

/** `ledger.instance.received` */
export const instanceReceivedFact = envelope.extend({ type: z.literal('ledger.instance.received'), instance });
/** `ledger.instance.ready` */
export const instanceReadyFact = envelope.extend({ type: z.literal('ledger.instance.ready'), instance, compression });
/** `ledger.instance.quarantined`: a step failed for good; the object is kept. */
export const instanceQuarantinedFact = envelope.extend({
  type: z.literal('ledger.instance.quarantined'),
  instance,
  step: z.string().max(32),
  reason,
});

export const heldReasons = ['unmatched', 'no-facility', 'ambiguous', 'no-destination', 'loop'] as const;
/** Work that waits for a person. `facility`: the hub or facility concerned, if one is known; `candidates`: the facilities that tie. */
export const held = z.object({
  reason: z.enum(heldReasons),
  detail: reason,
  facility: z.string().max(63).optional(),
  candidates: z.array(z.string().max(63)).max(64),
});
export type Held = z.infer<typeof held>;

/** `ledger.instance.routed`: the whole decision. `deliveries` lists every due delivery published for it; `held` when it also (or only) waits. */
export const instanceRoutedFact = envelope.extend({
  type: z.literal('ledger.instance.routed'),
  instance,
  compression,
  revision: z.int().min(0),
  facilities: z.array(z.object({ id: z.string().max(63), rule: z.string().max(300) })).max(256),
  deliveries: z.array(delivery.omit({ instance: true, compressed: true, coerced: true })).max(1024),
  held: held.optional(),
  assignment: assignment.optional(),
});

/** `ledger.delivery.due`: a delivery that no routing fact announces (retrievals). */
export const deliveryDueFact = envelope.extend({ type: z.literal('ledger.delivery.due'), delivery });
/** `ledger.delivery.attempted`: a transient failure; it is tried again at `nextAttemptAt`. */
export const deliveryAttemptedFact = envelope.extend({
  type: z.literal('ledger.delivery.attempted'),
  delivery,
  attempt: z.int().min(1),
  reason,
  nextAttemptAt: z.iso.datetime(),
});
/** `ledger.delivery.confirmed`. `confirmation`: what proved it, e.g. `stow 200`, `c-store 0000`; `digest`: of the data set that arrived; `coercion`: rules on delivery that changed it on its way; `warning`: status B0xx or Warning Reason. */
export const deliveryConfirmedFact = envelope.extend({
  type: z.literal('ledger.delivery.confirmed'),
  delivery,
  attempt: z.int().min(1),
  confirmation: z.string().max(64),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  warning: z.string().max(64).optional(),
  coercion: coercion.omit({ object: true }).optional(),
});
/**
 * Why a due delivery was not queued. destination-queue, facility-queue: a limit of the gateway document; shared-queue: what the destination may have of the queue that all
 * share; queue-full: JetStream took no more.
 */
export const parkReasons = ['destination-queue', 'facility-queue', 'shared-queue', 'queue-full'] as const;
export type ParkReason = (typeof parkReasons)[number];
/** `ledger.delivery.parked`: due, and not queued: the ledger queues it, in the next generation, when there is room. */
export const deliveryParkedFact = envelope.extend({ type: z.literal('ledger.delivery.parked'), delivery, reason: z.enum(parkReasons) });
/** `ledger.delivery.failed`: given up until an operator retries it. `attempt` 0: it was never tried. */
export const deliveryFailedFact = envelope.extend({ type: z.literal('ledger.delivery.failed'), delivery, attempt: z.int().min(0), reason });

/** `ledger.retrieval.changed` */
export const retrievalChangedFact = envelope.extend({
  type: z.literal('ledger.retrieval.changed'),
  retrieval,
  state: z.enum(['fetching', 'done', 'failed']),
  instances: z.int().min(0),
  fetched: z.int().min(0),
  fromCache: z.int().min(0),
  reason: reason.optional(),
});
/** `ledger.destination.changed`: the uploader paused or resumed a destination. */
export const destinationChangedFact = envelope.extend({
  type: z.literal('ledger.destination.changed'),
  destination: z.string().max(63),
  state: z.enum(['open', 'paused']),
  reason: reason.optional(),
});
/** `ledger.operator.acted`: audit of what a person did. */
export const operatorActedFact = envelope.extend({
  type: z.literal('ledger.operator.acted'),
  operator: z.string().max(128),
  action: z.enum([
    'delivery-retried',
    'instance-assigned',
    'instance-retried',
    'instance-released',
    'instance-discarded',
    'delivery-discarded',
    'commitment-retried',
    'configuration-applied',
    'retrieval-requested',
    'configuration-rolled-back',
    'password-changed',
    'token-made',
    'token-removed',
    'user-made',
    'user-changed',
    'user-removed',
    'study-read',
    'signed-in',
    'sign-in-refused',
  ]),
  subject: z.string().max(300),
  /** Name and id of the API token that acted as the operator, never the token; absent: a person in a session. */
  token: z.string().max(200).optional(),
});

/**
 * `ledger.commitment.reported`: one attempt to tell the requestor the result. reported: it has it; refused: its response was a failure; unreachable: no association
 * or no response; no-address: the association of the request is over, and the gateway document names no address for the AE title.
 */
export const commitmentReportedFact = envelope.extend({
  type: z.literal('ledger.commitment.reported'),
  commitment,
  attempt: z.int().min(0),
  outcome: z.enum(['reported', 'refused', 'unreachable', 'no-address']),
  /** Which association carried it, or was tried. */
  association: z.enum(['same', 'new']).optional(),
  reason: reason.optional(),
});
/** `ledger.association.ended`: the negotiation record of an association, a rejected request, or a connection that never became one. */
export const associationEndedFact = envelope.extend({ type: z.literal('ledger.association.ended'), association: associationRecord });

/** `ledger.associations.closed`: associations that stored something and are over, each told once, however many records of associations are summed up. */
export const associationsClosedFact = envelope.extend({
  type: z.literal('ledger.associations.closed'),
  associations: z
    .array(z.object({ id: z.uuid(), outcome: z.enum(associationOutcomes), endedAt: z.iso.datetime() }))
    .min(1)
    .max(500),
});

/**
 * How the association ended that brought the last instance of a study. open: it has brought other studies since, and goes on; never-told: its receiver was killed with it;
 * unknown: nothing says which association it was (the ledger was rebuilt from objects).
 */
export const studyEndings = [
  'released',
  'aborted-by-peer',
  'aborted-by-us',
  'connection-lost',
  'timed-out',
  'open',
  'never-told',
  'unknown',
] as const;
export type StudyEnding = (typeof studyEndings)[number];
/** The sender broke off: more was to come, as far as one can tell. */
export const INCOMPLETE_ENDINGS: ReadonlySet<StudyEnding> = new Set([
  'aborted-by-peer',
  'aborted-by-us',
  'connection-lost',
  'timed-out',
  'never-told',
]);
/**
 * `ledger.study.settled`: nothing of the study came for `gateway.settleAfter`. Its id is made of the last receipt: the same settling told twice is one. What comes later opens
 * the study again, and it settles anew: `settling` says for which time. `instances`: different SOP Instance UIDs. `facility`: that of the last association.
 */
export const studySettledFact = envelope.extend({
  type: z.literal('ledger.study.settled'),
  study: z.object({
    key: z.string().max(64),
    instances: z.int().min(0),
    lastReceiptId: receiptId,
    lastReceivedAt: z.iso.datetime(),
    incomplete: z.boolean(),
    ending: z.enum(studyEndings),
    settling: z.int().min(1),
  }),
});

export const fact = z.discriminatedUnion('type', [
  instanceReceivedFact,
  instanceReadyFact,
  instanceQuarantinedFact,
  instanceRoutedFact,
  deliveryDueFact,
  deliveryAttemptedFact,
  deliveryConfirmedFact,
  deliveryFailedFact,
  deliveryParkedFact,
  retrievalChangedFact,
  destinationChangedFact,
  operatorActedFact,
  commitmentReportedFact,
  associationEndedFact,
  associationsClosedFact,
  studySettledFact,
]);
export type Fact = z.infer<typeof fact>;
export type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>;
