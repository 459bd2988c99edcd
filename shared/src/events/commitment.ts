// One storage commitment request: who asked, for how many instances, and where the request lies (PS3.4 section J.3).
import { z } from 'zod';
import { envelope } from './envelope.ts';
import { key, uid } from './instance.ts';

/** A UUIDv7 drawn when the request came. */
export const commitmentId = z.uuid();

/** `association`: of the request, with the receiver process that has it, so that the answer can go back on it. */
export const commitment = z.object({
  id: commitmentId,
  transactionUid: uid,
  callingAe: z.string().max(16),
  calledAe: z.string().max(16),
  source: z.string().max(64),
  requestedAt: z.iso.datetime(),
  association: z.object({ id: z.uuid(), replica: z.uuid() }),
  requestKey: key,
  references: z.int().min(1),
});
export type Commitment = z.infer<typeof commitment>;

/** `commitment.due`: the request lies in the object store; the receiver answers 0000 once this is acknowledged. */
export const commitmentDue = envelope.extend({ type: z.literal('commitment.due'), commitment });
export type CommitmentDue = z.infer<typeof commitmentDue>;

/** `commitment.answer.<id>`: the result lies under `answerKey`; to be told to the requestor. `attempt` counts from 1; 0: on the association of the request alone. */
export const commitmentAnswer = envelope.extend({
  type: z.literal('commitment.answer'),
  commitment,
  answerKey: key,
  attempt: z.int().min(0),
});
export type CommitmentAnswer = z.infer<typeof commitmentAnswer>;

/** Index into `sopClassUids`, then the SOP Instance UID: a request of 100,000 references repeats few classes. */
const reference = z.tuple([z.int().min(0), uid]);
const failedReference = z.tuple([z.int().min(0), uid, z.int().min(0).max(0xffff)]);

/** The object under `requestKey`. `unsupported`: indexes of SOP classes that the receiver takes no instances of. Self-sufficient: the commitment can be taken up again from it alone. */
export const commitmentRequest = z.object({
  commitment: commitment.omit({ requestKey: true, references: true }),
  sopClassUids: z.array(uid),
  unsupported: z.array(z.int().min(0)),
  references: z.array(reference).min(1),
});
export type CommitmentRequest = z.infer<typeof commitmentRequest>;

/** The object under `answerKey`: every reference of the request, committed or with its Failure Reason (0008,1197). */
export const commitmentResult = z.object({
  transactionUid: uid,
  sopClassUids: z.array(uid),
  committed: z.array(reference),
  failed: z.array(failedReference),
});
export type CommitmentResult = z.infer<typeof commitmentResult>;
