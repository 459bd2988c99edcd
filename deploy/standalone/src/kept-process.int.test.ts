// A kept process comes back, stops when asked, and is killed when it does not.
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { KeptProcess } from './kept-process.ts';
import { openProcessLog, type ProcessLog } from './process-log.ts';

const scratch = mkdtempSync(join(tmpdir(), 'causeway-kept-'));
const kept: KeptProcess[] = [];
const logs: ProcessLog[] = [];
after(async () => {
  for (const process of kept) await process.stop(100);
  for (const log of logs) log.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Each start appends a line to the log. */
function keep(name: string, program: string): { process: KeptProcess; said: string[]; starts: () => number; run: string } {
  const said: string[] = [];
  const run = mkdtempSync(join(scratch, 'run-'));
  const file = join(run, '..', `${name}.log`);
  const log = openProcessLog(file, () => {});
  const plan = {
    name,
    command: globalThis.process.execPath,
    arguments: ['--eval', `console.log("start"); ${program}`],
    environment: globalThis.process.env,
    workingFolder: '/',
    stopSignal: 'SIGTERM' as const,
  };
  const process = new KeptProcess(plan, { runFolder: run, log, say: (text) => said.push(text), longestDelayMs: 30_000 });
  kept.push(process);
  logs.push(log);
  return { process, said, run, starts: () => readFileSync(file, 'utf8').split('start\n').length - 1 };
}

async function fact(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test('a process that was killed is started again, and the terminal is told', { timeout: 20_000 }, async () => {
  const { process, said, starts } = keep('killed', 'setInterval(() => {}, 1000)');
  await process.start();
  await fact(() => starts() === 1);
  globalThis.process.kill(process.pid!, 'SIGKILL');
  await fact(() => starts() === 2);
  assert.match(said[0]!, /^killed ended \(SIGKILL\).*started again in 0\.5 s$/);
});

test('a process that ends by itself says why, in the words of its error', { timeout: 20_000 }, async () => {
  const { process, said } = keep('failing', 'throw new Error("no such port")');
  await process.start();
  await fact(() => said.length > 0);
  await process.stop(1_000);
  assert.match(said[0]!, /exit code 1.*Error: no such port/);
});

test('a stopped process stays stopped and leaves no record', { timeout: 20_000 }, async () => {
  const { process, starts, run } = keep('stopped', 'setInterval(() => {}, 1000)');
  await process.start();
  await fact(() => starts() === 1);
  assert.deepEqual(readdirSync(run), ['stopped.pid.json']);
  await process.stop(5_000);
  assert.equal(process.pid, undefined);
  assert.deepEqual(readdirSync(run), []);
});

test('one that ignores the signal is killed after the grace period', { timeout: 20_000 }, async () => {
  const { process, said, starts } = keep('deaf', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)');
  await process.start();
  await fact(() => starts() === 1);
  await process.stop(300);
  assert.deepEqual(said, ['deaf did not end within 0.3 s: killed']);
});

test('a wanted restart is quick and not counted as a failure', { timeout: 20_000 }, async () => {
  const { process, said, starts } = keep('restarted', 'setInterval(() => {}, 1000)');
  await process.start();
  await fact(() => starts() === 1);
  await process.restart(5_000);
  await fact(() => starts() === 2);
  assert.deepEqual(said, []);
});
