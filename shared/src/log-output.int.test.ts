// Logging does not hold up a process whose output cannot be written.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const logger = JSON.stringify(join(import.meta.dirname, 'logger.ts'));

test('a full disk under the log neither ends nor stops the process', { timeout: 20_000 }, async () => {
  // Every write to this device fails with ENOSPC (full(4)).
  const full = openSync('/dev/full', 'a');
  const program = `import { createLogger } from ${logger};
    const log = createLogger('x');
    for (let line = 0; line < 10_000; line++) log.info({ line, padding: 'x'.repeat(200) }, 'line');
    setTimeout(() => process.exit(7), 50);`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], { stdio: ['ignore', full, 'inherit'] });
  closeSync(full);
  assert.deepEqual(await once(child, 'exit'), [7, null]);
});
