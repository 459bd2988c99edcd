// Completes and checks what the handler answered to the proposed presentation contexts (PS3.8 section 9.3.3.2).

import { IMPLICIT_VR_LITTLE_ENDIAN } from '../transfer-syntaxes.ts';
import type { ContextAnswer, ProposedContext } from '../upper-layer/association.ts';

const ABSTRACT_SYNTAX_NOT_SUPPORTED = 3;

/** An accepted context with what was agreed on. */
export interface AcceptedContext {
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
}

/** One answer for each proposed context, in their order. Throws if an answer accepts what was not proposed. */
export function answerContexts(proposed: readonly ProposedContext[], answers: readonly ContextAnswer[]): ContextAnswer[] {
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  return proposed.map((context) => {
    const answer = byId.get(context.id);
    if (answer?.result === 0) {
      if (context.transferSyntaxUids.includes(answer.transferSyntaxUid)) return answer;
      throw new Error(`context ${context.id} was answered with a transfer syntax that was not proposed`);
    }
    // Not significant in a refusal, but some requestors read it.
    const transferSyntaxUid = context.transferSyntaxUids[0] ?? IMPLICIT_VR_LITTLE_ENDIAN;
    return { id: context.id, result: answer?.result ?? ABSTRACT_SYNTAX_NOT_SUPPORTED, transferSyntaxUid };
  });
}

/** The accepted contexts by id. */
export function acceptedContexts(proposed: readonly ProposedContext[], answers: readonly ContextAnswer[]): Map<number, AcceptedContext> {
  const accepted = new Map<number, AcceptedContext>();
  for (const answer of answers) {
    const context = proposed.find((candidate) => candidate.id === answer.id);
    if (context === undefined || answer.result !== 0) continue;
    accepted.set(answer.id, { abstractSyntaxUid: context.abstractSyntaxUid, transferSyntaxUid: answer.transferSyntaxUid });
  }
  return accepted;
}
