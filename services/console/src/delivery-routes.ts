// Deliveries: listed by state; failed and parked ones retried one by one or all of a destination, or given up for good. All of it is audited.
import { deliverAgain } from '@causeway/shared/bus/set-in-motion';
import type { DeliveryState } from '@causeway/shared/database/delivery-rows';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { listDeliveriesWithin, listDeliveryGroupsWithin } from '@causeway/shared/database/facility-work-queries';
import { findDeliveries, findDeliveriesInState, type StoredDelivery } from '@causeway/shared/database/stored-work';
import type { Fact } from '@causeway/shared/events/facts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { actorOf } from './bearer-tokens.ts';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { requestScope } from './route-access.ts';

const STATES = ['due', 'parked', 'retrying', 'failed', 'discarded', 'confirmed'] as const satisfies DeliveryState[];
const MAX_LISTED = 500;
/** One request; a page that is told how many are left asks again. */
const MAX_RETRIED = 5_000;
const PAGE = 250;

const destinationId = z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be the id of a destination');
const several = z.object({
  state: z.enum(['failed', 'parked']).default('failed'),
  destination: destinationId.optional(),
  study: z.string().max(64).optional(),
});
const listQuery = z.object({
  state: z.enum(STATES).default('failed'),
  destination: destinationId.optional(),
  study: z.string().max(64).optional(),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(100),
});

const groupsQuery = listQuery.pick({ limit: true });

export function deliveryRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/deliveries', async (request) => {
    const { study, ...page } = parsed(listQuery, request.query);
    return { deliveries: await listDeliveriesWithin(parts.database, requestScope(request), { ...page, studyKey: study }) };
  });
  app.post<{ Params: { id: string } }>('/api/deliveries/:id/retry', async (request) => {
    const { params } = request;
    const stored = await retriable(parts, params.id, requestScope(request));
    assertConfigured(parts, stored.delivery.destination);
    const fact = await again(parts, stored);
    await showAtOnce(parts, [
      fact,
      await publishAction(parts.bus, { ...actorOf(request), action: 'delivery-retried', subject: params.id }),
    ]);
    return { deliveries: 1, parked: isParked(fact) ? 1 : 0 };
  });
  app.post<{ Params: { id: string } }>('/api/deliveries/:id/discard', async (request) => {
    const { params } = request;
    const { generation } = await retriable(parts, params.id, requestScope(request));
    const action = { ...actorOf(request), action: 'delivery-discarded', subject: params.id, generation } as const;
    await showAtOnce(parts, [await publishAction(parts.bus, action)]);
    return { deliveries: 1 };
  });
  for (const state of ['failed', 'parked'] as const)
    app.get(`/api/deliveries/${state}`, async (request) => ({
      groups: await listDeliveryGroupsWithin(parts.database, requestScope(request), { state, ...parsed(groupsQuery, request.query) }),
    }));
  app.post('/api/deliveries/retry', async (request) => {
    const { body } = request;
    const which = { ...parsed(several, body), scope: requestScope(request) };
    // To others a destination of somebody else is one without failed deliveries.
    if (which.scope === 'all' && which.destination !== undefined) assertConfigured(parts, which.destination);
    await showAtOnce(parts, [
      await publishAction(parts.bus, {
        ...actorOf(request),
        action: 'delivery-retried',
        subject: `all ${which.state}${described(which)}`,
      }),
    ]);
    const facts = await actOnSeveral(parts, { ...which, among: configured(parts) }, (stored) => again(parts, stored));
    return { deliveries: facts.length, parked: facts.filter(isParked).length };
  });
  app.post('/api/deliveries/discard', async (request) => {
    const { body } = request;
    const which = { ...parsed(several.refine(namesSome, 'name a destination, a study or both'), body), scope: requestScope(request) };
    const act = ({ delivery, generation }: StoredDelivery): Promise<Fact> =>
      publishAction(parts.bus, { ...actorOf(request), action: 'delivery-discarded', subject: delivery.id, generation });
    return { deliveries: (await actOnSeveral(parts, which, act)).length };
  });
}

type Several = z.infer<typeof several>;
type Which = Several & { readonly scope: FacilityScope };

const namesSome = ({ destination, study }: Several): boolean => destination !== undefined || study !== undefined;

const described = ({ destination, study }: Several): string =>
  `${destination === undefined ? '' : ` to ${destination}`}${study === undefined ? '' : ` of study ${study}`}`;

const again = (parts: ConsoleParts, { delivery, generation, state }: StoredDelivery): Promise<Fact> =>
  deliverAgain(parts, delivery, { generation: generation + 1, wasParked: state === 'parked' });

const isParked = ({ type }: Fact): boolean => type === 'ledger.delivery.parked';

const configured = ({ revision }: ConsoleParts): string[] => revision()?.document.destinations.map(({ id }) => id) ?? [];

/** What is queued for a destination that nobody serves would only come back as failed. */
function assertConfigured(parts: ConsoleParts, destination: string): void {
  if (configured(parts).includes(destination)) return;
  const now = parts.revision()?.revision;
  throw new HttpProblem(409, {
    error: 'no-such-destination',
    detail: `There is no destination ${destination} in the gateway document${now === undefined ? '' : ` (revision ${now})`}.`,
    whatToDo: 'Add it to the document again, then retry; or give these deliveries up.',
  });
}

/** Page by page, each written at once, so that a second request goes on where a failing one stopped. `among`: only to these destinations. */
async function actOnSeveral(
  parts: ConsoleParts,
  { destination, study, state, scope, among }: Which & { among?: string[] },
  act: (stored: StoredDelivery) => Promise<Fact>,
): Promise<Fact[]> {
  const done: Fact[] = [];
  let afterId: string | undefined;
  while (done.length < MAX_RETRIED) {
    const which = { destination, destinations: among, studyKey: study, scope, states: [state], afterId, limit: PAGE } as const;
    const page = await findDeliveriesInState(parts.database, which);
    if (page.length === 0) break;
    const facts = await Promise.all(page.map(act));
    await showAtOnce(parts, facts);
    done.push(...facts);
    afterId = page.at(-1)!.delivery.id;
  }
  return done;
}

async function retriable({ database }: ConsoleParts, id: string, scope: FacilityScope): Promise<StoredDelivery> {
  const [stored] = await findDeliveries(database, [id], scope);
  if (!stored) throw notFound(`Delivery ${id}`);
  if (stored.state !== 'failed' && stored.state !== 'parked') {
    const detail = `The delivery is ${stored.state}, not failed or parked.`;
    throw new HttpProblem(409, {
      error: 'not-failed',
      detail,
      whatToDo: 'Load the list again; only failed and parked deliveries are retried or given up.',
    });
  }
  if (stored.objectDeleted) {
    const detail = 'The object was deleted after its retention.';
    throw new HttpProblem(409, { error: 'object-deleted', detail, whatToDo: 'Send the study again from where it came.' });
  }
  return stored;
}
