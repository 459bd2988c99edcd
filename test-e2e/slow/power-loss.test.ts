// Power cuts: a disk of which everything not synced is gone. Whatever was answered 0000 is there afterwards, whole and unaltered, and is delivered though the broker lost
// what it had acknowledged. CAUSEWAY_TEST_SEED repeats the moments.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../deploy/standalone/src/send/synthetic-image.ts';
import { untilArrivedUnchanged } from '../src/arrivals.ts';
import { auditCustody } from '../src/custody-audit.ts';
import { startGateway, untilGone } from '../src/gateway-under-test.ts';
import { lastingPort } from '../src/lasting-port.ts';
import { LoopDisk } from '../src/loop-disk.ts';
import { processTree } from '../src/process-tree.ts';
import { startReceiver } from '../src/receiver-under-test.ts';
import { type LoadOptions, SteadyLoad } from '../src/steady-load.ts';
import { until } from '../src/wait-for-fact.ts';

const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'needs root: it mounts a file system';
if (skip) console.log(`skipped: ${skip}`);
const seed = Number(process.env.CAUSEWAY_TEST_SEED ?? randomInt(1, 1_000_000));
const MOST_MS = 1_500;

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

function newDisk(mebibytes: number): LoopDisk {
  const disk = new LoopDisk(mebibytes);
  cleanUps.push(() => disk.remove());
  return disk;
}

function startLoad(options: LoadOptions): SteadyLoad {
  const load = new SteadyLoad(options);
  cleanUps.push(() => load.stop());
  return load;
}

function write(path: string, synced: boolean): void {
  const file = openSync(path, 'w');
  writeSync(file, 'x'.repeat(10_000));
  if (synced) fsyncSync(file);
  closeSync(file);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended with its parent.
  }
}

/** False: the disk kept what was never synced, so that this cut proves nothing. */
const wasDiscarded = (path: string): boolean => !existsSync(path) || readFileSync(path).length === 0;

describe('a power cut', { skip }, () => {
  it('as these tests make it takes what was not synced, and only that', () => {
    const disk = newDisk(32);
    write(join(disk.folder, 'synced'), true);
    write(join(disk.folder, 'not-synced'), false);
    disk.cutPower();
    disk.mountAgain();
    assert.equal(readFileSync(join(disk.folder, 'synced')).length, 10_000);
    assert.ok(wasDiscarded(join(disk.folder, 'not-synced')));
  });

  it('of the object store, six times under load: every object that was answered 0000 is there, and none is half-written', async () => {
    const ROUNDS = 6;
    const disk = newDisk(512);
    const document = { admission: { freeSpaceBelow: '1KiB' }, limits: { custody: '3s' } };
    const receiver = await startReceiver({ objects: join(disk.folder, 'objects'), document });
    cleanUps.push(() => receiver.stop());
    const random = seededRandom(seed);
    const accepted = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const small = startLoad({ port: receiver.port, associations: 4, seed: seed + round });
      const large = startLoad({ port: receiver.port, associations: 1, seed: seed + 100 + round, side: 900 });
      await until('instances are accepted', () => small.accepted.length >= 10 && large.accepted.length >= 1);
      await pause(random() * MOST_MS);
      const lost = join(disk.folder, `not-synced-${round}`);
      write(lost, false);
      disk.cutPower();
      await receiver.kill();
      await Promise.all([small.stop(), large.stop()]);
      disk.mountAgain();
      assert.ok(wasDiscarded(lost));
      await receiver.start();
      accepted.push(...small.accepted, ...large.accepted);
      const { objects } = await auditCustody(receiver.bus, receiver.objects, [...small.accepted, ...large.accepted]);
      const unanswered = small.refused.length + large.refused.length;
      console.log(
        `cut ${round} (seed ${seed}): ${small.accepted.length} + ${large.accepted.length} large accepted, ${unanswered} not; ${objects.size} whole objects`,
      );
      const there = new Set([...objects.values()].map(({ sopInstanceUid, digest }) => `${sopInstanceUid} ${digest}`));
      assert.deepEqual(
        accepted.filter(({ sopInstanceUid, digest }) => !there.has(`${sopInstanceUid} ${digest}`)),
        [],
      );
    }
    console.log(`${accepted.length} acknowledged over ${ROUNDS} power cuts: 0 missing, 0 altered`);
  });

  it('of the whole machine, broker and database included: every instance that was answered 0000 is delivered after it', async () => {
    const CUTS = 3;
    const disk = newDisk(2048);
    const elsewhere = newDisk(512);
    const dataFolder = join(disk.folder, 'data');
    // The archive stands on another machine.
    mkdirSync(dataFolder);
    symlinkSync(elsewhere.folder, join(dataFolder, 'sandbox'));
    const port = await lastingPort();
    const gateway = await startGateway({
      dataFolder,
      config: {
        admission: { freeSpaceBelow: '1KiB' },
        facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
        destinations: [
          {
            id: 'sandbox',
            kind: 'stow',
            url: `http://127.0.0.1:${port}/dicom-web`,
            images: 'as-received',
            retry: { first: '1s', max: '5s' },
          },
        ],
      },
      env: { CAUSEWAY_SANDBOX_PORT: String(port), CAUSEWAY_GRACE_MS: '5000', CAUSEWAY_UPKEEP_MS: '2000' },
    });
    cleanUps.push(() => gateway.stop());
    const random = seededRandom(seed);
    const accepted = [];
    for (let cut = 1; cut <= CUTS; cut++) {
      const load = startLoad({ port: gateway.ports.dicom, associations: 4, seed: seed + cut });
      await until('instances are accepted', () => load.accepted.length >= 50);
      // At the first cut nothing of the broker is on the disk, at the others all but its end.
      if (cut > 1) disk.writeBack();
      await pause(random() * MOST_MS);
      const lost = join(disk.folder, `not-synced-${cut}`);
      write(lost, false);
      // Read before: afterwards the disk answers nobody.
      const pids = processTree(gateway.supervisorPid());
      disk.cutPower();
      await gateway.killSupervisor();
      for (const pid of pids) kill(pid);
      await Promise.all(pids.map(untilGone));
      await load.stop();
      disk.mountAgain();
      assert.ok(wasDiscarded(lost));
      accepted.push(...load.accepted);
      const began = performance.now();
      await gateway.start();
      const readyMs = performance.now() - began;
      await untilArrivedUnchanged(gateway.sandboxUrl, accepted);
      console.log(
        `cut ${cut} (seed ${seed}): ${load.accepted.length} accepted; ready again after ${(readyMs / 1000).toFixed(1)} s, all in the archive after ${((performance.now() - began) / 1000).toFixed(1)} s`,
      );
    }
    const log = readFileSync(join(dataFolder, 'log', 'ledger.log'), 'utf8');
    const again = log.split('an object that the ledger did not know is set in motion').length - 1;
    console.log(
      `${accepted.length} acknowledged: all delivered unaltered; reconciliation set ${again} objects in motion that broker and database had forgotten`,
    );
  });
});
