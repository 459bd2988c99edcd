// A cluster under load is upgraded from the version before, then all of it is restarted, a part at a time: no sender that repeats a failed instance once gives one up, and all arrives.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { RollingReport } from '../chaos/rolling-report.ts';
import { rollingLines } from '../chaos/rolling-report.ts';
import { ROOT } from '../src/gateway-under-test.ts';

const folder = mkdtempSync(join(tmpdir(), 'causeway-rolling-results-'));
let wasGood = false;

/** Logs of what failed stay. */
after(() => (wasGood ? rmSync(folder, { recursive: true, force: true }) : console.log(`logs and results: ${folder}`)));

/** As anybody would run it. */
async function rollingUpgrade(): Promise<{ code: number | null; output: string }> {
  const words = [join(ROOT, 'test-e2e', 'chaos', 'main.ts'), '--rolling', '--folder', folder];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

describe('a rolling upgrade and a restart of everything, under load', () => {
  it('is noticed by no sender that repeats a failed instance once, and every accepted instance is in the archive as it was sent', async (t) => {
    const { code, output } = await rollingUpgrade();
    assert.equal(code, 0, output);
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as RollingReport;
    for (const line of rollingLines(report)) t.diagnostic(line);
    assert.deepEqual(report.findings, []);
    assert.equal(report.senders.failed, 0);
    assert.equal(report.senders.accepted + report.senders.brokenOff, report.senders.instances);
    wasGood = true;
  });
});
