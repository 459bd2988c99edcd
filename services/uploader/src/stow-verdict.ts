// From what an archive said of an instance, and what it can show of it, to the outcome that goes on record.
import { type Delivered, type Outcome, unknownOutcome } from './delivery-outcome.ts';
import type { StowSettings } from './destination-settings.ts';
import type { Parcel } from './sender.ts';
import type { StowOutcome } from './stow-outcome.ts';
import type { Retrieval, StowProof } from './stow-proof.ts';

export interface Proving {
  readonly proof: Pick<StowProof, 'search' | 'searchPatiently' | 'compare'>;
  readonly confirm: StowSettings['confirm'];
}

/**
 * What is said to be there already is looked for, fetched back and compared. With `confirm: qido` everything is looked for; and what the answer leaves unsaid
 * counts when the same content is found.
 */
export async function provenOutcome(said: StowOutcome, parcel: Parcel, proving: Proving): Promise<Outcome> {
  if (said.kind === 'already-stored') return await provenByContent(said.words, 'stow already-stored', { parcel, proving });
  if (said.kind === 'unsaid') {
    if (proving.confirm === 'qido') return await provenByContent(said.words, 'stow unsaid', { parcel, proving });
    return { kind: 'refused', reason: `${said.words}: outcome unknown`, mayHaveArrived: true };
  }
  if (said.kind !== 'delivered' || proving.confirm !== 'qido') return said;
  return await found(said, parcel, proving);
}

async function found(said: Delivered, parcel: Parcel, { proof }: Proving): Promise<Outcome> {
  const search = await proof.searchPatiently(parcel);
  if (search.kind === 'found') return { ...said, confirmation: `${said.confirmation} + qido` };
  if (search.kind === 'unanswered') return unknownOutcome(`${said.confirmation}, but ${search.reason}`, 'suspect');
  return { kind: 'refused', reason: `${said.confirmation}, but a search does not find the instance`, mayHaveArrived: true };
}

interface Asked {
  readonly parcel: Parcel;
  readonly proving: Proving;
}

/** `words`: what the archive said; `short`: the same for the record of a confirmation. */
async function provenByContent(words: string, short: string, { parcel, proving: { proof } }: Asked): Promise<Outcome> {
  const search = await proof.search(parcel);
  if (search.kind === 'unanswered') return unknownOutcome(`${words}, but ${search.reason}`, 'suspect');
  if (search.kind === 'absent')
    return { kind: 'refused', reason: `${words}, but a search does not find the instance`, mayHaveArrived: true };
  return judged(await proof.compare(parcel, search.match), { words, short, resend: parcel.resend });
}

/**
 * Equal content is this instance, whoever sent it. What can only be shown to be alike counts when an attempt of ours may have arrived; else the archive may hold
 * an earlier state of the instance, and a person has to decide.
 */
function judged(retrieval: Retrieval, { words, short, resend }: { words: string; short: string; resend: boolean }): Outcome {
  switch (retrieval.kind) {
    case 'identical':
      return { kind: 'delivered', confirmation: `${short} + wado identical`, warning: words.slice(0, 64) };
    case 'alike':
      if (resend) return { kind: 'delivered', confirmation: `${short} + wado alike`, warning: retrieval.difference.slice(0, 64) };
      return conflict(`${words}, and not by this delivery: ${retrieval.difference}, so it cannot be shown to be this instance`);
    case 'unlike':
      return conflict(`${words}, with other content: ${retrieval.difference}`);
    case 'not-offered':
      if (resend) return { kind: 'delivered', confirmation: `${short} + qido`, warning: words.slice(0, 64) };
      return {
        kind: 'refused',
        reason: `${words}, and not by this delivery: the content may be another, and the archive does not give it back`,
      };
    case 'absent':
      return { kind: 'refused', reason: `${words}, but the archive does not give it back`, mayHaveArrived: true };
    case 'unanswered':
      return unknownOutcome(`${words}, but ${retrieval.reason}`, 'suspect');
  }
}

const conflict = (reason: string): Outcome => ({ kind: 'permanent', reason: `conflict: ${reason}`, because: 'conflict' });
