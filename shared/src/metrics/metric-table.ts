// Every metric of every service. docs/METRICS.md is compared with it, and nothing else can be registered (instruments.ts).
// Names follow OpenTelemetry's semantic conventions where those have one (process, nodejs, v8js, messaging, db); all others begin with `causeway.`.
// On /metrics dots become underscores, and counters end with `_total`; units are not part of names.
import { CONNECTIONS } from './connection-metrics.ts';
import { LEDGER, WORK } from './ledger-metrics.ts';
import type { MetricDefinition } from './metric-definition.ts';
import { PROCESS } from './process-metrics.ts';
import { COMPRESSOR, RECEIVER, ROUTER } from './receiving-metrics.ts';
import { RETRIEVER, UPLOADER } from './sending-metrics.ts';

/** By who tells them. */
export const METRIC_GROUPS = { PROCESS, CONNECTIONS, RECEIVER, COMPRESSOR, ROUTER, UPLOADER, RETRIEVER, LEDGER, WORK } as const;

export const METRICS = {
  ...PROCESS,
  ...CONNECTIONS,
  ...RECEIVER,
  ...COMPRESSOR,
  ...ROUTER,
  ...UPLOADER,
  ...RETRIEVER,
  ...LEDGER,
  ...WORK,
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof METRICS;

/** As Prometheus has it; a histogram has `_bucket`, `_sum` and `_count` behind it. */
export function prometheusName(name: MetricName): string {
  const { kind } = METRICS[name];
  return `${name.replaceAll('.', '_')}${kind === 'counter' || kind === 'observed-counter' ? '_total' : ''}`;
}
