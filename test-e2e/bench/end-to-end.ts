// Part b: from the first byte sent until the archive has every instance; ours against Orthanc forwarding by its DICOMweb plugin.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { startGateway } from '../src/gateway-under-test.ts';
import { median } from './bench-processes.ts';
import { type SinkAddress, startArchiveSink, untilArrivedAt } from './discarding-sinks.ts';
import type { BenchFile } from './make-files.ts';
import { startOrthanc } from './peers.ts';
import { sendByStorescu } from './send-files.ts';

export interface EndToEndPlan {
  readonly folder: string;
  /** An association sends one group. */
  readonly groups: BenchFile[][];
  readonly warmUp: BenchFile[][];
  readonly rounds: number;
}

export interface EndToEndRow {
  readonly compression: 'off' | 'on';
  /** Instances a second, median over the rounds, by program. */
  readonly rates: Record<string, number>;
  readonly rounds: Record<string, number[]>;
}

export async function measureEndToEnd(plan: EndToEndPlan): Promise<EndToEndRow[]> {
  return [await measureWith(plan, 'off'), await measureWith(plan, 'on')];
}

async function measureWith(plan: EndToEndPlan, compression: EndToEndRow['compression']): Promise<EndToEndRow> {
  const rounds: Record<string, number[]> = {};
  const compressed = compression === 'on';
  const candidates: [string, () => Promise<number>][] = [
    ['causeway gateway', () => throughCauseway(plan, compressed)],
    ['orthanc, per instance', () => throughOrthanc(plan, { each: 'instance', compressed })],
    ['orthanc, per stable study', () => throughOrthanc(plan, { each: 'stable-study', compressed })],
  ];
  for (let round = 0; round < plan.rounds; round++) {
    for (const [name, measure] of candidates) rounds[name] = [...(rounds[name] ?? []), await measure()];
    candidates.reverse();
  }
  return { compression, rounds, rates: Object.fromEntries(Object.entries(rounds).map(([name, rates]) => [name, median(rates)])) };
}

async function throughCauseway(plan: EndToEndPlan, compressed: boolean): Promise<number> {
  const { folder } = plan;
  const archive = await startArchive();
  const dataFolder = join(folder, 'gateway-data');
  const gateway = await startGateway({ dataFolder, config: documentFor(archive.url, compressed) });
  try {
    return await timed(plan, archive, gateway.ports.dicom);
  } finally {
    await gateway.stop();
    await archive.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function throughOrthanc(plan: EndToEndPlan, how: { each: 'instance' | 'stable-study'; compressed: boolean }): Promise<number> {
  const { folder } = plan;
  const archive = await startArchive();
  const orthanc = await startOrthanc(folder, { archiveUrl: archive.url, ...how });
  try {
    return await timed(plan, archive, orthanc.dicomPort);
  } finally {
    await orthanc.stop();
    await archive.stop();
  }
}

interface Archive extends SinkAddress {
  readonly url: string;
  stop(): Promise<void>;
}

/** The same for both, and fast: what it is sent it reads and forgets. */
async function startArchive(): Promise<Archive> {
  const address = { host: '127.0.0.1', port: await freePort() };
  return { ...address, ...(await startArchiveSink(address, [])), url: `http://127.0.0.1:${address.port}/dicom-web` };
}

export function documentFor(archiveUrl: string, compressed: boolean): object {
  const images = compressed ? 'compressed' : 'as-received';
  return {
    facilities: [{ id: 'main', name: 'Main', model: 'standard', match: [{}], destinations: ['archive'] }],
    destinations: [{ id: 'archive', kind: 'stow', url: archiveUrl, images }],
    // biome-ignore lint/suspicious/noThenProperty: the gateway document's word
    compression: compressed ? [{ when: {}, then: { syntax: 'htj2k-lossless' } }] : [],
  };
}

/** Rate of the groups, after the warm-up has gone the same way. */
async function timed({ groups, warmUp, folder }: EndToEndPlan, archive: Archive, dicomPort: number): Promise<number> {
  const to = { host: '127.0.0.1', port: dicomPort };
  await sendByStorescu(warmUp, to, folder);
  await untilArrivedAt(archive, warmUp.flat().length);
  const began = performance.now();
  await sendByStorescu(groups, to, folder);
  await untilArrivedAt(archive, warmUp.flat().length + groups.flat().length);
  return groups.flat().length / ((performance.now() - began) / 1_000);
}
