// How the gateway is called: its names, listeners, negotiation, limits and admission.
import { z } from 'zod';
import {
  aeTitle,
  aeTitleOrAny,
  count,
  DEFAULT_TLS_PORT,
  id,
  list,
  network,
  port,
  secret,
  section,
  text,
  tlsSubject,
} from './gateway-document-fields.ts';
import { duration, watermark } from './quantities.ts';
import { sopClassName } from './sop-class-groups.ts';

const caller = section({
  callingAe: aeTitle().optional(),
  network: network().optional(),
  tlsSubject: tlsSubject().optional(),
  user: text(64).min(1).optional(),
});

const timeZone = z
  .string()
  .refine(isTimeZone, { error: 'must be a time zone of the IANA list, for example Europe/Berlin' })
  .default(() => Intl.DateTimeFormat().resolvedOptions().timeZone);

export const gateway = section({
  aeTitle: aeTitle().default('CAUSEWAY'),
  calledAeTitles: list(aeTitleOrAny()).default(['GATEWAY']),
  callers: list(caller).min(1).default([{}]),
  timeZone,
  settleAfter: duration('1s', '1d').prefault('2m'),
}).prefault({});

const serverTls = section({
  cert: secret(),
  key: secret(),
  clientCa: secret().optional(),
  clientCert: z.enum(['required', 'optional', 'none']).default('none'),
}).refine((tls) => tls.clientCert === 'none' || tls.clientCa !== undefined, {
  error: 'must have clientCa when clientCert is required or optional: client certificates are checked against it',
});

/** An empty list: one plain listener on the port of the environment. A plain one without a port listens there too. */
const listener = section({
  id: id(),
  port: port().optional(),
  tls: serverTls.optional(),
  proxyProtocol: z.boolean().default(false),
}).transform((written) => ({ ...written, port: written.port ?? (written.tls === undefined ? undefined : DEFAULT_TLS_PORT) }));

export const listeners = list(listener, 64).default([]);

const syntaxPreference = list(z.enum(['explicit-little', 'implicit-little', 'lossless', 'as-proposed']), 4).min(1);

export const negotiation = section({
  prefer: syntaxPreference.default(['explicit-little', 'implicit-little', 'lossless', 'as-proposed']),
  bySopClass: list(section({ sopClass: list(sopClassName()).min(1), prefer: syntaxPreference })).prefault([
    { sopClass: ['ultrasound-multiframe', 'xa', 'whole-slide', 'video'], prefer: ['as-proposed'] },
  ]),
  sopClasses: list(sopClassName()).min(1).optional(),
  callers: list(
    section({
      callingAe: aeTitle(),
      prefer: syntaxPreference.optional(),
      maxPduBytes: count(4096, 16 * 1024 ** 2).optional(),
      idle: duration('1s', '7d').optional(),
      tolerate: list(z.enum(['uid-padding', 'group2-in-dataset', 'uid-mismatch'])).default([]),
    }),
  ).default([]),
}).prefault({});

export const limits = section({
  associations: count(1, 10_000).default(200),
  associationsPerSource: count(1, 10_000).default(50),
  maxPduBytes: count(4096, 16 * 1024 ** 2).default(131_072),
  idle: duration('1s', '7d').prefault('10m'),
  artim: duration('1s', '10m').prefault('30s'),
  custody: duration('100ms', '10m').prefault('15s'),
}).prefault({});

export const admission = section({
  freeSpaceBelow: watermark().prefault('max(1GiB, 5%)'),
  backlogAbove: count(1, 1_000_000).default(500_000),
  storeLatencyAbove: duration('10ms', '10m').prefault('10s'),
}).prefault({});

function isTimeZone(value: string): boolean {
  try {
    return Intl.DateTimeFormat('en', { timeZone: value }) !== undefined;
  } catch {
    return false;
  }
}
