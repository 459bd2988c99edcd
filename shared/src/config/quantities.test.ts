// Quantities: what people write becomes what services count, and nothing else is taken.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { z } from 'zod';
import { duration, rate, size, timeOfDay, watermark } from './quantities.ts';

const rightOnes: [string, z.ZodType, unknown, unknown][] = [
  ['500ms', duration(), '500ms', 500],
  ['30s', duration(), '30s', 30_000],
  ['1.5s', duration(), '1.5s', 1500],
  ['5m', duration(), '5m', 300_000],
  ['4h', duration(), '4h', 14_400_000],
  ['7d', duration(), '7d', 604_800_000],
  ['5y is five times 365 days', duration(), '5y', 5 * 365 * 86_400_000],
  ['64KiB', size(), '64KiB', 65_536],
  ['20MiB', size(), '20MiB', 20_971_520],
  ['2GiB', size(), '2GiB', 2_147_483_648],
  ['1 GB with a space, decimal', size(), '1 GB', 1e9],
  ['20Mbit/s', rate(), '20Mbit/s', 20_000_000],
  ['1.5Gbit/s', rate(), '1.5Gbit/s', 1_500_000_000],
  ['a size as watermark', watermark(), '1GiB', { bytes: 1_073_741_824, percent: 0 }],
  ['a share as watermark', watermark(), '5%', { bytes: 0, percent: 5 }],
  ['both as watermark', watermark(), 'max(1GiB, 5%)', { bytes: 1_073_741_824, percent: 5 }],
  ['midnight', timeOfDay(), '00:00', 0],
  ['half past seven', timeOfDay(), '07:30', 450],
  ['the end of the day', timeOfDay(), '24:00', 1440],
];

const wrongOnes: [string, z.ZodType, unknown][] = [
  ['a number without unit', duration(), 30],
  ['a duration with a unit of sizes', duration(), '30MiB'],
  ['a duration in capitals', duration(), '30S'],
  ['a negative duration', duration(), '-5s'],
  ['an empty duration', duration(), ''],
  ['the name of an inherited property as unit', duration(), '1valueOf'],
  ['a duration below its least', duration('1s'), '999ms'],
  ['a duration above its most', duration('1s', '1h'), '61m'],
  ['zero where the least is 1 ms', duration(), '0s'],
  ['bits for bytes', size(), '20Mbit/s'],
  ['bytes per second', rate(), '20MB/s'],
  ['a share of 100 %', watermark(), '100%'],
  ['a watermark of three words', watermark(), 'max(1GiB; 5%)'],
  ['25 o’clock', timeOfDay(), '25:00'],
  ['24:01', timeOfDay(), '24:01'],
  ['the sixtieth minute', timeOfDay(), '07:60'],
  ['a time as number', timeOfDay(), 730],
];

describe('quantities', () => {
  for (const [title, schema, written, counted] of rightOnes) it(`takes ${title}`, () => assert.deepEqual(schema.parse(written), counted));
  for (const [title, schema, written] of wrongOnes)
    it(`refuses ${title} and says what is allowed`, () => {
      const result = schema.safeParse(written);
      assert.equal(result.success, false);
      assert.match(result.error!.issues[0]!.message, /^must be /);
    });
});
