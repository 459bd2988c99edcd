// Parts f and g: how fast the uploader empties its queue, beside storescu with the same files over the same line.
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bus } from '@causeway/shared/bus/bus';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { freePort, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import type { Instance } from '@causeway/shared/events/instance';
import { createLogger } from '@causeway/shared/logger';
import { NODE_ENVIRONMENT, NODE_FLAGS } from '../../deploy/standalone/src/node-runtime.ts';
import { median, quietDisk, type Running, start } from './bench-processes.ts';
import { startArchiveSink, startStorescpSink } from './discarding-sinks.ts';
import type { BenchFile } from './make-files.ts';
import { queueDeliveries, storeFiles } from './queued-deliveries.ts';
import { sendByStorescu } from './send-files.ts';
import { openWanLink, type WanLine } from './wan-link.ts';

export interface ForwardingPlan {
  readonly folder: string;
  readonly groups: BenchFile[][];
  readonly rounds: number;
  /** Associations, or requests, at a time. */
  readonly concurrency: readonly number[];
  /** Absent: loopback. */
  readonly line?: WanLine;
}

export interface ForwardingRow {
  readonly line: string;
  readonly concurrency: number;
  readonly bytes: number;
  readonly instances: number;
  /** Instances a second, from when the work is there until the last has arrived; median over the rounds, by program. */
  readonly rates: Record<string, number>;
  readonly rounds: Record<string, number[]>;
}

const CALLED_AE = 'SINK';

export async function measureForwarding(plan: ForwardingPlan): Promise<ForwardingRow[]> {
  const link = plan.line === undefined ? undefined : await openWanLink(plan.line);
  const far = { host: link?.host ?? '127.0.0.1', prefix: link?.atFarEnd ?? [] };
  const [dicomPort, httpPort] = [await freePort(), await freePort()];
  const storescp = await startStorescpSink({ host: far.host, port: dicomPort }, far.prefix);
  const archive = await startArchiveSink({ host: far.host, port: httpPort }, far.prefix);
  try {
    return await withUploader(plan, { ...far, dicomPort, httpPort });
  } finally {
    await archive.stop();
    await storescp.stop();
    await link?.stop();
  }
}

interface Sinks {
  readonly host: string;
  readonly dicomPort: number;
  readonly httpPort: number;
}

interface Ready {
  readonly plan: ForwardingPlan;
  readonly sinks: Sinks;
  readonly bus: Bus;
  readonly instances: Instance[];
  readonly uploader: Running;
}

async function withUploader(plan: ForwardingPlan, sinks: Sinks): Promise<ForwardingRow[]> {
  const data = await mkdtemp(join(plan.folder, 'uploader-'));
  await mkdir(join(data, 'nats'));
  const nats = await startNatsServer({ folder: join(data, 'nats') });
  const bus = await connectBus({
    ...{ name: 'bench', url: nats.url, log: createLogger('bench', 'error') },
    sizing: { replicas: 1, totalBytes: 4e9 },
  });
  const instances = await storeFiles(join(data, 'objects'), plan.groups.flat());
  await publishGatewayDocument(bus, 1, documentFor(plan, sinks));
  const uploader = start({
    command: process.execPath,
    args: [...NODE_FLAGS, join(import.meta.dirname, '../../services/uploader/src/main.ts')],
    env: { CAUSEWAY_NATS_URL: nats.url, CAUSEWAY_OBJECT_STORE: `folder:${join(data, 'objects')}`, ...definite(NODE_ENVIRONMENT) },
    ...{ logFolder: plan.folder, name: 'uploader' },
  });
  try {
    const rows: ForwardingRow[] = [];
    for (const concurrency of plan.concurrency) rows.push(await measureAt(concurrency, { plan, sinks, bus, instances, uploader }));
    return rows;
  } finally {
    await uploader.stop();
    await bus.close();
    await nats.stop();
  }
}

const definite = (environment: NodeJS.ProcessEnv): Record<string, string> =>
  Object.fromEntries(Object.entries(environment).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));

/** A destination of each kind for each concurrency. */
function documentFor({ concurrency }: ForwardingPlan, { host, dicomPort, httpPort }: Sinks): object {
  const destinations = concurrency.flatMap((n) => [
    { id: `dimse-${n}`, kind: 'dimse', host, port: dicomPort, calledAe: CALLED_AE, concurrency: n },
    { id: `stow-${n}`, kind: 'stow', url: `http://${host}:${httpPort}/dicom-web`, concurrency: n },
  ]);
  return { facilities: [{ id: 'main', model: 'standard', match: [{}], destinations: destinations.map(({ id }) => id) }], destinations };
}

async function measureAt(concurrency: number, ready: Ready): Promise<ForwardingRow> {
  const { plan, sinks, instances } = ready;
  const groups = plan.groups.slice(0, concurrency);
  const share = { ...ready, instances: instances.slice(0, groups.flat().length) };
  const candidates: [string, (round: number) => Promise<number>][] = [
    ['storescu', () => byStorescu(groups, sinks, plan.folder)],
    ['uploader, DIMSE', (round) => byUploader(share, { destination: `dimse-${concurrency}`, round })],
    ['uploader, STOW', (round) => byUploader(share, { destination: `stow-${concurrency}`, round })],
  ];
  const rounds: Record<string, number[]> = {};
  // Round 0 warms up.
  for (let round = 0; round <= plan.rounds; round++) {
    for (const [name, measure] of candidates) {
      await quietDisk(plan.folder);
      const rate = await measure(round);
      if (round > 0) rounds[name] = [...(rounds[name] ?? []), rate];
    }
    candidates.reverse();
  }
  const bytes = share.instances.reduce((sum, { size }) => sum + size, 0);
  const rates = Object.fromEntries(Object.entries(rounds).map(([name, found]) => [name, median(found)]));
  return { line: nameOf(plan.line), concurrency, bytes, instances: share.instances.length, rates, rounds };
}

async function byStorescu(groups: BenchFile[][], { host, dicomPort }: Sinks, logFolder: string): Promise<number> {
  return await sendByStorescu(groups, { host, port: dicomPort }, logFolder);
}

/** From when all of it is queued, as storescu has all of its files, until every one is confirmed and none is queued any more. The uploader stands still meanwhile. */
async function byUploader(ready: Ready, to: { destination: string; round: number }): Promise<number> {
  const { bus, instances, uploader } = ready;
  process.kill(uploader.pid, 'SIGSTOP');
  await queueDeliveries(bus, instances, to).finally(() => process.kill(uploader.pid, 'SIGCONT'));
  const began = performance.now();
  while ((await bus.queued('DELIVERIES', 'delivery.due.>')) > 0) await pause(10);
  return instances.length / ((performance.now() - began) / 1_000);
}

const nameOf = (line: WanLine | undefined): string =>
  line === undefined ? 'loopback' : `${line.rttMs} ms, ${line.mbitPerSecond} Mbit/s, ${line.lossPercent} % loss`;

/** Of the line's rate, the part that carried instances. */
export const linkUse = ({ bytes, instances }: ForwardingRow, rate: number, mbitPerSecond: number): number =>
  (rate * (bytes / instances) * 8) / (mbitPerSecond * 1e6);
