// Part e: how long a modality waits for the answer to a C-STORE, from its first byte, with eight associations at work; the same sender against both programs.
import { readFile } from 'node:fs/promises';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import { quietDisk } from './bench-processes.ts';
import type { BenchFile } from './make-files.ts';
import { startReceiverAlone, startStorescp, type Target } from './peers.ts';

export interface ResponseTimes {
  readonly program: string;
  readonly operations: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
const SUCCESS = 0;

export async function measureResponseTimes(plan: { folder: string; groups: BenchFile[][]; rounds: number }): Promise<ResponseTimes[]> {
  const programs: [string, () => Promise<Target>][] = [
    ['storescp', () => startStorescp(plan.folder)],
    ['causeway receiver', () => startReceiverAlone(plan.folder)],
  ];
  const found = new Map<string, number[]>();
  for (let round = 0; round < plan.rounds; round++) {
    for (const [name, startTarget] of programs) {
      await quietDisk(plan.folder);
      found.set(name, [...(found.get(name) ?? []), ...(await timesAgainst(startTarget, plan.groups))]);
    }
    programs.reverse();
  }
  return [...found].map(([program, times]) => ({ program, operations: times.length, ...quantiles(times) }));
}

async function timesAgainst(startTarget: () => Promise<Target>, groups: BenchFile[][]): Promise<number[]> {
  const target = await startTarget();
  try {
    await Promise.all(groups.map((files) => sendTimed(files, target.dicomPort)));
    return (await Promise.all(groups.map((files) => sendTimed(files, target.dicomPort)))).flat();
  } finally {
    await target.stop();
  }
}

async function sendTimed(files: BenchFile[], port: number): Promise<number[]> {
  const association = await associate({
    host: '127.0.0.1',
    port,
    callingAe: 'BENCH',
    calledAe: 'GATEWAY',
    contexts: [{ id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: [EXPLICIT_VR_LITTLE_ENDIAN] }],
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    timeouts: { connectMs: 10_000, associateMs: 10_000, responseMs: 60_000 },
  });
  const times: number[] = [];
  for (const { path, sopInstanceUid } of files) {
    const file = await readFile(path);
    const dataSet = file.subarray(parseFileMeta(file)!.dataSetOffset);
    const began = performance.now();
    const { status } = await association.store({ contextId: 1, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid, dataSet: once(dataSet) });
    if (status !== SUCCESS) throw new Error(`status ${status.toString(16)} for a file of the benchmark`);
    times.push(performance.now() - began);
  }
  await association.release();
  return times;
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

function quantiles(times: number[]): { medianMs: number; p99Ms: number } {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!;
  return { medianMs: at(0.5), p99Ms: at(0.99) };
}
