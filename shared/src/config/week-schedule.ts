// Parts of the week in a time zone: which row of a schedule holds at an instant, and until when. Wall-clock time counts: what the clocks skip in spring does not come, what they repeat in
// autumn comes twice.
import { WEEKDAYS, type Weekday } from './gateway-document-destinations.ts';

/**
 * Minutes since midnight, `to` excluded. `from` after `to`, or equal to it, runs over midnight; the days are those of `from`.
 */
export interface Period {
  readonly from: number;
  readonly to: number;
  readonly days: readonly Weekday[];
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1_440;
const WEEK_MINUTES = 7 * DAY_MINUTES;
/** Offsets of all zones change at such instants only, since 1972. */
const QUARTER_MS = 15 * MINUTE_MS;
/** 1970-01-01 was a Thursday; the week here begins on Monday. */
const EPOCH_MINUTE_OF_WEEK = 3 * DAY_MINUTES;
const MOST_OFFSETS = 4_000;
/** Every state of a schedule that changes at all has come by then, a change of the clocks included. */
const LOOK_AHEAD_MS = 8 * DAY_MINUTES * MINUTE_MS;
const NOBODY = -1;

export class WeekSchedule<Row extends Period> {
  readonly #rows: readonly Row[];
  readonly #zone: ZoneClock;
  /** Minute of the week to the first row that fits. */
  readonly #owner: Int8Array;

  /** At most 100 rows. */
  constructor(rows: readonly Row[], zone: ZoneClock) {
    this.#rows = rows;
    this.#zone = zone;
    this.#owner = new Int8Array(WEEK_MINUTES).fill(NOBODY);
    for (const [at, row] of rows.entries())
      for (const minute of minutesOf(row)) if (this.#owner[minute] === NOBODY) this.#owner[minute] = at;
  }

  /** The first row that holds; instants in ms since 1970. */
  rowAt(instant: number): Row | undefined {
    return this.#rows[this.#ownerAt(instant)];
  }

  /** When another row, or none, holds; undefined: never. */
  nextChange(instant: number): number | undefined {
    const present = this.#ownerAt(instant);
    const first = (Math.floor(instant / MINUTE_MS) + 1) * MINUTE_MS;
    for (let minute = first; minute < instant + LOOK_AHEAD_MS; minute += MINUTE_MS) if (this.#ownerAt(minute) !== present) return minute;
    return undefined;
  }

  /** How much of the time between two instants some row held, ms; counted no further than `enough`. */
  heldMs(from: number, to: number, enough = Number.POSITIVE_INFINITY): number {
    let held = 0;
    for (let at = from; at < to && held < enough; ) {
      const end = Math.min(to, (Math.floor(at / MINUTE_MS) + 1) * MINUTE_MS);
      if (this.#ownerAt(at) !== NOBODY) held += end - at;
      at = end;
    }
    return held;
  }

  #ownerAt(instant: number): number {
    return this.#owner[this.#zone.minuteOfWeek(instant)]!;
  }
}

/** The first minute of the week at which two rows fit, and which; undefined: none. */
export function firstOverlap(rows: readonly Period[]): { rows: [number, number]; day: Weekday; minute: number } | undefined {
  const owner = new Int8Array(WEEK_MINUTES).fill(NOBODY);
  for (const [at, row] of rows.entries())
    for (const minute of minutesOf(row)) {
      const other = owner[minute]!;
      if (other !== NOBODY && other !== at)
        return { rows: [other, at], day: WEEKDAYS[Math.floor(minute / DAY_MINUTES)]!, minute: minute % DAY_MINUTES };
      owner[minute] = at;
    }
  return undefined;
}

function* minutesOf({ from, to, days }: Period): Generator<number> {
  const length = to > from ? to - from : to - from + DAY_MINUTES;
  for (const day of new Set(days)) {
    const start = WEEKDAYS.indexOf(day) * DAY_MINUTES + from;
    for (let minute = start; minute < start + length; minute += 1) yield minute % WEEK_MINUTES;
  }
}

/** What the clocks of a zone (a name of the IANA list) show: one for all schedules, because it remembers what it found out. */
export class ZoneClock {
  readonly #format: Intl.DateTimeFormat;
  /** By quarter of an hour: asking Intl takes some microseconds. */
  readonly #offsets = new Map<number, number>();

  constructor(timeZone: string) {
    const numeric = 'numeric';
    this.#format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, hourCycle: 'h23', year: numeric, month: numeric, day: numeric, hour: numeric, minute: numeric, second: numeric },
    });
  }

  minuteOfWeek(instant: number): number {
    const minute = Math.floor((instant + this.#offsetAt(instant)) / MINUTE_MS) + EPOCH_MINUTE_OF_WEEK;
    return ((minute % WEEK_MINUTES) + WEEK_MINUTES) % WEEK_MINUTES;
  }

  #offsetAt(instant: number): number {
    const quarter = Math.floor(instant / QUARTER_MS);
    const known = this.#offsets.get(quarter);
    if (known !== undefined) return known;
    if (this.#offsets.size >= MOST_OFFSETS) this.#offsets.clear();
    const start = quarter * QUARTER_MS;
    const shown = Object.fromEntries(this.#format.formatToParts(start).map(({ type, value }) => [type, Number(value)]));
    const wall = Date.UTC(shown.year!, shown.month! - 1, shown.day, shown.hour, shown.minute, shown.second);
    this.#offsets.set(quarter, wall - start);
    return wall - start;
  }
}
