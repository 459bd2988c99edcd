// Orphans of a killed supervisor are found by pid and start time, and ended; others are left alone.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { endOrphans } from './orphans.ts';
import { recordedProcesses, recordProcess } from './pid-record.ts';
import { identityOf } from './process-identity.ts';

const scratch = mkdtempSync(join(tmpdir(), 'causeway-orphans-'));
const children: ChildProcess[] = [];
after(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

function runFolder(): string {
  return mkdtempSync(join(scratch, 'run-'));
}

/** A program that says when its signal handlers are there. */
async function start(program: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['--eval', `${program}; setInterval(() => {}, 1000); process.send('up')`], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  children.push(child);
  await once(child, 'message');
  return child;
}

const options = (folder: string, graceMs = 10_000) => ({ runFolder: folder, graceMs, say: () => {} });

test('a recorded process is asked to end, and its record is gone', async () => {
  const folder = runFolder();
  const child = await start('process.on("SIGTERM", () => process.exit(7))');
  recordProcess(folder, 'receiver', child.pid!);
  const ended = once(child, 'exit');
  assert.deepEqual(await endOrphans(options(folder)), ['receiver']);
  assert.deepEqual(await ended, [7, null]);
  assert.deepEqual(readdirSync(folder), []);
});

test('Postgres is asked by SIGINT, which is its fast shutdown', async () => {
  const folder = runFolder();
  const child = await start('process.on("SIGTERM", () => {}); process.on("SIGINT", () => process.exit(3))');
  recordProcess(folder, 'postgres', child.pid!);
  const ended = once(child, 'exit');
  await endOrphans(options(folder));
  assert.deepEqual(await ended, [3, null]);
});

test('one that does not listen is killed after the grace period', async () => {
  const folder = runFolder();
  const child = await start('process.on("SIGTERM", () => {})');
  recordProcess(folder, 'uploader', child.pid!);
  const ended = once(child, 'exit');
  await endOrphans(options(folder, 200));
  assert.deepEqual(await ended, [null, 'SIGKILL']);
});

test('a foreign process that has got the number of ours is left alone', async () => {
  const folder = runFolder();
  const foreign = await start('process.on("SIGTERM", () => process.exit(9))');
  const identity = { ...identityOf(foreign.pid!)!, startTime: '1' };
  writeFileSync(join(folder, 'router.pid.json'), JSON.stringify(identity));
  assert.deepEqual(await endOrphans(options(folder)), []);
  assert.equal(foreign.exitCode, null);
  assert.deepEqual(readdirSync(folder), []);
});

test('a record of another boot and a record that is no JSON mean nothing', async () => {
  const folder = runFolder();
  const child = await start('');
  writeFileSync(join(folder, 'a.pid.json'), JSON.stringify({ ...identityOf(child.pid!)!, bootId: 'another' }));
  writeFileSync(join(folder, 'b.pid.json'), '{"pid":');
  assert.equal(recordedProcesses(folder).size, 0);
});
