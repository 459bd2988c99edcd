// The gateway document over HTTP: read, validated whole, stored as a revision, published to all services.
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import {
  findConfiguration,
  insertConfiguration,
  listConfigurations,
  newestConfiguration,
} from '@causeway/shared/database/configuration-revisions';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { postedDocument, readPostedDocument } from './posted-document.ts';

const MAX_LISTED = 200;
const change = z.object({
  document: postedDocument,
  comment: z.string().max(500).default(''),
  /** The revision it was made from; refused when there is a newer one. */
  basedOn: z.int().min(0).optional(),
});

export function configurationRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/configuration', async () => {
    const newest = await newestConfiguration(parts.database);
    const { source: document = null, ...revision } = newest ?? {};
    return { ...revision, document, published: parts.revision()?.revision ?? null, problem: parts.configurationProblem() ?? null };
  });
  app.get('/api/configuration/revisions', async () => ({ revisions: await listConfigurations(parts.database, MAX_LISTED) }));
  app.get<{ Params: { revision: string } }>('/api/configuration/revisions/:revision', async ({ params }) => {
    const number = parsed(z.coerce.number().int().min(1), params.revision);
    const stored = await findConfiguration(parts.database, number);
    if (!stored) throw notFound(`Revision ${number}`);
    const { source: document, ...revision } = stored;
    return { ...revision, document };
  });
  app.put('/api/configuration', async ({ body, user }) => {
    const { document, comment, basedOn } = parsed(change, body);
    const { source } = readPostedDocument(document);
    const revision = await insertConfiguration(parts.database, { author: user!.name, comment, origin: 'api', source, basedOn });
    if (revision === undefined) throw changedMeanwhile();
    await publishGatewayDocument(parts.bus, revision, source);
    const subject = `revision ${revision}`;
    await showAtOnce(parts, [await publishAction(parts.bus, { operator: user!.name, action: 'configuration-applied', subject })]);
    return { revision };
  });
}

const changedMeanwhile = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'changed-meanwhile',
    detail: 'Somebody applied another revision since.',
    whatToDo: 'Load the document again and repeat your change in it.',
  });
