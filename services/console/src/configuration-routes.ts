// The gateway document over HTTP: read, validated whole, stored as a revision, published to all services.
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { GatewayDocumentError, parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
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

const MAX_LISTED = 200;
const change = z.object({
  /** As an object, or as YAML or JSON text. */
  document: z.union([z.record(z.string(), z.unknown()), z.string()]),
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
    const source = validated(document);
    const revision = await insertConfiguration(parts.database, { author: user!.name, comment, origin: 'api', source, basedOn });
    if (revision === undefined) throw changedMeanwhile();
    await publishGatewayDocument(parts.bus, revision, source);
    const subject = `revision ${revision}`;
    await showAtOnce(parts, [await publishAction(parts.bus, { operator: user!.name, action: 'configuration-applied', subject })]);
    return { revision };
  });
}

function validated(document: string | Record<string, unknown>): unknown {
  try {
    const source = typeof document === 'string' ? readGatewayDocument(document) : document;
    parseGatewayDocument(source);
    return source;
  } catch (error) {
    if (!(error instanceof GatewayDocumentError)) throw error;
    throw new HttpProblem(422, {
      error: 'invalid-document',
      detail: error.message,
      whatToDo: 'Correct every problem listed; the document that holds now stays in force.',
      problems: error.problems,
    });
  }
}

const changedMeanwhile = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'changed-meanwhile',
    detail: 'Somebody applied another revision since.',
    whatToDo: 'Load the document again and repeat your change in it.',
  });
