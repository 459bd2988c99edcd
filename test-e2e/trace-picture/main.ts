// `npm run trace:picture`: sends one study through a whole gateway while the archive fails once, and draws its traces from the spans collected: docs/trace.svg.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { untilArrived } from '../src/arrivals.ts';
import { ROOT } from '../src/gateway-under-test.ts';
import type { CollectedSpan } from '../src/otlp-trace.ts';
import { sendStudy, startTracedGateway } from '../src/traced-gateway.ts';
import { until } from '../src/wait-for-fact.ts';
import { drawTraces, type Picture } from './draw-traces.ts';

const INSTANCES = 3;

const traced = await startTracedGateway();
try {
  // The first study warms up what is compiled at its first use.
  const first = await sendStudy(traced.gateway.ports.dicom, { seed: 1, instances: INSTANCES });
  await untilArrived(traced.gateway.sandboxUrl, first.sopInstanceUids);
  await traced.orderFault({ mode: 'status', status: 503, times: 1 });
  const study = await sendStudy(traced.gateway.ports.dicom, { seed: 2, instances: INSTANCES });
  await untilArrived(traced.gateway.sandboxUrl, study.sopInstanceUids);
  const picture = await until('all spans of the study', () => pictureOf(traced.collector.spans));
  writeFileSync(join(ROOT, 'docs', 'trace.svg'), drawTraces(picture));
  console.log(picture.below);
} finally {
  await traced.stop();
}
process.exit(0);

/** Of the second association and all that links to it; undefined while something of it has not come. */
function pictureOf(spans: readonly CollectedSpan[]): Picture | undefined {
  const [, association] = spans.filter(({ name }) => name === 'A-ASSOCIATE').toSorted((one, other) => one.startMs - other.startMs);
  if (association === undefined) return undefined;
  const roots = spans.filter(({ name, links }) => name === 'C-STORE' && links.some(({ spanId }) => spanId === association.spanId));
  const traces = roots
    .toSorted((one, other) => one.startMs - other.startMs)
    .map(({ traceId }) => spans.filter((span) => span.traceId === traceId));
  const arrived = traces.filter((trace) => trace.some(({ name, failed }) => name === 'process DELIVERIES' && !failed));
  if (roots.length < INSTANCES || arrived.length < INSTANCES) return undefined;
  const ids = traces.map((trace) => trace[0]!.traceId);
  const batches = spans.filter(({ name, links }) => name === 'BATCH facts' && links.some(({ traceId }) => ids.includes(traceId)));
  if (batches.length === 0) return undefined;
  const count = traces.flat().length;
  return {
    title: `One study of ${INSTANCES} images; the archive fails once (503)`,
    below: `${count} spans in ${INSTANCES} traces, ${(count / INSTANCES).toFixed(1)} an image; 1 of the association, ${batches.length} of the ledger's batches, linked. Names are those of docs/OBSERVABILITY.md.`,
    traces: [
      { title: 'Association', spans: [association] },
      ...traces.map((trace, place) => ({ title: `Image ${place + 1}, trace ${trace[0]!.traceId}`, spans: trace })),
      { title: 'Ledger: batches of facts, one transaction each', spans: batches },
    ],
  };
}
