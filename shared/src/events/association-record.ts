// The negotiation record: what one association was, or why there was none. Titles, addresses and UIDs of classes; nothing of a patient.
import { z } from 'zod';

const MOST_CONTEXTS = 128;
/** Of a context; requestors propose up to 40 in practice. The rest is counted. */
export const MOST_SYNTAXES = 64;
/** A peer may put any text where a UID belongs. */
export const MOST_NAME_CHARACTERS = 64;

const name = z.string().max(MOST_NAME_CHARACTERS);
const count = z.int().min(0);

/** `result`: PS3.8 table 9-18; absent for a rejected association. `chosen`: the transfer syntax accepted. `moreSyntaxes`: proposed beyond the list. */
const contextRecord = z.object({
  id: z.int().min(0).max(255),
  abstractSyntaxUid: name,
  transferSyntaxUids: z.array(name).max(MOST_SYNTAXES),
  moreSyntaxes: count.optional(),
  result: z.int().min(0).max(4).optional(),
  chosen: name.optional(),
});

export const associationOutcomes = [
  'released',
  'aborted-by-peer',
  'aborted-by-us',
  'connection-lost',
  'timed-out',
  'rejected',
  'no-association',
] as const;

/**
 * `count`: how many like it this record stands for, from `startedAt` to `endedAt`; counts and bytes are then sums. `detail`: how it ended, in words.
 * `event`: of a connection that never became an association, what it did (kinds of ScpEvent).
 */
export const associationRecord = z.object({
  id: z.uuid(),
  outcome: z.enum(associationOutcomes),
  detail: z.string().max(300),
  event: z.string().max(32).optional(),
  count: z.int().min(1),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime(),
  source: z.string().max(64),
  listener: z.string().max(63).optional(),
  /** Address of the balancer in between, if one told the source. */
  balancer: z.string().max(64).optional(),
  callingAe: z.string().max(16).optional(),
  calledAe: z.string().max(16).optional(),
  tls: z.object({ protocol: z.string().max(16).optional(), subject: z.string().max(1024).optional() }).optional(),
  implementation: z.object({ classUid: name, versionName: z.string().max(16).optional() }).optional(),
  /** What each side can receive in one P-DATA-TF, bytes; 0: no limit. */
  maxPduBytes: z.object({ peer: count, ours: count.optional() }).optional(),
  contexts: z.array(contextRecord).max(MOST_CONTEXTS),
  reject: z.object({ result: count, source: count, reason: count }).optional(),
  instances: count,
  dataSetBytes: count,
  /** Responses sent, by operation and status: `C-STORE 0000`. */
  responses: z.record(z.string().max(32), count),
});
export type AssociationRecord = z.infer<typeof associationRecord>;
export type AssociationOutcome = (typeof associationOutcomes)[number];
