// Work that waits for a person: held instances are assigned, released to the rules or discarded, quarantined ones tried again or discarded. All of it is audited.
import { receiveAgain, routeAgain } from '@causeway/shared/bus/set-in-motion';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { facilitiesOfInstances, listWaitingWorkWithin } from '@causeway/shared/database/facility-work-queries';
import { findInstances, type StoredInstance } from '@causeway/shared/database/stored-work';
import { listWaitingReceipts, type WaitingReceipt } from '@causeway/shared/database/waiting-receipts';
import type { Fact } from '@causeway/shared/events/facts';
import { receiptId } from '@causeway/shared/events/instance';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf } from './bearer-tokens.ts';
import { type Actor, type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { heldWithin } from './explained-scope.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';
import { ownOf, requestScope } from './route-access.ts';

/** Of each study all that waits is looked at: the page asks for the first ones. */
const listed = z.object({ limit: z.coerce.number().int().min(1).max(200).default(50) });
/** As many as one group of the list names. */
const MAX_RECEIPTS = 1000;
/** Of one page: acting on as many takes a few seconds. */
const RECEIPTS_PAGE = 250;

const facilityIds = z
  .array(z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be ids of facilities (a-z 0-9 -)'))
  .min(1)
  .max(64);
const receiptIds = z.array(receiptId).min(1).max(MAX_RECEIPTS);
const several = z.object({ receiptIds });
const single = z.object({ receiptId });
/** What waits of a study (of one group of it), or whether a receipt waits. */
const waitingOf = z
  .object({
    study: z.string().min(1).max(64).optional(),
    receipt: receiptId.optional(),
    group: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .optional(),
    after: receiptId.optional(),
  })
  .refine(({ study, receipt }) => (study === undefined) !== (receipt === undefined), 'name either a study or a receipt');

/** The receipt ids of a request: one in the address, or several in the body. */
type Chosen = { params: unknown; body: unknown };
const one = ({ params }: Chosen): string[] => [parsed(single, params).receiptId];
const many = ({ body }: Chosen): string[] => parsed(several, body).receiptIds;

export function waitingWorkRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/held', async (request) => {
    const scope = requestScope(request);
    const waiting = await listWaitingWorkWithin(parts.database, scope, parsed(listed, request.query).limit);
    return { waiting: waiting.map((work) => ({ ...work, held: heldWithin(scope, work.held) })) };
  });
  app.get('/api/held/receipts', async (request) => ({
    receipts: await waitingReceipts(parts, parsed(waitingOf, request.query), requestScope(request)),
  }));
  for (const [path, chosen] of [
    ['/api/held/:receiptId', one],
    ['/api/held', many],
  ] as const) {
    const act = (request: FastifyRequest, how: Pick<Acting, 'act' | 'state'>): Promise<{ instances: number }> =>
      actOnEach(parts, { receiptIds: chosen(request), scope: requestScope(request), ...how });
    app.post(`${path}/assign`, async (request) => {
      const { facilities } = parsed(z.object({ facilities: facilityIds }), request.body);
      assertFacilities(parts, facilities, requestScope(request));
      return act(request, { state: 'held', act: assigning(parts, facilities, actorOf(request)) });
    });
    app.post(`${path}/retry`, (request) => act(request, { state: 'quarantined', act: retrying(parts, actorOf(request)) }));
    app.post(`${path}/release`, (request) => act(request, { state: 'held', act: releasing(parts, actorOf(request)) }));
    app.post(`${path}/discard`, async (request) => {
      await assertNobodyElses(parts, chosen(request), requestScope(request));
      return act(request, { act: discarding(parts, actorOf(request)) });
    });
  }
}

async function waitingReceipts(
  { database }: ConsoleParts,
  { study, receipt, group, after }: z.infer<typeof waitingOf>,
  scope: FacilityScope,
): Promise<WaitingReceipt[]> {
  if (study !== undefined) return listWaitingReceipts(database, scope, { studyKey: study, group, after, limit: RECEIPTS_PAGE });
  const found = await findInstances(database, [receipt!], scope);
  return found.flatMap(({ instance, state }) =>
    state === 'held' || state === 'quarantined' ? [{ receiptId: instance.receiptId, state }] : [],
  );
}

type Act = (stored: StoredInstance) => Promise<Fact[]>;

