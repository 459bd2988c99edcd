// API tokens over HTTP: made, listed, removed. A token is shown once, when it is made.
import { uuidV7 } from '@causeway/shared/brands';
import type { User } from '@causeway/shared/database/accounts';
import { deleteApiToken, insertApiToken, listApiTokens, MOST_API_TOKENS } from '@causeway/shared/database/api-tokens';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf, drawToken, refuseToken } from './bearer-tokens.ts';
import { auditIfPossible, type ConsoleParts } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';

const newToken = z.object({
  /** What it is for: it stands in lists and in the audit. */
  name: z
    .string()
    .trim()
    .min(1)
    .max(64)
    .regex(/^\P{Cc}*$/u, 'must have no control characters'),
  days: z.int().min(1).max(3650).default(365),
});
const chosen = z.object({ id: z.uuid('must be the id of a token') });

export function apiTokenRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/tokens', async ({ user }) => ({ tokens: await listApiTokens(parts.database, ownUnlessAdministrator(user!)) }));
  app.post('/api/tokens', (request) => makeToken(parts, request));
  app.delete('/api/tokens/:id', async (request, reply) => {
    const { id } = parsed(chosen, request.params);
    if (request.apiTokenId !== id) refuseToken(request);
    const name = await deleteApiToken(parts.database, id, ownUnlessAdministrator(request.user!));
    if (name === undefined) throw notFound(`Token ${id}`);
    await auditIfPossible(parts, { ...actorOf(request), action: 'token-removed', subject: `${name} (${id})` });
    return reply.code(204).send();
  });
}

/** Whose tokens a user deals with; undefined: everybody's. */
const ownUnlessAdministrator = ({ name, role }: User): string | undefined => (role === 'administrator' ? undefined : name);

async function makeToken(parts: ConsoleParts, request: FastifyRequest): Promise<object> {
  refuseToken(request);
  const { name, days } = parsed(newToken, request.body);
  const { token, tokenHash } = drawToken();
  const stored = await insertApiToken(parts.database, { id: uuidV7(), name, days, user: request.user!.name, tokenHash });
  if (stored === undefined) throw tooMany();
  await auditIfPossible(parts, { operator: stored.user, action: 'token-made', subject: `${name} (${stored.id})` });
  return { id: stored.id, name, token, expiresAt: stored.expiresAt };
}

const tooMany = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'too-many-tokens',
    detail: `There are ${MOST_API_TOKENS} API tokens.`,
    whatToDo: 'Remove those that are no longer used: GET /api/tokens tells when each was last used.',
  });
