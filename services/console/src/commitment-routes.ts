// Storage commitment requests: what modalities asked, what they were told, and what they could not be told.
import { type CommitmentDetail, type CommitmentPeer, findCommitment, listCommitments } from '@causeway/shared/database/commitment-queries';
import { retryCommitment } from '@causeway/shared/database/commitment-rows';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf } from './bearer-tokens.ts';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { peerWithin } from './peer-scope.ts';
import { requestScope } from './route-access.ts';

const MAX_LISTED = 500;
const listed = z.object({
  state: z.enum(['open', 'decided', 'reported', 'undeliverable', 'joined']).optional(),
  callingAe: z.string().max(16).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(200),
});
const single = z.object({ id: z.uuid() });

/** Within a scope, of so many those are chosen that are its own. */
const MOST_LOOKED_AT = 5_000;

export function commitmentRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  const { database } = parts;
  app.get('/api/commitments', async (request) => {
    const { limit, ...asked } = parsed(listed, request.query);
    const scope = requestScope(request);
    const found = await listCommitments(database, { ...asked, limit: scope === 'all' ? limit : MOST_LOOKED_AT });
    const own = found.filter((commitment) => peerWithin(parts.revision()?.document, scope, commitment));
    return { commitments: own.slice(0, limit).map(shown) };
  });
  app.get('/api/commitments/:id', async (request) => shown(await findOwn(parts, request)));
  app.post('/api/commitments/:id/retry', async (request, reply) => {
    const { id } = await findOwn(parts, request);
    if (!(await retryCommitment(database, id, new Date()))) throw notUndeliverable();
    const action = { ...actorOf(request), action: 'commitment-retried', subject: id } as const;
    await showAtOnce(parts, [await publishAction(parts.bus, action)]);
    return reply.code(202).send({ id });
  });
}

async function findOwn({ database, revision }: ConsoleParts, request: FastifyRequest): Promise<CommitmentDetail & CommitmentPeer> {
  const { id } = parsed(single, request.params);
  const commitment = await findCommitment(database, id);
  if (!commitment || !peerWithin(revision()?.document, requestScope(request), commitment)) throw notFound(`Commitment ${id}`);
  return commitment;
}

const shown = <C extends CommitmentPeer>({ tlsSubject: _subject, recorded: _recorded, ...commitment }: C) => commitment;

const notUndeliverable = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'not-undeliverable',
    detail: 'The result of this commitment is not given up.',
    whatToDo: 'Load the list again; only undeliverable results are told again on request.',
  });
