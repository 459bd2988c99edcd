// The negotiation record: which associations there were, what was agreed on, and why some were none.
import { findAssociation, listAssociations } from '@causeway/shared/database/association-rows';
import { associationOutcomes } from '@causeway/shared/events/association-record';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';
import { notFound, parsed } from './http-problem.ts';

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

export function associationRoutes(app: FastifyInstance, { database }: ConsoleParts): void {
  app.get('/api/associations', async ({ query }) => ({ associations: await listAssociations(database, parsed(listed, query)) }));
  app.get('/api/associations/:id', async ({ params }) => {
    const { id } = parsed(z.object({ id: z.uuid() }), params);
    const association = await findAssociation(database, id);
    if (!association) throw notFound(`Association ${id}`);
    return association;
  });
}
