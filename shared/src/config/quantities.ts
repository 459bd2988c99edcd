// Quantities as people write them (30s, 20MiB, 50Mbit/s, max(1GiB, 5%), 07:30) and as services count them (ms, bytes, bit/s, minutes).
import { z } from 'zod';

const SECOND = 1000;
const DAY = 86_400 * SECOND;
/** y is 365 days: durations bound ages, they are no calendar. */
const DURATION_UNITS: Record<string, number> = { ms: 1, s: SECOND, m: 60 * SECOND, h: 3600 * SECOND, d: DAY, y: 365 * DAY };
const SIZE_UNITS: Record<string, number> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};
const RATE_UNITS: Record<string, number> = { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9 };

const DURATION_HELP = 'must be a duration: a number and a unit ms, s, m, h, d or y, for example 30s';
const SIZE_HELP = 'must be a size: a number and a unit B, KiB, MiB, GiB, TiB (or kB, MB, GB, TB), for example 20MiB';
const RATE_HELP = 'must be a rate: a number and a unit bit/s, kbit/s, Mbit/s or Gbit/s, for example 20Mbit/s';
const WATERMARK_HELP = 'must be a size, a percentage of the volume or both, for example 1GiB, 5% or max(1GiB, 5%)';
const TIME_HELP = 'must be a time of day from "00:00" to "24:00", in quotes, for example "07:30"';

/** Free space below which work is refused: the larger of `bytes` and `percent` of the volume. */
export interface Watermark {
  readonly bytes: number;
  readonly percent: number;
}

/** A duration in ms. `min`, `max`: bounds, as durations. */
export const duration = (min = '1ms', max = '100y') => bounded({ units: DURATION_UNITS, help: DURATION_HELP }, min, max);
/** A size in bytes. */
export const size = (min = '1B', max = '1000TiB') => bounded({ units: SIZE_UNITS, help: SIZE_HELP }, min, max);
/** A rate in bit/s. */
export const rate = () => bounded({ units: RATE_UNITS, help: RATE_HELP }, '1kbit/s', '1000Gbit/s');

/** `1GiB`, `5%` or `max(1GiB, 5%)`. */
export const watermark = () =>
  z.unknown().transform((value, context): Watermark => {
    const parsed = typeof value === 'string' ? readWatermark(value.trim()) : undefined;
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: WATERMARK_HELP });
    return z.NEVER;
  });

/** A time of day as minutes since midnight, 0 to 1440. */
export const timeOfDay = () =>
  z.unknown().transform((value, context): number => {
    const parts = typeof value === 'string' ? /^(\d{2}):([0-5]\d)$/.exec(value) : null;
    const minutes = parts === null ? Number.NaN : Number(parts[1]) * 60 + Number(parts[2]);
    if (minutes <= 1440) return minutes;
    context.addIssue({ code: 'custom', message: TIME_HELP });
    return z.NEVER;
  });

interface Measure {
  readonly units: Record<string, number>;
  readonly help: string;
}

function bounded(measure: Measure, min: string, max: string) {
  const [least, most] = [inUnits(min, measure.units)!, inUnits(max, measure.units)!];
  return z.unknown().transform((value, context): number => {
    const amount = typeof value === 'string' ? inUnits(value.trim(), measure.units) : undefined;
    if (amount === undefined) context.addIssue({ code: 'custom', message: measure.help });
    else if (amount < least || amount > most) context.addIssue({ code: 'custom', message: `must be from ${min} to ${max}` });
    return amount ?? z.NEVER;
  });
}

function inUnits(text: string, units: Record<string, number>): number | undefined {
  const parts = /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z/]{1,6})$/.exec(text);
  if (parts === null || !Object.hasOwn(units, parts[2]!)) return undefined;
  return Math.round(Number(parts[1]) * units[parts[2]!]!);
}

function readWatermark(text: string): Watermark | undefined {
  const inner = /^max\((.+)\)$/.exec(text)?.[1] ?? text;
  let [bytes, percent] = [0, 0];
  for (const part of inner.split(',').map((piece) => piece.trim())) {
    const share = /^(\d{1,2}(?:\.\d{1,3})?)%$/.exec(part);
    const amount = share === null ? inUnits(part, SIZE_UNITS) : Number(share[1]);
    if (amount === undefined) return undefined;
    if (share === null) bytes = Math.max(bytes, amount);
    else percent = Math.max(percent, amount);
  }
  return { bytes, percent };
}
