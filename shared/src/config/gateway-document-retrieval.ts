// The way back: sources that studies are fetched from, the query front, commitment answers and notifications.
import { z } from 'zod';
import {
  aeTitle,
  attribute,
  auth,
  clientTls,
  count,
  host,
  id,
  list,
  name,
  network,
  oneOrMore,
  port,
  proxyAuth,
  secret,
  section,
  text,
  url,
} from './gateway-document-fields.ts';
import { duration, size } from './quantities.ts';

const PRIOR_ORDER = ['exact-description', 'source-terms', 'matching-terms', 'same-region', 'unmatched'] as const;

const priors = section({
  max: count(0, 100).default(3),
  order: list(z.enum(PRIOR_ORDER), PRIOR_ORDER.length)
    .min(1)
    .default([...PRIOR_ORDER]),
  within: duration().prefault('5y'),
  unmatched: section({ max: count(0, 100).default(1), within: duration().prefault('1y') }).prefault({}),
  terms: list(section({ source: oneOrMore(text(64).min(1)), matching: oneOrMore(text(64).min(1)) })).default([]),
});

const source = section({
  id: id(),
  url: url(),
  auth: auth(),
  tls: clientTls().optional(),
  proxy: url().optional(),
  proxyAuth: proxyAuth().optional(),
  /** Absent: on demand only. `filter`: QIDO-RS matching keys. `window`: how far back study dates are asked for. */
  poll: section({
    every: duration('1s', '1d').prefault('30s'),
    filter: z.record(attribute(), text(256)).default({}),
    window: duration().prefault('2d'),
  }).optional(),
  destinations: list(id(), 64).default([]),
  /** Absent: no priors. */
  priors: priors.optional(),
});

const front = section({
  aeTitle: aeTitle(),
  port: port(),
  moveDestinations: z.record(aeTitle(), section({ host: host(), port: port() })).default({}),
  callers: list(section({ callingAe: aeTitle().optional(), network: network().optional() })).min(1, {
    error: 'must name who may query, row by row; {} is anyone',
  }),
});

export const retrieval = section({
  sources: list(source, 64).default([]),
  cache: section({ keep: duration().prefault('4h'), size: size('1MiB').prefault('100GiB') }).prefault({}),
  front: front.optional(),
}).prefault({});

export const commitment = list(
  section({
    callingAe: aeTitle(),
    host: host(),
    port: port(),
    after: z.enum(['custody', 'delivered']).default('delivered'),
    deadline: duration('1s', '365d').prefault('24h'),
  }),
).default([]);

const on = list(z.enum(['held', 'failed', 'oldest-undelivered', 'storage'])).min(1);
const smtp = section({
  host: host(),
  port: port().default(587),
  /** `start`: STARTTLS demanded; `implicit`: TLS from the first byte; `none`: plain. */
  tls: z.enum(['start', 'implicit', 'none']).default('start'),
  username: name().optional(),
  password: secret().optional(),
}).refine((value) => (value.username === undefined) === (value.password === undefined), {
  error: 'must have username and password together, or neither',
});

export const notifications = list(
  z.discriminatedUnion(
    'kind',
    [
      section({ kind: z.literal('webhook'), url: url(), on }),
      section({ kind: z.literal('email'), smtp, from: text(254).min(3), to: oneOrMore(text(254).min(3)), on }),
    ],
    { error: 'must have a kind: webhook or email' },
  ),
  64,
).default([]);
