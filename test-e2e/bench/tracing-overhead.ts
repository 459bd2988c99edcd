// Part h: what traces cost. Two gateways, one with a collector, are sent the same files in turn; processor time of all their processes for each instance.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { startGateway } from '../src/gateway-under-test.ts';
import { startTraceCollector, type TraceCollector } from '../src/trace-collector.ts';
import { median } from './bench-processes.ts';
import { startArchiveSink, untilArrivedAt } from './discarding-sinks.ts';
import { documentFor } from './end-to-end.ts';
import { type BenchFile, makeFiles } from './make-files.ts';
import { processorMs } from './process-costs.ts';
import { sendByStorescu } from './send-files.ts';

export interface TracingPlan {
  readonly folder: string;
  /** For each measurement, sent over four associations. */
  readonly instances: number;
  readonly pairs: number;
}

export interface TracingRow {
  readonly compression: 'off' | 'on';
  /** Processor time for each instance, ms. */
  readonly pairs: { readonly off: number; readonly on: number }[];
  /** Median of on / off of each pair. */
  readonly ratio: number;
  readonly spansPerInstance: number;
  readonly bytesPerSpan: number;
}

/** Longer than the batches of the span exporter (5 s) and of the ledger wait: both gateways pay for as long a time at rest. */
const SETTLE_MS = 7_000;

export async function measureTracing(plan: TracingPlan): Promise<TracingRow[]> {
  return [await measureWith(plan, 'off'), await measureWith(plan, 'on')];
}

interface Candidate {
  /** Processor ms for each instance of these files, which it has not had before. */
  measure(groups: BenchFile[][]): Promise<number>;
  stop(): Promise<void>;
}

async function measureWith(plan: TracingPlan, compression: TracingRow['compression']): Promise<TracingRow> {
  const collector = await startTraceCollector();
  const off = await startCandidate(plan, { name: 'off', compression });
  const on = await startCandidate(plan, { name: 'on', compression, collector });
  try {
    // The first one warms up.
    const pairs: { off: number; on: number }[] = [];
    let spansBefore = 0;
    for (let pair = 0; pair <= plan.pairs; pair++) {
      const groups = await filesFor(plan, pair);
      const measured = await measurePair(pair % 2 === 1 ? [on, off] : [off, on], groups);
      if (pair === 0) spansBefore = collector.spans.length;
      else pairs.push({ off: measured.get(off)!, on: measured.get(on)! });
      await rm(join(plan.folder, 'traced-files'), { recursive: true });
    }
    const spans = collector.spans.length - spansBefore;
    return {
      ...{ compression, pairs },
      ratio: median(pairs.map(({ off: without, on: withTraces }) => withTraces / without)),
      spansPerInstance: spans / (plan.pairs * plan.instances),
      bytesPerSpan: collector.bodies.reduce((sum, { length }) => sum + length, 0) / collector.spans.length,
    };
  } finally {
    await Promise.all([off.stop(), on.stop()]);
    collector.stop();
  }
}

const ASSOCIATIONS = 4;

const filesFor = ({ folder, instances }: TracingPlan, pair: number): Promise<BenchFile[][]> =>
  makeFiles(join(folder, 'traced-files'), { studies: ASSOCIATIONS, instances: instances / ASSOCIATIONS, seed: 9_000 + pair });

async function measurePair(inTurn: readonly Candidate[], groups: BenchFile[][]): Promise<Map<Candidate, number>> {
  const measured = new Map<Candidate, number>();
  for (const candidate of inTurn) measured.set(candidate, await candidate.measure(groups));
  return measured;
}

async function startCandidate(
  { folder }: TracingPlan,
  { name, compression, collector }: { name: string; compression: string; collector?: TraceCollector },
): Promise<Candidate> {
  const address = { host: '127.0.0.1', port: await freePort() };
  const archive = await startArchiveSink(address, []);
  const gateway = await startGateway({
    dataFolder: join(folder, `traces-${compression}-${name}`),
    config: documentFor(`http://127.0.0.1:${address.port}/dicom-web`, compression === 'on'),
    env: collector === undefined ? { OTEL_EXPORTER_OTLP_ENDPOINT: undefined } : { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url },
  });
  // The sandbox archive has nothing to do here.
  const pids = [...gateway.pids()].flatMap(([program, pid]) => (program === 'sandbox' ? [] : [pid]));
  let arrived = 0;
  return {
    measure: async (groups) => {
      const sent = groups.flat().length;
      arrived += sent;
      const before = await processorMs(pids);
      await sendByStorescu(groups, { host: '127.0.0.1', port: gateway.ports.dicom }, folder);
      await untilArrivedAt(address, arrived);
      await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
      return ((await processorMs(pids)) - before) / sent;
    },
    stop: async () => {
      await gateway.stop();
      await archive.stop();
    },
  };
}
