// A clock that is set while a process runs: every way of asking for the time follows, and nothing else does.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, it } from 'node:test';

const DAY_MS = 86_400_000;
const folder = mkdtempSync(join(tmpdir(), 'causeway-clock-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SAYS = `setInterval(() => console.log(JSON.stringify({
  ways: [Date.now(), new Date().getTime(), Date.parse(Date())], given: new Date(5).getTime(), isDate: new Date() instanceof Date, utc: Date.UTC(1970, 0, 2) })), 100)`;

it('the wall clock of a process follows the file, there and back', async () => {
  const file = join(folder, 'clock');
  const child = spawn(process.execPath, ['--import', join(import.meta.dirname, 'clock-shift.ts'), '-e', SAYS], {
    env: { ...process.env, CHAOS_CLOCK: file },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const untilAheadBy = async (ms: number): Promise<void> => {
    for (;;) {
      const said = JSON.parse((await lines.next()).value as string) as { ways: number[]; given: number; isDate: boolean; utc: number };
      assert.deepEqual([said.given, said.isDate, said.utc], [5, true, DAY_MS]);
      if (said.ways.every((time) => Math.abs(time - Date.now() - ms) < DAY_MS / 4)) return;
    }
  };
  await untilAheadBy(0);
  writeFileSync(file, String(DAY_MS));
  await untilAheadBy(DAY_MS);
  writeFileSync(file, String(-DAY_MS));
  await untilAheadBy(-DAY_MS);
  rmSync(file);
  await untilAheadBy(0);
  child.kill();
  await once(child, 'exit');
});
