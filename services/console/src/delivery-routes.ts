// Deliveries: listed by state, retried one by one or all of a destination, given up for good. All of it is audited.
import { deliverAgain } from '@causeway/shared/bus/set-in-motion';
import type { DeliveryState } from '@causeway/shared/database/delivery-rows';
import { findDeliveries, findDeliveriesInState, type StoredDelivery } from '@causeway/shared/database/stored-work';
import { listDeliveries } from '@causeway/shared/database/work-queries';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';

const STATES = ['due', 'retrying', 'failed', 'discarded', 'confirmed'] as const satisfies DeliveryState[];
const MAX_LISTED = 500;
/** One request; a page that is told how many are left asks again. */
const MAX_RETRIED = 5_000;
const PAGE = 250;

const destinationId = z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be the id of a destination');
const listQuery = z.object({
  state: z.enum(STATES).default('failed'),
  destination: destinationId.optional(),
  study: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(100),
});

export function deliveryRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/deliveries', async ({ query }) => {
    const { state, study, ...page } = parsed(listQuery, query);
    return { deliveries: await listDeliveries(parts.database, { ...page, studyKey: study, states: [state] }) };
  });
  app.post<{ Params: { id: string } }>('/api/deliveries/:id/retry', async ({ params, user }) => {
    const stored = await retriable(parts, params.id);
    await showAtOnce(parts, [
      await deliverAgain(parts.bus, stored.delivery, stored.generation + 1),
      await publishAction(parts.bus, { operator: user!.name, action: 'delivery-retried', subject: params.id }),
    ]);
    return { deliveries: 1 };
  });
  app.post<{ Params: { id: string } }>('/api/deliveries/:id/discard', async ({ params, user }) => {
    const { generation } = await retriable(parts, params.id);
    const action = { operator: user!.name, action: 'delivery-discarded', subject: params.id, generation } as const;
    await showAtOnce(parts, [await publishAction(parts.bus, action)]);
    return { deliveries: 1 };
  });
  app.post('/api/deliveries/retry', async ({ body, user }) => {
    const { destination } = parsed(z.object({ destination: destinationId.optional() }), body);
    const subject = destination === undefined ? 'all failed deliveries' : `all failed deliveries to ${destination}`;
    await showAtOnce(parts, [await publishAction(parts.bus, { operator: user!.name, action: 'delivery-retried', subject })]);
    return { deliveries: await retryAll(parts, destination) };
  });
}

/** Page by page, each written at once, so that a second request goes on where a failing one stopped. */
async function retryAll(parts: ConsoleParts, destination: string | undefined): Promise<number> {
  let count = 0;
  let afterId: string | undefined;
  while (count < MAX_RETRIED) {
    const page = await findDeliveriesInState(parts.database, { destination, states: ['failed'], afterId, limit: PAGE });
    if (page.length === 0) break;
    const facts = await Promise.all(page.map(({ delivery, generation }) => deliverAgain(parts.bus, delivery, generation + 1)));
    await showAtOnce(parts, facts);
    count += page.length;
    afterId = page.at(-1)!.delivery.id;
  }
  return count;
}

async function retriable({ database }: ConsoleParts, id: string): Promise<StoredDelivery> {
  const [stored] = await findDeliveries(database, [id]);
  if (!stored) throw notFound(`Delivery ${id}`);
  if (stored.state !== 'failed') {
    const detail = `The delivery is ${stored.state}, not failed.`;
    throw new HttpProblem(409, {
      error: 'not-failed',
      detail,
      whatToDo: 'Load the list again; only failed deliveries are retried or given up.',
    });
  }
  if (stored.objectDeleted) {
    const detail = 'The object was deleted after its retention.';
    throw new HttpProblem(409, { error: 'object-deleted', detail, whatToDo: 'Send the study again from where it came.' });
  }
  return stored;
}
