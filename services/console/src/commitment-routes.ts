// Storage commitment requests: what modalities asked, what they were told, and what they could not be told.
import { findCommitment, listCommitments } from '@causeway/shared/database/commitment-queries';
import { retryCommitment } from '@causeway/shared/database/commitment-rows';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';

const MAX_LISTED = 500;
const listed = z.object({
  state: z.enum(['open', 'decided', 'reported', 'undeliverable', 'joined']).optional(),
  callingAe: z.string().max(16).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(200),
});
const single = z.object({ id: z.uuid() });

export function commitmentRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  const { database } = parts;
  app.get('/api/commitments', async ({ query }) => ({ commitments: await listCommitments(database, parsed(listed, query)) }));
  app.get('/api/commitments/:id', async ({ params }) => {
    const { id } = parsed(single, params);
    const commitment = await findCommitment(database, id);
    if (!commitment) throw notFound(`Commitment ${id}`);
    return commitment;
  });
  app.post('/api/commitments/:id/retry', async ({ params, user }, reply) => {
    const { id } = parsed(single, params);
    if (!(await findCommitment(database, id))) throw notFound(`Commitment ${id}`);
    if (!(await retryCommitment(database, id, new Date()))) throw notUndeliverable();
    await showAtOnce(parts, [await publishAction(parts.bus, { operator: user!.name, action: 'commitment-retried', subject: id })]);
    return reply.code(202).send({ id });
  });
}

const notUndeliverable = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'not-undeliverable',
    detail: 'The result of this commitment is not given up.',
    whatToDo: 'Load the list again; only undeliverable results are told again on request.',
  });
