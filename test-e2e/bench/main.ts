// npm run bench: Causeway beside storescp and Orthanc in one run, paired, medians. Starts and stops everything itself.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startGateway } from '../src/gateway-under-test.ts';
import { documentFor, measureEndToEnd } from './end-to-end.ts';
import { measureFootprint } from './footprint.ts';
import { measureForwarding } from './forwarding.ts';
import { measureGrowth } from './growth.ts';
import { footprintTable, growthLine, growthTable } from './growth-report.ts';
import { measureIngest } from './ingest.ts';
import { measureLargeObject } from './large-object.ts';
import { makeFiles } from './make-files.ts';
import { measureManyAssociations } from './many-associations.ts';
import type { Target } from './peers.ts';
import {
  type BenchResult,
  endToEndTable,
  forwardingTable,
  ingestTable,
  largeObjectTable,
  manyAssociationsLine,
  processorTable,
  responseTable,
  thisMachine,
  tracingTable,
  wanTable,
} from './report.ts';
import { measureResponseTimes } from './response-times.ts';
import { measureTracing } from './tracing-overhead.ts';
import type { WanLine } from './wan-link.ts';

const { values } = parseArgs({
  options: {
    parts: { type: 'string', default: 'abcdefghij' },
    rounds: { type: 'string', default: '5' },
    instances: { type: 'string', default: '100' },
    frames: { type: 'string', default: '4096' },
    associations: { type: 'string', default: '1,4,8,32' },
    replicas: { type: 'string', default: '1,2,4' },
    pairs: { type: 'string', default: '9' },
    folder: { type: 'string', default: 'bench-results' },
  },
});

/** Part g. Every line of it has the same rate. */
const WAN_LINES: readonly WanLine[] = [
  { rttMs: 80, mbitPerSecond: 100, lossPercent: 0 },
  { rttMs: 80, mbitPerSecond: 100, lossPercent: 0.1 },
];

const results = resolve(values.folder);
// On the disk of the project, never on tmpfs: what is measured is durable.
const scratch = join(results, `scratch-${process.pid}`);
await mkdir(scratch, { recursive: true });
const result: BenchResult = { at: new Date().toISOString(), machine: thisMachine() };
console.log(
  `${result.machine.cores} cores (${result.machine.model}), ${result.machine.memoryGiB} GiB, Linux ${result.machine.kernel}, Node ${result.machine.node}`,
);
try {
  await measure();
} finally {
  await rm(scratch, { recursive: true, force: true });
}
const path = join(results, `bench-${result.at.replaceAll(/[:.]/g, '-')}.json`);
await writeFile(path, JSON.stringify(result, null, 1));
console.log(`written: ${path}`);
process.exit(0);

async function measure(): Promise<void> {
  if (/[a-g]/.test(values.parts)) await measureSpeed();
  await measureCosts(Number(values.rounds));
}

async function measureSpeed(): Promise<void> {
  const associations = values.associations.split(',').map(Number);
  const rounds = Number(values.rounds);
  const groups = await makeFiles(join(scratch, 'files'), {
    studies: Math.max(16, ...associations),
    instances: Number(values.instances),
    seed: 1,
  });
  const warmUp = await makeFiles(join(scratch, 'warm-up'), { studies: 4, instances: 100, seed: 2 });
  if (values.parts.includes('a')) {
    result.ingest = await measureIngest({ folder: scratch, groups, warmUp, associations, rounds, wholeGateway });
    console.log('\na) ingest, 512 KB CT instances a second (receiver: with store and JetStream alone; gateway: all services at work)');
    console.log(ingestTable(result.ingest));
    console.log('\nprocessor time for each MB taken');
    console.log(processorTable(result.ingest));
  }
  if (values.parts.includes('b')) {
    result.endToEnd = await measureEndToEnd({ folder: scratch, groups: groups.slice(0, 4), warmUp, rounds: Math.min(rounds, 3) });
    console.log('\nb) end to end: instances a second until a fast archive has all, 4 associations');
    console.log(endToEndTable(result.endToEnd));
  }
  if (values.parts.includes('c')) {
    result.largeObject = await measureLargeObject(scratch, Number(values.frames));
    console.log('\nc) one multi-frame object: peak resident memory of each process');
    console.log(largeObjectTable(result.largeObject));
  }
  if (values.parts.includes('d')) {
    result.manyAssociations = await measureManyAssociations(scratch, 200);
    console.log('\nd) very many senders at one receiver');
    console.log(manyAssociationsLine(result.manyAssociations));
  }
  if (values.parts.includes('e')) {
    result.responseTimes = await measureResponseTimes({ folder: scratch, groups: groups.slice(0, 8), rounds });
    console.log('\ne) from the first byte of a C-STORE to its answer, 8 associations');
    console.log(responseTable(result.responseTimes));
  }
  if (values.parts.includes('f')) {
    result.forwarding = await measureForwarding({ folder: scratch, groups, rounds, concurrency: [1, 4] });
    console.log('\nf) the uploader empties its queue into peers that keep nothing, instances a second');
    console.log(forwardingTable(result.forwarding));
  }
  if (values.parts.includes('g')) {
    result.overWan = [];
    for (const line of WAN_LINES)
      result.overWan.push(...(await measureForwarding({ folder: scratch, groups, rounds, concurrency: [4, 16], line })));
    console.log('\ng) the same over an emulated wide area line');
    console.log(wanTable(result.overWan, WAN_LINES[0]!.mbitPerSecond));
  }
}

/** Of processor time, requests and bytes for each instance; they make their files themselves. */
async function measureCosts(rounds: number): Promise<void> {
  if (values.parts.includes('h')) {
    result.tracing = await measureTracing({ folder: scratch, instances: 600, pairs: Number(values.pairs) });
    console.log('\nh) processor time with traces and without, interleaved pairs');
    console.log(tracingTable(result.tracing));
  }
  if (values.parts.includes('i')) {
    const replicas = values.replicas.split(',').map(Number);
    result.growth = await measureGrowth({ folder: scratch, replicas, instances: 240, rounds });
    console.log('\ni) the whole gateway with more processes of each service on this machine, 8 associations');
    console.log(growthTable(result.growth));
    console.log(growthLine(result.growth, result.machine.cores));
  }
  if (values.parts.includes('j')) {
    result.footprint = await measureFootprint({ folder: scratch, instances: 240, rounds: Math.min(rounds, 3) });
    console.log('\nj) what one instance of 512 KB costs and leaves on a cluster: three copies of each stream, S3, one destination');
    console.log(footprintTable(result.footprint));
  }
}

/** The default deployment with the sandbox archive, on the same disk. */
async function wholeGateway(): Promise<Target> {
  const dataFolder = await mkdtemp(join(scratch, 'gateway-'));
  const sandboxPort = 20_000 + Math.floor(Math.random() * 10_000);
  const config = documentFor(`http://127.0.0.1:${sandboxPort}/dicom-web`, false);
  const gateway = await startGateway({ dataFolder, config, env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
  return {
    dicomPort: gateway.ports.dicom,
    pids: [gateway.pids().get('receiver')!],
    stop: () => gateway.stop(),
  };
}
