// The gateway document over HTTP: read, validated whole, stored as a revision, published to all services; compared, and taken back.
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { documentChanges } from '@causeway/shared/config/document-changes';
import { gatewayDocumentText } from '@causeway/shared/config/gateway-document-text';
import {
  findConfiguration,
  insertConfiguration,
  listConfigurations,
  newestConfiguration,
  type StoredConfiguration,
} from '@causeway/shared/database/configuration-revisions';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { actorOf } from './bearer-tokens.ts';
import { type Action, type Actor, type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { type DocumentFindings, findingsOf } from './document-findings.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { postedDocument, type ReadDocument, readPostedDocument } from './posted-document.ts';

const MAX_LISTED = 200;
const comment = z.string().max(500);
const change = z.object({
  document: postedDocument,
  comment: comment.default(''),
  /** The revision it was made from; refused when there is a newer one. */
  basedOn: z.int().min(0).optional(),
});
const draft = z.object({ document: postedDocument });
const revisionNumber = z.coerce.number().int().min(1).max(2_147_483_647);
const compared = z.object({ from: revisionNumber, to: revisionNumber.optional() });
const rollback = z.object({ revision: z.int().min(1).max(2_147_483_647), comment: comment.optional() });

export function configurationRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/configuration', async () => {
    const newest = await newestConfiguration(parts.database);
    const { source: document = null, ...revision } = newest ?? {};
    return { ...revision, document, published: parts.revision()?.revision ?? null, problem: parts.configurationProblem() ?? null };
  });
  app.get('/api/configuration/revisions', async () => ({ revisions: await listConfigurations(parts.database, MAX_LISTED) }));
  app.get<{ Params: { revision: string } }>('/api/configuration/revisions/:revision', async ({ params }) => {
    const { source: document, ...revision } = await stored(parts, parsed(revisionNumber, params.revision));
    return { ...revision, document, text: gatewayDocumentText(document) };
  });
  app.get('/api/configuration/diff', ({ query }) => compare(parts, parsed(compared, query)));
  app.post('/api/configuration/validate', async ({ body }) => {
    const { source, document } = readPostedDocument(parsed(draft, body).document);
    return { ...findingsOf(document), changes: documentChanges((await newestConfiguration(parts.database))?.source ?? {}, source) };
  });
  app.put('/api/configuration', async (request) => {
    const { document, comment, basedOn } = parsed(change, request.body);
    return apply(parts, readPostedDocument(document), { by: actorOf(request), comment, basedOn, action: 'configuration-applied' });
  });
  app.post('/api/configuration/rollback', async (request) => {
    const { revision, comment = `rollback to revision ${revision}` } = parsed(rollback, request.body);
    const { source } = await stored(parts, revision);
    return apply(parts, readPostedDocument(source as Record<string, unknown>), {
      by: actorOf(request),
      comment,
      rolledBackTo: revision,
      action: 'configuration-rolled-back',
    });
  });
}

async function stored({ database }: ConsoleParts, revision: number): Promise<StoredConfiguration> {
  const found = await findConfiguration(database, revision);
  if (!found) throw notFound(`Revision ${revision}`);
  return found;
}

/** Without `to`: with the newest. */
async function compare(parts: ConsoleParts, { from, to }: z.infer<typeof compared>): Promise<object> {
  const before = await stored(parts, from);
  const after = to === undefined ? (await newestConfiguration(parts.database))! : await stored(parts, to);
  return { from, to: after.revision, changes: documentChanges(before.source, after.source) };
}

interface Applying {
  readonly by: Actor;
  readonly comment: string;
  readonly basedOn?: number;
  readonly action: Action['action'];
  readonly rolledBackTo?: number;
}

/** Stored first: what is not published because JetStream is away is published within seconds of its return (apply-configuration.ts). */
async function apply(
  parts: ConsoleParts,
  { source, document }: ReadDocument,
  how: Applying,
): Promise<DocumentFindings & { revision: number }> {
  const { by, comment, basedOn, action, rolledBackTo } = how;
  const revision = await insertConfiguration(parts.database, { author: by.operator, comment, origin: 'api', source, basedOn });
  if (revision === undefined) throw changedMeanwhile();
  await publishGatewayDocument(parts.bus, revision, source);
  const subject = `revision ${revision}${rolledBackTo === undefined ? '' : `: that of ${rolledBackTo}`}`;
  await showAtOnce(parts, [await publishAction(parts.bus, { ...by, action, subject })]);
  return { revision, ...findingsOf(document) };
}

const changedMeanwhile = (): HttpProblem =>
  new HttpProblem(409, {
    error: 'changed-meanwhile',
    detail: 'Somebody applied another revision since.',
    whatToDo: 'Load the document again and repeat your change in it.',
  });
