// Deliveries: listed by state, retried one by one or all of a destination, given up for good. All of it is audited.
import { deliverAgain } from '@causeway/shared/bus/set-in-motion';
import type { DeliveryState } from '@causeway/shared/database/delivery-rows';
import { findDeliveries, findDeliveriesInState, type StoredDelivery } from '@causeway/shared/database/stored-work';
import { listDeliveries, listDeliveryGroups } from '@causeway/shared/database/work-queries';
import type { Fact } from '@causeway/shared/events/facts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';

const STATES = ['due', 'parked', 'retrying', 'failed', 'discarded', 'confirmed'] as const satisfies DeliveryState[];
const MAX_LISTED = 500;
/** One request; a page that is told how many are left asks again. */
const MAX_RETRIED = 5_000;
const PAGE = 250;

const destinationId = z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be the id of a destination');
const several = z.object({ destination: destinationId.optional(), study: z.string().max(64).optional() });
const listQuery = z.object({
  state: z.enum(STATES).default('failed'),
  destination: destinationId.optional(),
  study: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(100),
});

export function deliveryRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/deliveries', async ({ query }) => {
    const { study, ...page } = parsed(listQuery, query);
    return { deliveries: await listDeliveries(parts.database, { ...page, studyKey: study }) };
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
  for (const state of ['failed', 'parked'] as const)
    app.get(`/api/deliveries/${state}`, async () => ({ groups: await listDeliveryGroups(parts.database, { state, limit: MAX_LISTED }) }));
  app.post('/api/deliveries/retry', async ({ body, user }) => {
    const which = parsed(several, body);
    await showAtOnce(parts, [
      await publishAction(parts.bus, { operator: user!.name, action: 'delivery-retried', subject: `all failed${described(which)}` }),
    ]);
    const act = ({ delivery, generation }: StoredDelivery): Promise<Fact> => deliverAgain(parts.bus, delivery, generation + 1);
    return { deliveries: await actOnFailed(parts, which, act) };
  });
  app.post('/api/deliveries/discard', async ({ body, user }) => {
    const which = parsed(several.required({ study: true }), body);
    const act = ({ delivery, generation }: StoredDelivery): Promise<Fact> =>
      publishAction(parts.bus, { operator: user!.name, action: 'delivery-discarded', subject: delivery.id, generation });
    return { deliveries: await actOnFailed(parts, which, act) };
  });
}

const described = ({ destination, study }: z.infer<typeof several>): string =>
  `${destination === undefined ? '' : ` to ${destination}`}${study === undefined ? '' : ` of study ${study}`}`;

/** Page by page, each written at once, so that a second request goes on where a failing one stopped. */
async function actOnFailed(
  parts: ConsoleParts,
  { destination, study }: z.infer<typeof several>,
  act: (stored: StoredDelivery) => Promise<Fact>,
): Promise<number> {
  let count = 0;
  let afterId: string | undefined;
  while (count < MAX_RETRIED) {
    const which = { destination, studyKey: study, states: ['failed'], afterId, limit: PAGE } as const;
    const page = await findDeliveriesInState(parts.database, which);
    if (page.length === 0) break;
    await showAtOnce(parts, await Promise.all(page.map(act)));
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
