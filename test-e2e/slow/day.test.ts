// A day's mix of images through one receiver process: nothing lost, nothing altered, memory flat, no descriptor left open. CAUSEWAY_INSTANCES sets how many.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { seededRandom } from '../../deploy/standalone/src/send/synthetic-image.ts';
import { DayMix } from '../src/day-mix.ts';
import { DaySenders } from '../src/day-senders.ts';
import { startReceiver } from '../src/receiver-under-test.ts';
import { until } from '../src/wait-for-fact.ts';

const INSTANCES = Number(process.env.CAUSEWAY_INSTANCES ?? 4_000);
const SEED = Number(process.env.CAUSEWAY_SEED ?? 20_261);
const ASSOCIATIONS = 6;
const WARM_UP_INSTANCES = 300;
const MIB = 1024 * 1024;
/** The collector of garbage decides when memory is given back: so much is noise, and a leak of 1 KB an instance is twice as much in 16,000. */
const NOISE_BYTES = 8 * MIB;
const SAMPLES = 400;

/** Resident memory of its own, without the pages of the program. */
async function residentBytes(pid: number): Promise<number> {
  return Number(/RssAnon:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]) * 1024;
}

/** What is open, by kind; files that are made ahead come and go. */
async function openDescriptors(pid: number): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '');
    const kind = target.includes('/.incoming/') ? 'made ahead' : target.startsWith('/') ? 'file' : target.replace(/:.*/, '');
    if (kind !== '' && kind !== 'made ahead') counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

/** Threads start with the first work for them, and keep descriptors of their own; the connections of the warm-up are closed again. */
async function descriptorsOnceWarm(pid: number, warmUp: () => Promise<unknown>): Promise<Record<string, number>> {
  const { socket = 0 } = await openDescriptors(pid);
  await warmUp();
  return until('the connections of the warm-up are closed', async () => {
    const open = await openDescriptors(pid);
    return (open.socket ?? 0) <= socket && open;
  });
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Digest of the data set by SOP Instance UID, of every object in the folder. */
async function storedDigests(folder: string): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  const entries = await readdir(join(folder, 'received'), { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => found.isFile())) {
    const hash = createHash('sha256');
    let uid: string | undefined;
    for await (const chunk of createReadStream(join(entry.parentPath, entry.name), { highWaterMark: MIB }) as AsyncIterable<Buffer>) {
      if (uid !== undefined) hash.update(chunk);
      else {
        const { meta, dataSetOffset } = parseFileMeta(chunk)!;
        uid = meta.sopInstanceUid;
        hash.update(chunk.subarray(dataSetOffset));
      }
    }
    digests.set(uid!, hash.digest('hex'));
  }
  return digests;
}

test(`${INSTANCES} instances through one process: all kept unaltered, memory flat in the last half, no descriptor left open`, async (context) => {
  const receiver = await startReceiver({ streamBytes: 8 * 1024 * MIB });
  context.after(() => receiver.stop());
  const random = seededRandom(SEED);
  const plan = { port: receiver.port, instances: INSTANCES, associations: ASSOCIATIONS, random };
  const all = await DayMix.load();
  const broken = await new DaySenders({ ...plan, mix: all, progress: async () => {} }).refusedTemplates();
  const mix = all.without(broken);
  const resident: number[] = [];
  const progress = async (answered: number) => {
    if (answered % Math.max(1, Math.floor(INSTANCES / SAMPLES)) === 0) resident.push(await residentBytes(receiver.pid));
  };
  const before = await descriptorsOnceWarm(receiver.pid, () =>
    new DaySenders({ ...plan, instances: WARM_UP_INSTANCES, mix, progress: async () => {} }).run(),
  );
  const began = performance.now();
  const day = await new DaySenders({ ...plan, mix, progress }).run();
  const seconds = (performance.now() - began) / 1_000;

  const [third, fourth] = [0.5, 0.75].map((from) => median(resident.slice(resident.length * from, resident.length * (from + 0.25))));
  context.diagnostic(
    `seed ${SEED}: ${day.accepted.size} different ones accepted in ${seconds.toFixed(0)} s over ${day.associations} associations (${day.cut} cut, ${day.strangers} strangers; ${mix.contexts.length} pairs of SOP class and syntax, ${broken.length} broken real files left out), refused ${JSON.stringify([...day.refused])}; ` +
      `memory of its own: ${[0, 0.25, 0.5, 0.75, 1].map((share) => Math.round(resident[Math.min(resident.length - 1, Math.floor(resident.length * share))]! / MIB)).join(', ')} MiB ` +
      `at 0, 1/4, 1/2, 3/4, 1; median of the third quarter ${(third! / MIB).toFixed(1)}, of the fourth ${(fourth! / MIB).toFixed(1)} MiB`,
  );
  // Fewer are no leak: connections of the readiness probe close by and by.
  const leaked = async () => Object.entries(await openDescriptors(receiver.pid)).filter(([kind, count]) => count > (before[kind] ?? 0));
  await until('no more descriptors are open than before', async () => (await leaked()).length === 0, 30_000);
  assert.ok(fourth! - third! < NOISE_BYTES, `${Math.round((fourth! - third!) / MIB)} MiB more in the last quarter than in the one before`);
  assert.deepEqual([...day.refused], []);

  const stored = await storedDigests(receiver.objects);
  let altered = 0;
  for (const [uid, digest] of day.accepted) if (stored.get(uid) !== digest) altered++;
  assert.equal(altered, 0, 'of the accepted instances, missing or altered');
});
