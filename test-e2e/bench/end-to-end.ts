// Part b: from the first byte sent until the archive has every instance; ours against Orthanc forwarding by its DICOMweb plugin.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { untilArrived } from '../src/arrivals.ts';
import { startGateway } from '../src/gateway-under-test.ts';
import { median, type Running, start, untilListening } from './bench-processes.ts';
import type { BenchFile } from './make-files.ts';
import { startOrthanc } from './peers.ts';
import { sendByStorescu } from './send-files.ts';

export interface EndToEndPlan {
  readonly folder: string;
  /** An association sends one group. */
  readonly groups: BenchFile[][];
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

async function throughCauseway({ groups, folder }: EndToEndPlan, compressed: boolean): Promise<number> {
  const archive = await startArchive(folder);
  const dataFolder = join(folder, 'gateway-data');
  const gateway = await startGateway({ dataFolder, config: documentFor(archive.url, compressed) });
  try {
    return await timed({ groups, folder, archiveUrl: archive.url, dicomPort: gateway.ports.dicom });
  } finally {
    await gateway.stop();
    await archive.stop();
    await rm(dataFolder, { recursive: true, force: true });
  }
}

async function throughOrthanc(
  { groups, folder }: EndToEndPlan,
  how: { each: 'instance' | 'stable-study'; compressed: boolean },
): Promise<number> {
  const archive = await startArchive(folder);
  const orthanc = await startOrthanc(folder, { archiveUrl: archive.url, ...how });
  try {
    return await timed({ groups, folder, archiveUrl: archive.url, dicomPort: orthanc.dicomPort });
  } finally {
    await orthanc.stop();
    await archive.stop();
  }
}

/** The same for both: the sandbox archive on its own, with an empty folder on the same disk. */
async function startArchive(folder: string): Promise<Running & { url: string }> {
  const [port, storage] = [await freePort(), join(folder, 'archive')];
  await rm(storage, { recursive: true, force: true });
  const archive = start({
    command: process.execPath,
    args: [join(import.meta.dirname, '../../deploy/standalone/src/sandbox/main.ts')],
    env: { CAUSEWAY_SANDBOX_DIR: storage, CAUSEWAY_SANDBOX_HOST: '127.0.0.1', CAUSEWAY_SANDBOX_PORT: String(port) },
    logFolder: folder,
    name: 'archive',
  });
  await untilListening(port);
  return { ...archive, url: `http://127.0.0.1:${port}/dicom-web` };
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

async function timed(way: { groups: BenchFile[][]; folder: string; archiveUrl: string; dicomPort: number }): Promise<number> {
  const uids = way.groups.flat().map(({ sopInstanceUid }) => sopInstanceUid);
  const began = performance.now();
  await sendByStorescu(way.groups, { host: '127.0.0.1', port: way.dicomPort }, way.folder);
  await untilArrived(way.archiveUrl, uids, 600_000);
  return uids.length / ((performance.now() - began) / 1_000);
}
