// Studies, destinations and the audit: what the page reads.

import { openWork } from '@causeway/shared/database/open-work';
import { findStudy, listStudies, type StudySummary } from '@causeway/shared/database/study-queries';
import { listDestinationStates, listDestinationWork, listOperatorActions } from '@causeway/shared/database/work-queries';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';
import { notFound, parsed } from './http-problem.ts';

const MAX_STUDIES = 200;
const MAX_ACTIONS = 500;

const studiesQuery = z.object({
  search: z.string().max(256).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_STUDIES).default(50),
  before: z.string().max(300).optional().transform(readCursor),
});
const actionsQuery = z.object({ limit: z.coerce.number().int().min(1).max(MAX_ACTIONS).default(100) });

export function studyRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/studies', async ({ query }) => {
    const page = parsed(studiesQuery, query);
    const studies = await listStudies(parts.database, page);
    return { studies, next: studies.length === page.limit ? cursorAfter(studies.at(-1)!) : null };
  });
  app.get<{ Params: { uid: string } }>('/api/studies/:uid', async ({ params }) => {
    const study = await findStudy(parts.database, params.uid);
    if (!study) throw notFound(`Study ${params.uid}`);
    return study;
  });
  app.get('/api/work', () => openWork(parts.database));
  app.get('/api/destinations', async () => ({ destinations: await describeDestinations(parts) }));
  app.get('/api/audit', async ({ query }) => ({
    actions: await listOperatorActions(parts.database, parsed(actionsQuery, query).limit),
  }));
}

/** Those of the document, and those it no longer has that still have work. `queued`: messages in JetStream. */
export async function describeDestinations({ database, bus, revision }: Pick<ConsoleParts, 'database' | 'bus' | 'revision'>) {
  const [states, work] = await Promise.all([listDestinationStates(database), listDestinationWork(database)]);
  const configured = new Map(revision()?.document.destinations.map((destination) => [destination.id, destination.kind]));
  const ids = [...configured.keys(), ...work.map(({ destination }) => destination).filter((id) => !configured.has(id))];
  return Promise.all(
    ids.map(async (id) => {
      const state = states.find(({ destination }) => destination === id);
      const { open = 0, parked = 0, failed = 0, oldestDueAt = null } = work.find(({ destination }) => destination === id) ?? {};
      const queued = await bus.queued('DELIVERIES', `delivery.due.${id}.>`);
      const kind = configured.get(id) ?? null;
      return {
        id,
        kind,
        state: state?.state ?? 'open',
        since: state?.since ?? null,
        reason: state?.reason ?? null,
        queued,
        open,
        parked,
        failed,
        oldestDueAt,
      };
    }),
  );
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
