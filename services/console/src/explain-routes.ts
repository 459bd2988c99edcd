// Why instances went where they went, what would happen to one that was not sent, and what a draft document would change.
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { attributePath } from '@causeway/shared/config/attribute-path';
import { explainInstance } from '@causeway/shared/config/explain-instance';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { attributesOfRules } from '@causeway/shared/config/rule-condition';
import { headerReaderFor } from '@causeway/shared/config/stored-header';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { countStudyInstances, findHeader, findStudyHeaders } from '@causeway/shared/database/header-queries';
import { HEADER_ATTRIBUTES } from '@causeway/shared/events/header-attributes';
import { associationFacts, receiptId, uid } from '@causeway/shared/events/instance';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';
import { dryRun } from './dry-run.ts';
import { explainPast } from './explain-past.ts';
import { explainedDescription } from './explained-instance.ts';
import { explainedWithin } from './explained-scope.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { postedDocument, readPostedDocument } from './posted-document.ts';
import { requestScope } from './route-access.ts';

const MOST_EXPLAINED = 50;
/** Of a study: what its first instances matched is what later ones without the tag follow. */
const MOST_OF_STUDY = 1_000;
const MOST_ATTRIBUTES = 200;
/** A person waits for the answer. */
const DRY_RUN_MS = 20_000;
const DAY_MS = 86_400_000;

const question = z
  .object({ study: z.string().min(1).max(64).optional(), receipt: receiptId.optional() })
  .refine(({ study, receipt }) => (study === undefined) !== (receipt === undefined), 'name either a study or a receipt');
const attributeName = z
  .string()
  .refine((name) => attributePath(name) !== undefined, 'must be a keyword of PS3.6, (gggg,eeee) or a path of tags');
const description = z.object({
  association: associationFacts.extend({
    listener: associationFacts.shape.listener.default(''),
    priority: z.enum(['low', 'medium', 'high']).optional(),
  }),
  attributes: z
    .record(attributeName, z.string().max(1024))
    .refine((given) => Object.keys(given).length <= MOST_ATTRIBUTES, `at most ${MOST_ATTRIBUTES} attributes`)
    .default({}),
  sopClassUid: uid.optional(),
  document: postedDocument.optional(),
});
const rehearsal = z.object({
  document: postedDocument,
  days: z.number().min(0.01).max(90).default(7),
  most: z.int().min(1).max(100_000).default(20_000),
});

export function explainRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/explain', (request) => explainReceived(parts, parsed(question, request.query), requestScope(request)));
  app.post('/api/explain', async ({ body }) => ({ instances: [explainDescribed(parts, parsed(description, body))], more: 0 }));
  let isRehearsing = false;
  app.post('/api/configuration/dry-run', async ({ body }) => {
    const { document, days, most } = parsed(rehearsal, body);
    const draft = readPostedDocument(document).document;
    const { revision, document: current } = revisionOf(parts);
    if (isRehearsing) throw anotherIsRunning();
    isRehearsing = true;
    try {
      const since = new Date(Date.now() - days * DAY_MS);
      return { revision, ...(await dryRun(parts.database, { current, draft, since, most, withinMs: DRY_RUN_MS })) };
    } finally {
      isRehearsing = false;
    }
  });
}

async function explainReceived(parts: ConsoleParts, { study, receipt }: z.infer<typeof question>, scope: FacilityScope) {
  const current = revisionOf(parts);
  const { database } = parts;
  const one = receipt === undefined ? undefined : await findHeader(database, receipt, scope);
  const studyKey = one?.studyKey ?? study;
  const whole = studyKey === undefined ? [] : await findStudyHeaders(database, studyKey, { scope, limit: MOST_OF_STUDY });
  const own = whole.filter(({ within }) => within);
  if (own.length === 0 && one === undefined) throw notFound(study === undefined ? `Receipt ${receipt}` : `Study ${study}`);
  const wanted = one === undefined ? own.slice(0, MOST_EXPLAINED) : [one];
  const known = whole.some(({ receiptId: id }) => id === wanted[0]!.receiptId) ? whole : [...whole, ...wanted];
  const explained = await explainPast(database, { wanted, study: known, current });
  const more = one === undefined ? (await countStudyInstances(database, studyKey!, scope)) - wanted.length : 0;
  return { instances: explained.map((told) => explainedWithin(scope, told)), more };
}

function explainDescribed(
  parts: ConsoleParts,
  { association, attributes, sopClassUid = '', document: posted }: z.infer<typeof description>,
) {
  const draft = posted === undefined ? undefined : readPostedDocument(posted).document;
  const { document, revision } = draft === undefined ? revisionOf(parts) : { document: draft, revision: null };
  const { priority, ...facts } = association;
  const instance = { association: facts, priority, sopClassUid, attributes: attributesFor(document, attributes) };
  return explainedDescription(document, explainInstance(document, instance), revision);
}

/** What is given under any name of an attribute, under the names that the rules use. */
function attributesFor(document: GatewayDocument, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const keywords = new Map(Object.entries(HEADER_ATTRIBUTES).map(([keyword, path]) => [path as string, keyword]));
  const named = Object.entries(given).map(([name, value]) => [keywords.get(attributePath(name)!) ?? name, value.trim()]);
  const readPaths = new Set(attributesOfRules(document).values());
  return headerReaderFor(document)({ attributes: Object.fromEntries(named), readPaths }).attributes;
}

function revisionOf({ revision }: ConsoleParts): Revision {
  const current = revision();
  if (current !== undefined) return current;
  throw new HttpProblem(409, {
    error: 'no-document',
    detail: 'No gateway document has been published yet.',
    whatToDo: 'Apply one first: see /health/ready for what hinders it.',
  });
}

const anotherIsRunning = (): HttpProblem =>
  new HttpProblem(
    503,
    {
      error: 'busy',
      detail: 'Another draft is being tried at this moment.',
      whatToDo: 'Wait until it is done (at most half a minute) and try again.',
    },
    10,
  );
