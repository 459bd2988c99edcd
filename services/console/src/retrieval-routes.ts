// Retrievals: a study is asked for; the retriever fetches it and hands it to destinations.

import { uuidV7 } from '@causeway/shared/brands';
import { dueRetrievalRow, upsertRetrievals } from '@causeway/shared/database/retrieval-rows';
import { listRetrievals } from '@causeway/shared/database/work-queries';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { retrievalSubject } from '@causeway/shared/events/flow';
import { lane, uid } from '@causeway/shared/events/instance';
import type { Retrieval } from '@causeway/shared/events/retrieval';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf } from './bearer-tokens.ts';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { requestScope } from './route-access.ts';

const MAX_LISTED = 200;
const request = z.object({
  source: z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be the id of a retrieval source'),
  studyInstanceUid: uid,
  destinations: z.array(z.string().max(63)).min(1).max(64),
  lane: lane.default('routine'),
});

export function retrievalRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.post('/api/retrievals', async (call, reply) => {
    const asked = parsed(request, call.body);
    assertConfigured(parts, asked);
    const retrieval: Retrieval = { id: uuidV7(), ...asked, requestedBy: call.user!.name };
    const envelope = newEnvelope();
    const to = { subject: retrievalSubject(retrieval.source), messageId: `${retrieval.id}.retrieval.0` };
    await parts.bus.publish({ ...envelope, type: 'retrieval.due', retrieval }, to);
    await upsertRetrievals(parts.database, [dueRetrievalRow(retrieval, envelope)]).catch((error: Error) =>
      parts.log.warn({ retrieval: retrieval.id, reason: error.message }, 'the retrieval is shown once its first fact comes'),
    );
    await showAtOnce(parts, [await publishAction(parts.bus, { ...actorOf(call), action: 'retrieval-requested', subject: retrieval.id })]);
    return reply.code(202).send({ id: retrieval.id });
  });
  app.get('/api/retrievals', async (request) => ({
    retrievals: await listRetrievals(parts.database, { requestedBy: requesterOf(request), limit: MAX_LISTED }),
  }));
  app.get<{ Params: { id: string } }>('/api/retrievals/:id', async (request) => {
    const { id } = request.params;
    const [retrieval] = await listRetrievals(parts.database, { id, requestedBy: requesterOf(request), limit: 1 });
    if (!retrieval) throw notFound(`Retrieval ${id}`);
    return retrieval;
  });
}

/** What is fetched from an archive belongs to no facility: who has some of them only sees what that user asked for when it still had all. */
const requesterOf = (request: FastifyRequest): string | undefined => (requestScope(request) === 'all' ? undefined : request.user!.name);

function assertConfigured({ revision }: ConsoleParts, { source, destinations }: z.infer<typeof request>): void {
  const document = revision()?.document;
  const sources = document?.retrieval.sources.map(({ id }) => id) ?? [];
  const known = document?.destinations.map(({ id }) => id) ?? [];
  if (!sources.includes(source)) throw unknown(`retrieval source ${source}`, sources);
  const missing = destinations.filter((id) => !known.includes(id));
  if (missing.length > 0) throw unknown(`destination ${missing.join(', ')}`, known);
}

const unknown = (what: string, known: string[]): HttpProblem =>
  new HttpProblem(422, {
    error: 'not-configured',
    detail: `The gateway document has no ${what}.`,
    whatToDo: known.length > 0 ? `Choose among: ${known.join(', ')}.` : 'Add one to the gateway document first.',
  });
