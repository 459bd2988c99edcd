// What is odd about the times of destinations: rows of a bandwidth schedule that meet.
import type { DocumentWarning } from './document-problems.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { firstOverlap } from './week-schedule.ts';

export function* scheduleWarnings({ destinations }: Pick<GatewayDocument, 'destinations'>): Generator<DocumentWarning> {
  for (const { id, bandwidth } of destinations) {
    const overlap = firstOverlap(bandwidth);
    if (overlap === undefined) continue;
    const { rows, day, minute } = overlap;
    const [earlier, later] = rows.toSorted((one, other) => one - other);
    yield {
      path: `destinations[${id}].bandwidth[${later}]`,
      warning: `overlaps with bandwidth[${earlier}], for example on ${day} at ${timeOf(minute)}: where both fit, [${earlier}] holds, because it stands first. Leave it so if that is meant, or part their times`,
    };
  }
}

const timeOf = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
