// Work that waits for a person: held instances are assigned, released to the rules or discarded, quarantined ones tried again or discarded. All of it is audited.
import { receiveAgain, routeAgain } from '@causeway/shared/bus/set-in-motion';
import { findInstances, type StoredInstance } from '@causeway/shared/database/stored-work';
import { listWaitingWork } from '@causeway/shared/database/work-queries';
import type { Fact } from '@causeway/shared/events/facts';
import { receiptId } from '@causeway/shared/events/instance';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { type ConsoleParts, publishAction, showAtOnce } from './console-parts.ts';
import { HttpProblem, notFound, parsed } from './http-problem.ts';

const MAX_GROUPS = 200;
/** As many as one group of the list names. */
const MAX_RECEIPTS = 1000;

const facilityIds = z
  .array(z.string().regex(/^[a-z0-9-]{1,63}$/, 'must be ids of facilities (a-z 0-9 -)'))
  .min(1)
  .max(64);
const receiptIds = z.array(receiptId).min(1).max(MAX_RECEIPTS);
const several = z.object({ receiptIds });
const single = z.object({ receiptId });

/** The receipt ids of a request: one in the address, or several in the body. */
type Chosen = { params: unknown; body: unknown };
const one = ({ params }: Chosen): string[] => [parsed(single, params).receiptId];
const many = ({ body }: Chosen): string[] => parsed(several, body).receiptIds;

export function waitingWorkRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/held', async () => ({ waiting: await listWaitingWork(parts.database, MAX_GROUPS) }));
  for (const [path, chosen] of [
    ['/api/held/:receiptId', one],
    ['/api/held', many],
  ] as const) {
    app.post(`${path}/assign`, async (request) => {
      const { facilities } = parsed(z.object({ facilities: facilityIds }), request.body);
      assertFacilities(parts, facilities);
      return actOnEach(parts, { receiptIds: chosen(request), state: 'held', act: assigning(parts, facilities, request.user!.name) });
    });
    app.post(`${path}/retry`, async (request) =>
      actOnEach(parts, { receiptIds: chosen(request), state: 'quarantined', act: retrying(parts, request.user!.name) }),
    );
    app.post(`${path}/release`, async (request) =>
      actOnEach(parts, { receiptIds: chosen(request), state: 'held', act: releasing(parts, request.user!.name) }),
    );
    app.post(`${path}/discard`, async (request) =>
      actOnEach(parts, { receiptIds: chosen(request), act: discarding(parts, request.user!.name) }),
    );
  }
}

type Act = (stored: StoredInstance) => Promise<Fact[]>;

/** `state`: the only one it applies to; absent: held or quarantined. Resolves when everything is published. */
async function actOnEach(
  parts: ConsoleParts,
  { receiptIds, state, act }: { receiptIds: string[]; state?: 'held' | 'quarantined'; act: Act },
): Promise<{ instances: number }> {
  const found = await findInstances(parts.database, receiptIds);
  if (found.length < new Set(receiptIds).size) throw notFound('One of the instances');
  const allowed = state === undefined ? ['held', 'quarantined'] : [state];
  if (found.some((stored) => !allowed.includes(stored.state))) throw notWaiting(allowed.join(' or '));
  for (const stored of found) await showAtOnce(parts, await act(stored));
  return { instances: found.length };
}

/** The router sends them to these facilities; generation + 1 lets it go beyond what was decided before. */
function assigning({ bus }: ConsoleParts, facilities: string[], operator: string): Act {
  return async ({ instance, facility, compression, generation, destinations: onRecord }) => {
    if (!compression) throw notWaiting('held');
    const assignment = { facilities, by: operator };
    const motion = { generation: generation + 1, facility };
    const ready = await routeAgain(bus, { instance, compression, assignment, onRecord }, motion);
    const subject = `${instance.receiptId} -> ${facilities.join(', ')}`.slice(0, 300);
    return [ready, await publishAction(bus, { operator, action: 'instance-assigned', subject })];
  };
}

/** The rules that hold now decide again: what still fits none is held again. */
function releasing({ bus }: ConsoleParts, operator: string): Act {
  return async ({ instance, facility, compression, generation, destinations: onRecord }) => {
    if (!compression) throw notWaiting('held');
    const ready = await routeAgain(bus, { instance, compression, onRecord }, { generation: generation + 1, facility });
    return [ready, await publishAction(bus, { operator, action: 'instance-released', subject: instance.receiptId })];
  };
}

function retrying({ bus }: ConsoleParts, operator: string): Act {
  return async ({ instance, facility, generation }) => {
    const received = await receiveAgain(bus, instance, { generation: generation + 1, facility });
    return [received, await publishAction(bus, { operator, action: 'instance-retried', subject: instance.receiptId })];
  };
}

/** The object leaves after the retention; until then nothing is lost. */
function discarding({ bus }: ConsoleParts, operator: string): Act {
  return async ({ instance, generation }) => [
    await publishAction(bus, { operator, action: 'instance-discarded', subject: instance.receiptId, generation }),
  ];
}

function assertFacilities({ revision }: ConsoleParts, facilities: string[]): void {
  const known = new Set(revision()?.document.facilities.map(({ id }) => id));
  const unknown = facilities.filter((id) => !known.has(id));
  if (unknown.length === 0) return;
  const detail = `The gateway document has no facility ${unknown.join(', ')}.`;
  throw new HttpProblem(422, { error: 'unknown-facility', detail, whatToDo: `Choose among: ${[...known].join(', ')}.` });
}

const notWaiting = (state: string): HttpProblem =>
  new HttpProblem(409, {
    error: 'not-waiting',
    detail: `An instance is not ${state} any more: somebody was faster, or a new rule released it.`,
    whatToDo: 'Load the list again.',
  });
