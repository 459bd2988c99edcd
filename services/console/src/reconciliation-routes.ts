// received = delivered: by day; of one day by facility, with the studies of which not everything is delivered. And what was deleted, with the proof that it might be.
import { listDeletionProofs } from '@causeway/shared/database/deletion-proofs';
import { listDifferingStudiesWithin } from '@causeway/shared/database/facility-reconciliation-queries';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { listDayCounts, listFacilityCounts } from '@causeway/shared/database/reconciliation-queries';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';
import { parsed } from './http-problem.ts';
import { ownOf, requestScope } from './route-access.ts';

const MOST_DAYS = 800;
const MOST_STUDIES = 500;
const MOST_DELETIONS = 5_000;

const facility = z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be the id of a facility (a-z 0-9 -)');
const daysQuery = z.object({ limit: z.coerce.number().int().min(1).max(MOST_DAYS).default(31), facility: facility.optional() });
const deletionsQuery = z.object({ limit: z.coerce.number().int().min(1).max(MOST_DELETIONS).default(100) });
const dayQuery = z.object({
  day: z.iso.date('must be a day as 2026-01-31 (UTC)'),
  facility: facility.optional(),
  limit: z.coerce.number().int().min(1).max(MOST_STUDIES).default(100),
  after: z.string().max(64).optional(),
});

export function reconciliationRoutes(app: FastifyInstance, { database }: ConsoleParts): void {
  app.get('/api/reconciliation', async (request) => {
    const scope = requestScope(request);
    const asked = request.query as Record<string, unknown>;
    return asked.day === undefined ? days(scope, parsed(daysQuery, asked)) : oneDay(scope, parsed(dayQuery, asked));
  });

  app.get('/api/deletions', async ({ query }) => ({ deletions: await listDeletionProofs(database, parsed(deletionsQuery, query).limit) }));

  const days = async (scope: FacilityScope, { facility, limit }: z.infer<typeof daysQuery>) => ({
    days: await listDayCounts(database, { facilities: facilitiesAsked(scope, facility), limit }),
  });

  /** `next`: the value of `after` for more studies; null: these are all. */
  async function oneDay(scope: FacilityScope, { day, facility, limit, after }: z.infer<typeof dayQuery>) {
    const [totals, facilities, studies] = await Promise.all([
      listDayCounts(database, { day, facilities: facilitiesAsked(scope, facility), limit: MOST_DAYS }),
      listFacilityCounts(database, day),
      listDifferingStudiesWithin(database, scope, { day, facility, afterStudyKey: after, limit }),
    ]);
    const own = facilities.filter((counts) => scope === 'all' || (counts.facility !== null && scope.includes(counts.facility)));
    return { day, totals, facilities: own, studies, next: studies.length === limit ? studies.at(-1)!.studyKey : null };
  }
}

/** undefined: all of them together. Somebody who sees some facilities only is told of each by itself. */
function facilitiesAsked(scope: FacilityScope, facility: string | undefined): readonly string[] | undefined {
  if (facility !== undefined) return ownOf(scope, [facility]);
  return scope === 'all' ? undefined : scope;
}
