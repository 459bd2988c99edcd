// What the times of a destination say now: whether its window is open, and which rate holds.
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { type Period, WeekSchedule, ZoneClock } from '@causeway/shared/config/week-schedule';

/** `until`: when it changes; null: never. */
export interface DestinationTimes {
  /** null: it may always send. `open` false: only stat work is sent. */
  readonly window: { readonly open: boolean; readonly until: Date | null } | null;
  /** null: no schedule. `rate` in bit/s; null: none holds now. */
  readonly bandwidth: { readonly rate: number | null; readonly until: Date | null } | null;
}

export const NO_TIMES: DestinationTimes = { window: null, bandwidth: null };

/** By destination; those without window and bandwidth are absent. */
export function destinationTimes(document: GatewayDocument | undefined, now: number): Map<string, DestinationTimes> {
  const timed = document?.destinations.filter(({ window, bandwidth }) => window.length + bandwidth.length > 0) ?? [];
  if (document === undefined || timed.length === 0) return new Map();
  const zone = new ZoneClock(document.gateway.timeZone);
  return new Map(
    timed.map(({ id, window, bandwidth }) => {
      const open = at(window, zone, now);
      const rate = at(bandwidth, zone, now);
      const times: DestinationTimes = {
        window: open === undefined ? null : { open: open.row !== undefined, until: open.until },
        bandwidth: rate === undefined ? null : { rate: rate.row?.rate ?? null, until: rate.until },
      };
      return [id, times];
    }),
  );
}

function at<Row extends Period>(
  rows: readonly Row[],
  zone: ZoneClock,
  now: number,
): { row: Row | undefined; until: Date | null } | undefined {
  if (rows.length === 0) return undefined;
  const schedule = new WeekSchedule(rows, zone);
  const change = schedule.nextChange(now);
  return { row: schedule.rowAt(now), until: change === undefined ? null : new Date(change) };
}
