// Completes the handler's acceptance of an association into what A-ASSOCIATE-AC says: nothing in it that was not proposed (PS3.7 D.3.3.3 to D.3.3.7).
import type {
  AssociationRequest,
  AsynchronousWindow,
  ContextAnswer,
  ExtendedNegotiation,
  RoleSelection,
} from '../upper-layer/association.ts';
import { answerContexts } from './context-answers.ts';
import type { AssociationAcceptance, ScpLimits } from './scp.ts';

/** PS3.7 D.3.3.3: whoever proposes a window hears ours, whoever does not, hears none. */
const SYNCHRONOUS: AsynchronousWindow = { invoked: 1, performed: 1 };

export interface Agreement {
  readonly contexts: ContextAnswer[];
  readonly roles: RoleSelection[];
  readonly asynchronousWindow?: AsynchronousWindow;
  readonly extendedNegotiations: ExtendedNegotiation[];
  readonly userIdentityResponse?: Buffer;
  readonly maxPduBytes: number;
  readonly idleMs: number;
}

/** Throws if a context or role was granted that was not proposed: that is a mistake of the handler. */
export function agree(request: AssociationRequest, acceptance: AssociationAcceptance, limits: ScpLimits): Agreement {
  const proposedClasses = new Set(request.extendedNegotiations?.map(({ sopClassUid }) => sopClassUid));
  const wantsIdentityAnswer = request.userIdentity?.positiveResponseRequested === true;
  return {
    contexts: answerContexts(request.contexts, acceptance.contexts),
    roles: answerRoles(request.roles, acceptance.roles ?? []),
    asynchronousWindow: request.asynchronousWindow && SYNCHRONOUS,
    extendedNegotiations: (acceptance.extendedNegotiations ?? []).filter(({ sopClassUid }) => proposedClasses.has(sopClassUid)),
    userIdentityResponse: wantsIdentityAnswer ? acceptance.userIdentityResponse : undefined,
    maxPduBytes: acceptance.maxPduBytes ?? limits.maxPduBytes,
    idleMs: acceptance.idleMs ?? limits.idleMs,
  };
}

/** One answer for each SOP class that was proposed and answered, in the order proposed. */
function answerRoles(proposed: readonly RoleSelection[], answers: readonly RoleSelection[]): RoleSelection[] {
  const proposals = new Map(proposed.map((role) => [role.sopClassUid, role]));
  return [...proposals.values()].flatMap((proposal) => {
    const answer = answers.find(({ sopClassUid }) => sopClassUid === proposal.sopClassUid);
    if (answer === undefined) return [];
    if ((answer.scu && !proposal.scu) || (answer.scp && !proposal.scp))
      throw new Error(`a role for ${proposal.sopClassUid} was granted that was not proposed`);
    return [answer];
  });
}
