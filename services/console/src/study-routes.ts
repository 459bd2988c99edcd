// Studies, destinations and the audit: what the page reads.

import { findStudyWithin, listStudiesWithin } from '@causeway/shared/database/facility-study-queries';
import { openWorkWithin } from '@causeway/shared/database/facility-work-queries';
import { listStudyDeliveries } from '@causeway/shared/database/study-deliveries';
import type { StudySummary } from '@causeway/shared/database/study-queries';
import { listOperatorActions } from '@causeway/shared/database/work-queries';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';
import { describeDestinations } from './destination-states.ts';
import { notFound, parsed } from './http-problem.ts';
import { requestScope } from './route-access.ts';

const MAX_STUDIES = 200;
const MAX_ACTIONS = 500;

const studiesQuery = z.object({
  search: z.string().max(256).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_STUDIES).default(50),
  before: z.string().max(300).optional().transform(readCursor),
});
const actionsQuery = z.object({ limit: z.coerce.number().int().min(1).max(MAX_ACTIONS).default(100) });

export function studyRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/studies', async (request) => {
    const page = parsed(studiesQuery, request.query);
    const studies = await listStudiesWithin(parts.database, requestScope(request), page);
    return { studies, next: studies.length === page.limit ? cursorAfter(studies.at(-1)!) : null };
  });
  app.get<{ Params: { uid: string } }>('/api/studies/:uid', async (request) => {
    const { uid } = request.params;
    const scope = requestScope(request);
    const study = await findStudyWithin(parts.database, scope, uid);
    if (!study) throw notFound(`Study ${uid}`);
    return { ...study, delivered: await listStudyDeliveries(parts.database, uid, scope) };
  });
  app.get('/api/work', (request) => openWorkWithin(parts.database, requestScope(request)));
  app.get('/api/destinations', async (request) => ({ destinations: await describeDestinations(parts, requestScope(request)) }));
  // What others did tells of other facilities, and from where they signed in.
  app.get('/api/audit', async ({ query, user }) => {
    const operator = user!.role === 'administrator' ? undefined : user!.name;
    return { actions: await listOperatorActions(parts.database, { operator, ...parsed(actionsQuery, query) }) };
  });
}

const cursorAfter = ({ lastReceivedAt, studyKey }: StudySummary): string =>
  Buffer.from(JSON.stringify([lastReceivedAt.toISOString(), studyKey])).toString('base64url');

function readCursor(text: string | undefined, context: z.RefinementCtx): { lastReceivedAt: Date; studyKey: string } | undefined {
  if (text === undefined) return undefined;
  try {
    const [at, studyKey] = z.tuple([z.iso.datetime(), z.string()]).parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return { lastReceivedAt: new Date(at), studyKey };
  } catch {
    context.addIssue({ code: 'custom', message: 'is not a value of "next" of an earlier answer' });
    return z.NEVER;
  }
}
