// A study to be fetched from a source and handed to destinations.
import { z } from 'zod';
import { envelope } from './envelope.ts';
import { lane, uid } from './instance.ts';

export const retrieval = z.object({
  id: z.string().max(64),
  source: z.string().max(63),
  studyInstanceUid: uid,
  destinations: z.array(z.string().max(63)).min(1).max(64),
  lane,
  requestedBy: z.string().max(128),
});
export type Retrieval = z.infer<typeof retrieval>;

/** `retrieval.due.<source>` */
export const retrievalDue = envelope.extend({ type: z.literal('retrieval.due'), retrieval });
export type RetrievalDue = z.infer<typeof retrievalDue>;