interface Acting {
  readonly receiptIds: string[];
  readonly scope: FacilityScope;
  /** The only one it applies to; absent: held or quarantined. */
  readonly state?: 'held' | 'quarantined';
  readonly act: Act;
}

/** Resolves when everything is published. */
async function actOnEach(parts: ConsoleParts, { receiptIds, scope, state, act }: Acting): Promise<{ instances: number }> {
  const found = await findInstances(parts.database, receiptIds, scope);
  if (found.length < new Set(receiptIds).size) throw notFound('One of the instances');
  const allowed = state === undefined ? ['held', 'quarantined'] : [state];
  if (found.some((stored) => !allowed.includes(stored.state))) throw notWaiting(allowed.join(' or '));
  const facts: Fact[] = [];
  try {
    for (const stored of found) facts.push(...(await act(stored)));
  } finally {
    await showAtOnce(parts, facts);
  }
  return { instances: found.length };
}

/** What is discarded is gone for everybody: who shares an instance with other facilities may claim it, but not take it from them. */
async function assertNobodyElses({ database }: ConsoleParts, receiptIds: string[], scope: FacilityScope): Promise<void> {
  if (scope === 'all') return;
  const own = (await findInstances(database, receiptIds, scope)).map(({ instance }) => instance.receiptId);
  const concerned = await facilitiesOfInstances(database, own);
  if ([...concerned].every((id) => scope.includes(id))) return;
  throw new HttpProblem(403, {
    error: 'not-yours-alone',
    detail: 'One of the instances concerns other facilities too: discarding would take it from them.',
    whatToDo: 'Assign it to your facility, or ask somebody who has all facilities concerned.',
  });
}

/** The router sends them to these facilities; generation + 1 lets it go beyond what was decided before. */
function assigning({ bus }: ConsoleParts, facilities: string[], actor: Actor): Act {
  return async ({ instance, facility, compression, generation, destinations: onRecord }) => {
    if (!compression) throw notWaiting('held');
    const assignment = { facilities, by: actor.operator };
    const motion = { generation: generation + 1, facility };
    const ready = await routeAgain(bus, { instance, compression, assignment, onRecord }, motion);
    const subject = `${instance.receiptId} -> ${facilities.join(', ')}`.slice(0, 300);
    return [ready, await publishAction(bus, { ...actor, action: 'instance-assigned', subject })];
  };
}

/** The rules that hold now decide again: what still fits none is held again. */
function releasing({ bus }: ConsoleParts, actor: Actor): Act {
  return async ({ instance, facility, compression, generation, destinations: onRecord }) => {
    if (!compression) throw notWaiting('held');
    const ready = await routeAgain(bus, { instance, compression, onRecord }, { generation: generation + 1, facility });
    return [ready, await publishAction(bus, { ...actor, action: 'instance-released', subject: instance.receiptId })];
  };
}

function retrying({ bus }: ConsoleParts, actor: Actor): Act {
  return async ({ instance, facility, generation }) => {
    const received = await receiveAgain(bus, instance, { generation: generation + 1, facility });
    return [received, await publishAction(bus, { ...actor, action: 'instance-retried', subject: instance.receiptId })];
  };
}

/** The object leaves after the retention; until then nothing is lost. */
function discarding({ bus }: ConsoleParts, actor: Actor): Act {
  return async ({ instance, generation }) => [
    await publishAction(bus, { ...actor, action: 'instance-discarded', subject: instance.receiptId, generation }),
  ];
}

/** Those of others are unknown to the user. */
function assertFacilities({ revision }: ConsoleParts, facilities: string[], scope: FacilityScope): void {
  const known = new Set(ownOf(scope, revision()?.document.facilities.map(({ id }) => id) ?? []));
  const unknown = facilities.filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  const whose = scope === 'all' ? 'The gateway document has' : 'You have';
  const detail = `${whose} no facility ${unknown.join(', ')}.`;
  throw new HttpProblem(422, { error: 'unknown-facility', detail, whatToDo: `Choose among: ${[...known].join(', ')}.` });
}

const notWaiting = (state: string): HttpProblem =>
  new HttpProblem(409, {
    error: 'not-waiting',
    detail: `An instance is not ${state} any more: somebody was faster, or a new rule released it.`,
    whatToDo: 'Load the list again.',
  });
