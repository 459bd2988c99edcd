// How each destination does: open or paused, within its window or not, at which rate, and how much waits for it.
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import { listDestinationWorkWithin } from '@causeway/shared/database/facility-work-queries';
import { listDestinationStates } from '@causeway/shared/database/work-queries';
import type { ConsoleParts } from './console-parts.ts';
import { destinationTimes, NO_TIMES } from './destination-times.ts';
import { concerns } from './route-access.ts';

type Parts = Pick<ConsoleParts, 'database' | 'bus' | 'revision'>;

/**
 * Those of the document, and those it no longer has that still have work. Within a scope: those that its facilities send to, with their own work.
 * `queued`: messages in JetStream.
 */
export async function describeDestinations({ database, bus, revision }: Parts, scope: FacilityScope) {
  const [states, work] = await Promise.all([listDestinationStates(database), listDestinationWorkWithin(database, scope)]);
  const configured = configuredWithin(revision()?.document, scope);
  const times = destinationTimes(revision()?.document, Date.now());
  const ids = [...configured.keys(), ...work.map(({ destination }) => destination).filter((id) => !configured.has(id))];
  return Promise.all(
    ids.map(async (id) => {
      const state = states.find(({ destination }) => destination === id);
      const { open = 0, parked = 0, failed = 0, oldestDueAt = null } = work.find(({ destination }) => destination === id) ?? {};
      const queued = await queuedFor(bus, id, scope);
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
        ...(times.get(id) ?? NO_TIMES),
      };
    }),
  );
}

/** Destination to its kind. */
function configuredWithin(document: GatewayDocument | undefined, scope: FacilityScope): Map<string, string> {
  const usable = new Set(document?.facilities.flatMap(({ id, destinations }) => (concerns(scope, [id]) ? destinations : [])));
  const shown = document?.destinations.filter(({ id }) => scope === 'all' || usable.has(id)) ?? [];
  return new Map(shown.map(({ id, kind }) => [id, kind]));
}

async function queuedFor(bus: Parts['bus'], destination: string, scope: FacilityScope): Promise<number> {
  if (scope === 'all') return bus.queued('DELIVERIES', `delivery.due.${destination}.>`);
  const counts = await Promise.all(scope.map((facility) => bus.queued('DELIVERIES', `delivery.due.${destination}.*.${facility}`)));
  return counts.reduce((sum, count) => sum + count, 0);
}
