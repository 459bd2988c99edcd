// The negotiation record: which associations there were, what was agreed on, and why some were none.
import { type AssociationEntry, findAssociation, listAssociations } from '@causeway/shared/database/association-rows';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { associationOutcomes } from '@causeway/shared/events/association-record';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';
import { notFound, parsed } from './http-problem.ts';
import { peerWithin } from './peer-scope.ts';
import { requestScope } from './route-access.ts';

const MAX_LISTED = 500;
const instant = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const listed = z.object({
  source: z.string().max(64).optional(),
  aeTitle: z.string().max(16).optional(),
  outcome: z.enum(associationOutcomes).optional(),
  since: instant.optional(),
  before: instant.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(100),
});

/** Within a scope, at most so many are looked at for one answer. */
const MOST_LOOKED_AT = 5_000;

export function associationRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/associations', async (request) => {
    const page = parsed(listed, request.query);
    return { associations: await associationsWithin(parts, requestScope(request), page) };
  });
  app.get('/api/associations/:id', async (request) => {
    const { id } = parsed(z.object({ id: z.uuid() }), request.params);
    const association = await findAssociation(parts.database, id);
    const tlsSubject = association?.tls?.subject ?? null;
    if (!association || !peerWithin(parts.revision()?.document, requestScope(request), { ...association, tlsSubject }))
      throw notFound(`Association ${id}`);
    return association;
  });
}

async function associationsWithin(
  { database, revision }: ConsoleParts,
  scope: FacilityScope,
  { limit, ...asked }: z.infer<typeof listed>,
): Promise<AssociationEntry[]> {
  const document = revision()?.document;
  const found: AssociationEntry[] = [];
  let before = asked.before;
  for (let looked = 0; looked < MOST_LOOKED_AT && found.length < limit; looked += MAX_LISTED) {
    const size = scope === 'all' ? limit : MAX_LISTED;
    const page = await listAssociations(database, { ...asked, before, limit: size });
    const own = page.filter((entry) => peerWithin(document, scope, entry));
    found.push(...own.map(({ tlsSubject: _, ...entry }) => entry));
    if (page.length < size) break;
    before = page.at(-1)!.endedAt;
  }
  return found.slice(0, limit);
}
