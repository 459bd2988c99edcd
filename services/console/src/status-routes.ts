// How the gateway does, in one answer: services, the document they work by, queues, what waits, destinations, disk. No patient data.

import { refusedBelow, spaceStage } from '@causeway/shared/config/space-stages';
import { openWorkWithin } from '@causeway/shared/database/facility-work-queries';
import { FLOW, LEDGER_CONSUMER, type StreamName } from '@causeway/shared/events/flow';
import type { FastifyInstance } from 'fastify';
import type { ConsoleParts } from './console-parts.ts';
import { describeDestinations } from './destination-states.ts';
import { askServices } from './health.ts';
import { requestScope } from './route-access.ts';

const WORK_QUEUES = (Object.keys(FLOW) as StreamName[]).filter((stream) => FLOW[stream].retention === 'workqueue');

export function statusRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/api/status', async (request) => {
    const scope = requestScope(request);
    const [services, queues, factsBehind, work, destinations, disk] = await Promise.all([
      askServices(parts),
      // Their numbers are those of all facilities together.
      Promise.all(
        (scope === 'all' ? WORK_QUEUES : []).map(async (stream) => ({
          stream,
          ...(await parts.bus.backlog(stream)),
          most: FLOW[stream].maxMessages,
        })),
      ),
      parts.bus.unacknowledged('FACTS', LEDGER_CONSUMER),
      openWorkWithin(parts.database, scope),
      describeDestinations(parts, scope),
      describeDisk(parts),
    ]);
    const ready = Object.values(services).every((service) => service.ready);
    const revision = parts.revision()?.revision ?? null;
    return { ready, services, revision, queues, ledger: { factsBehind }, work, destinations, disk };
  });
}

/** Bytes; `refusedBelow`: from there on the receiver takes nothing (`admission.freeSpaceBelow`); `stage`: what is done about it. null: the store cannot tell. */
async function describeDisk({ space, revision }: ConsoleParts) {
  if (!space) return null;
  const found = await space();
  const admission = revision()?.document.admission;
  if (admission === undefined) return { ...found, refusedBelow: 0, stage: 'enough' };
  return { ...found, refusedBelow: refusedBelow(found, admission), stage: spaceStage(found, admission) };
}
