// Which part of the week it is, in several zones, over the days on which their clocks change: compared minute by minute with what Intl shows.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { WEEKDAYS, type Weekday } from './gateway-document-destinations.ts';
import { firstOverlap, type Period, WeekSchedule, ZoneClock } from './week-schedule.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const at = (text: string): number => Date.parse(text);
const row = (from: string, to: string, days: readonly Weekday[] = WEEKDAYS): Period => ({ from: minutes(from), to: minutes(to), days });
const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Told apart from the code under test: what a wall calendar and a wall clock show. */
function shownBy(calendar: Intl.DateTimeFormat, instant: number): { day: number; minute: number } {
  const text = calendar.format(instant);
  const [, day, hour, minute] = /^(\w{3})\D+(\d\d):(\d\d)$/.exec(text)!;
  return { day: WEEKDAYS.indexOf(day!.toLowerCase() as Weekday), minute: (Number(hour) % 24) * 60 + Number(minute) };
}

function fits({ from, to, days }: Period, { day, minute }: { day: number; minute: number }): boolean {
  const on = (which: number): boolean => days.includes(WEEKDAYS[(which + 7) % 7]!);
  if (from < to) return on(day) && minute >= from && minute < to;
  return (on(day) && minute >= from) || (on(day - 1) && minute < to);
}

/** With a change of the clocks in the given days: forward and back, by an hour and by half an hour, at midnight, on the southern half; and zones without. */
const ZONES: [string, string][] = [
  ['Europe/Berlin', '2026-03-28T12:00Z'],
  ['Europe/Berlin', '2026-10-24T12:00Z'],
  ['America/New_York', '2026-03-07T12:00Z'],
  ['America/New_York', '2026-10-31T12:00Z'],
  ['Australia/Lord_Howe', '2026-04-04T00:00Z'],
  ['Australia/Lord_Howe', '2026-10-03T00:00Z'],
  ['Africa/Cairo', '2026-04-23T12:00Z'],
  ['America/Santiago', '2026-09-05T12:00Z'],
  ['Asia/Kathmandu', '2026-06-01T00:00Z'],
  ['Pacific/Chatham', '2026-09-26T00:00Z'],
  ['Pacific/Kiritimati', '2026-12-31T00:00Z'],
  ['UTC', '2026-01-01T00:00Z'],
];

describe('a schedule of the week', () => {
  for (const [zone, from] of ZONES)
    it(`in ${zone} around ${from} is right at 2,000 drawn instants, for 20 drawn schedules`, () => {
      const calendar = new Intl.DateTimeFormat('en-GB', { timeZone: zone, weekday: 'short', hour: '2-digit', minute: '2-digit' });
      const random = seeded(ZONES.findIndex(([name, day]) => name === zone && day === from) + 1);
      for (let draw = 0; draw < 20; draw += 1) {
        const rows = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({
          from: Math.floor(random() * 1440),
          to: Math.floor(random() * 1441),
          days: WEEKDAYS.filter(() => random() < 0.6),
        }));
        const schedule = new WeekSchedule(rows, new ZoneClock(zone));
        for (let instants = 0; instants < 100; instants += 1) {
          const instant = at(from) + Math.floor(random() * 36 * HOUR);
          const expected = rows.find((one) => fits(one, shownBy(calendar, instant)));
          assert.equal(schedule.rowAt(instant), expected, `${new Date(instant).toISOString()} ${JSON.stringify(rows)}`);
        }
      }
    });

  it('changes exactly at its borders, also where the clocks skip or repeat them', () => {
    const night = new WeekSchedule([row('02:30', '05:00')], new ZoneClock('Europe/Berlin'));
    // 2026-03-29: 02:00 CET is 03:00 CEST, so 02:30 does not come; at 03:00 the row holds.
    assert.equal(night.nextChange(at('2026-03-29T00:00Z')), at('2026-03-29T01:00Z'));
    assert.equal(night.nextChange(at('2026-03-29T01:00Z')), at('2026-03-29T03:00Z'));
    // 2026-10-25: 03:00 CEST is 02:00 CET again: 02:30 comes twice.
    const changes: string[] = [];
    for (let when = at('2026-10-24T22:00Z'); changes.length < 4; ) {
      when = night.nextChange(when)!;
      changes.push(new Date(when).toISOString().slice(11, 16));
    }
    assert.deepEqual(changes, ['00:30', '01:00', '01:30', '04:00']);
  });

  it('counts the time that it held, over a change of the clocks, and stops where that is enough', () => {
    const nights = new WeekSchedule([row('22:00', '06:00')], new ZoneClock('Europe/Berlin'));
    const [from, to] = [at('2026-03-28T11:00Z'), at('2026-03-30T10:00Z')];
    // 7 hours in the night of the change, 8 in the next.
    assert.equal(nights.heldMs(from, to), 15 * HOUR);
    assert.equal(nights.heldMs(from + 30_500, from + 30_900), 0);
    assert.ok(nights.heldMs(from, to, HOUR) < HOUR + MINUTE);
    const always = new WeekSchedule([row('00:00', '24:00')], new ZoneClock('UTC'));
    assert.equal(always.heldMs(1_234, 99_999), 98_765);
  });

  it('runs over midnight with the day on which it begins, from Sunday into Monday too; equal times are a whole day', () => {
    const schedule = new WeekSchedule([row('20:00', '06:00', ['fri', 'sun'])], new ZoneClock('UTC'));
    for (const [instant, holds] of [
      ['2026-01-02T19:59Z', false],
      ['2026-01-02T20:00Z', true],
      ['2026-01-03T05:59Z', true],
      ['2026-01-03T06:00Z', false],
      ['2026-01-03T21:00Z', false],
      ['2026-01-05T05:00Z', true],
      ['2026-01-06T05:00Z', false],
    ] as const)
      assert.equal(schedule.rowAt(at(instant)) !== undefined, holds, instant);
    const day = new WeekSchedule([row('07:00', '07:00', ['mon'])], new ZoneClock('UTC'));
    assert.deepEqual(
      ['2026-01-05T06:59Z', '2026-01-05T07:00Z', '2026-01-06T06:59Z', '2026-01-06T07:00Z'].map((text) => day.rowAt(at(text)) !== undefined),
      [false, true, true, false],
    );
  });

  it('never changes when it always or never holds', () => {
    assert.equal(new WeekSchedule([row('00:00', '24:00')], new ZoneClock('Europe/Berlin')).nextChange(0), undefined);
    assert.equal(new WeekSchedule([], new ZoneClock('Europe/Berlin')).nextChange(0), undefined);
  });
});

describe('overlapping rows', () => {
  it('are found with the day and the minute at which they meet; the first one holds there', () => {
    const rows = [row('07:00', '19:00', ['mon']), row('22:00', '08:00', ['sun'])];
    assert.deepEqual(firstOverlap(rows), { rows: [0, 1], day: 'mon', minute: 7 * 60 });
    assert.equal(new WeekSchedule(rows, new ZoneClock('UTC')).rowAt(at('2026-01-05T07:30Z')), rows[0]);
    assert.equal(new WeekSchedule(rows, new ZoneClock('UTC')).rowAt(at('2026-01-05T06:30Z')), rows[1]);
  });
  it('that only touch do not overlap', () => {
    assert.equal(firstOverlap([row('07:00', '19:00'), row('19:00', '07:00')]), undefined);
  });
});
