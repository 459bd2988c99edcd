// What is remembered while an archive is asked to commit to what it stored (PS3.4 section J.3): the copies, the requests, and what came back.
import { z } from 'zod';
import { deliveryConfirmedFact } from './facts.ts';
import { uid } from './instance.ts';

/**
 * A delivery that the destination stored and has not committed to yet. `copy`: drawn anew each time it is sent, so that an answer about an earlier copy is none
 * about this one; `transactionUid`: of the request that asks for it, absent while another one has to be made.
 */
export const storedCopy = deliveryConfirmedFact
  .pick({ confirmation: true, digest: true, warning: true, coercion: true })
  .extend({ copy: z.uuid(), callingAe: z.string().max(16), size: z.int().min(0), content: z.string(), transactionUid: uid.optional() });
export type StoredCopy = z.infer<typeof storedCopy>;

/**
 * One request. `archiveAe`: as which the archive was called, and has to call; `replica`: the uploader that asked; `acceptedAt`: when the archive took it (N-ACTION-RSP
 * 0000). `key` of a reference: of the delivery.
 */
export const commitmentTransaction = z.object({
  destination: z.string().max(63),
  archiveAe: z.string().max(16),
  replica: z.uuid(),
  acceptedAt: z.iso.datetime().optional(),
  references: z.array(z.object({ sopClassUid: uid, sopInstanceUid: uid, key: z.string(), copy: z.uuid() })),
});
export type CommitmentTransaction = z.infer<typeof commitmentTransaction>;

/** What the archive said about one copy. Without `reason` (0008,1197) it committed. */
export const commitmentVerdict = z.object({ copy: z.uuid(), transactionUid: uid, reason: z.int().min(0).max(0xffff).optional() });
export type CommitmentVerdict = z.infer<typeof commitmentVerdict>;

/** So many references one request has at most. */
export const MAX_COMMITMENT_REFERENCES = 64;
