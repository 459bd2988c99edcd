// Destinations: where deliveries go, and how fast, when and how surely.
import { z } from 'zod';
import { aeTitle, auth, clientTls, count, host, id, list, port, proxyAuth, section, url } from './gateway-document-fields.ts';
import { duration, rate, size, timeOfDay } from './quantities.ts';

export const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof WEEKDAYS)[number];

/**
 * Part of the week in gateway.timeZone. `from`, `to`: minutes since midnight, `to` excluded; `from` after `to` runs over midnight
 * (the day is that of `from`).
 */
const period = {
  from: timeOfDay().prefault('00:00'),
  to: timeOfDay().prefault('24:00'),
  days: list(z.enum(WEEKDAYS), 7)
    .min(1)
    .default([...WEEKDAYS]),
};

const retry = section({
  first: duration('100ms', '1d').prefault('5s'),
  factor: z.number().min(1).max(10).default(2),
  max: duration('1s', '7d').prefault('10m'),
  giveUpAfter: duration('1s').prefault('7d'),
})
  .refine((value) => value.first <= value.max, { error: 'must have first no longer than max' })
  .prefault({});

const timeouts = { connect: duration('100ms', '10m').prefault('10s'), idle: duration('1s', '1h').prefault('60s') };

const shared = {
  id: id(),
  tls: clientTls().optional(),
  images: z.enum(['as-received', 'compressed', 'uncompressed']).default('compressed'),
  concurrency: count(1, 256).default(4),
  batch: section({ instances: count(1, 10_000).default(50), size: size('1KiB', '10GiB').prefault('32MiB') }).prefault({}),
  bandwidth: list(section({ ...period, rate: rate() }), 100).default([]),
  window: list(section(period), 100).default([]),
  timeouts: section(timeouts).prefault({}),
  retry,
  queued: count(1, 5_000_000).default(200_000),
};

const stow = section({
  ...shared,
  kind: z.literal('stow'),
  url: url(),
  auth: auth(),
  proxy: url().optional(),
  proxyAuth: proxyAuth().optional(),
  implicitVr: z.enum(['send', 'convert']).default('send'),
  confirm: z.enum(['response', 'qido']).default('response'),
});

const dimse = section({
  ...shared,
  kind: z.literal('dimse'),
  host: host(),
  port: port(),
  calledAe: aeTitle(),
  /** A title, or where to take it from. Not given: gateway.aeTitle, filled in when the document is parsed. */
  callingAe: z
    .union([z.literal(['facility', 'as-received']), aeTitle()], { error: 'must be facility, as-received or an AE title' })
    .optional(),
  confirm: z.enum(['response', 'storage-commitment']).default('response'),
  timeouts: section({ ...timeouts, commitment: duration('1s', '1d').prefault('1h') }).prefault({}),
});

export const destinations = list(z.discriminatedUnion('kind', [stow, dimse], { error: 'must have a kind: stow or dimse' }), 1000).default(
  [],
);
