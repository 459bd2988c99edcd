// One instance on its way: what was received, where it lies, and what the compressor made of it.
import { z } from 'zod';
import { type ObjectKey, objectKey, type ReceiptId } from '../brands.ts';
import { UID } from '../dicom/uid.ts';
import { envelope } from './envelope.ts';

export const lanes = ['stat', 'routine', 'prior'] as const;
export const lane = z.enum(lanes);
export type Lane = z.infer<typeof lane>;

export const uid = z.string().regex(UID);
export const receiptId = z.uuid().transform((text) => text as ReceiptId);
export const key = z.string().transform((text, context): ObjectKey => {
  try {
    return objectKey(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
    return z.NEVER;
  }
});

/** A stored Part 10 object. `digest`: lower-case hex SHA-256 of the data set alone (without preamble and group 2); `size`: bytes of the whole object. */
export const objectRef = z.object({
  objectKey: key,
  size: z.int().min(0),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  transferSyntaxUid: uid,
});
export type ObjectRef = z.infer<typeof objectRef>;

/** A longer subject is cut where it comes in. */
export const MOST_SUBJECT_CHARACTERS = 1024;

/**
 * Facts of the association that brought the instance. `id`: under which its end is told (facts.ts), not kept with the object. `source`: the peer's address without port.
 */
export const associationFacts = z.object({
  id: z.uuid().optional(),
  callingAe: z.string().max(16),
  calledAe: z.string().max(16),
  source: z.string().max(64),
  listener: z.string().max(63),
  tlsSubject: z.string().max(MOST_SUBJECT_CHARACTERS).optional(),
});
export type AssociationFacts = z.infer<typeof associationFacts>;

/**
 * `attributes`: header values decoded to UTF-8 and trimmed, several values joined by a backslash, by keyword (or, for paths that the
 * gateway document names, by the path as written there). See header-attributes.ts for the list that is always there. Once the instance is ready they
 * are those of the coerced object, if there is one; everything else stays that of the received object.
 */
export const instance = objectRef.extend({
  receiptId,
  receivedAt: z.iso.datetime(),
  sopClassUid: uid,
  sopInstanceUid: uid,
  studyInstanceUid: uid.optional(),
  seriesInstanceUid: uid.optional(),
  lane,
  association: associationFacts,
  attributes: z.record(z.string().max(128), z.string().max(1024)),
});
export type Instance = z.infer<typeof instance>;

/** `instance.received.<lane>.<facility>`: the object is durable; the receiver answers 0000 once this is acknowledged. */
export const instanceReceived = envelope.extend({ type: z.literal('instance.received'), instance });
export type InstanceReceived = z.infer<typeof instanceReceived>;

const ruleName = z.string().max(300);

/**
 * What the coercion rules on receipt made, in the revision of the compression. `object`: the received data set with the changes, in the same transfer
 * syntax; absent: nothing was different. `rules`: those that were applied; `skipped`: those that could not be, with the reason.
 */
export const coercion = z.object({
  object: objectRef.optional(),
  rules: z.array(ruleName).max(1000),
  skipped: z.array(z.string().max(600)).max(1000).optional(),
});
export type Coercion = z.infer<typeof coercion>;

/**
 * What the compressor made. `outcome` unchanged: `object` is absent, and what is sent is the coerced object if there is one, else the received one.
 * `coercion`: present when a coercion rule on receipt fitted; the instance's attributes are then those of the coerced object.
 */
export const compression = z.object({
  outcome: z.enum(['compressed', 'unchanged']),
  reason: z.string().max(300),
  rule: ruleName.optional(),
  revision: z.int().min(0),
  object: objectRef.optional(),
  coercion: coercion.optional(),
});
export type Compression = z.infer<typeof compression>;

/** An operator's decision for a held instance: the endpoints (facility ids) it shall go to. */
export const assignment = z.object({ facilities: z.array(z.string().max(63)).max(64), by: z.string().max(128) });
export type Assignment = z.infer<typeof assignment>;

/** `instance.ready.<lane>.<facility>`: compressed or passed through; to be routed. `onRecord`: destinations that have a delivery of it already, which is not made again. */
export const instanceReady = envelope.extend({
  type: z.literal('instance.ready'),
  instance,
  compression,
  assignment: assignment.optional(),
  onRecord: z.array(z.string().max(63)).max(1024).optional(),
});
export type InstanceReady = z.infer<typeof instanceReady>;
