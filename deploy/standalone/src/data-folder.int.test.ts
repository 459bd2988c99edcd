// The data folder: modes, secrets, lock, ports, on the real file system.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { isLow, prepareDataFolder, RESTORING } from './data-folder.ts';
import { DataFolderTaken, lockDataFolder } from './data-folder-lock.ts';
import { checkWantedPorts, choosePorts } from './ports.ts';
import { ensureSecrets } from './secrets.ts';
import { StartProblem } from './start-problem.ts';

const scratch = mkdtempSync(join(tmpdir(), 'causeway-data-folder-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('folders are closed to others, and secrets can be read by their owner alone', () => {
  const data = prepareDataFolder(join(scratch, 'modes'));
  ensureSecrets(data.secrets);
  for (const folder of [data.objects, data.nats, data.secrets, data.run, data.log, data.sandbox])
    assert.equal(modeOf(folder), '700', folder);
  const files = readdirSync(data.secrets);
  assert.equal(files.length, 5);
  for (const file of files) assert.equal(modeOf(join(data.secrets, file)), '600', file);
});

test('secrets are drawn once and differ between gateways', () => {
  const one = prepareDataFolder(join(scratch, 'one')).secrets;
  const drawn = ensureSecrets(one);
  assert.deepEqual(ensureSecrets(one), drawn);
  const other = ensureSecrets(prepareDataFolder(join(scratch, 'other')).secrets);
  assert.notEqual(other.natsPassword, drawn.natsPassword);
  assert.equal(new Set([drawn.natsPassword, drawn.jetstreamKey, drawn.postgresPassword, drawn.postgresAdminPassword]).size, 4);
});

test('a first password that was changed, so that the console removed its file, does not come back', () => {
  const { secrets } = prepareDataFolder(join(scratch, 'first-password'));
  const { firstPasswordFile } = ensureSecrets(secrets);
  assert.match(readFileSync(firstPasswordFile, 'utf8'), /^[a-z2-9]{16}\n$/);
  rmSync(firstPasswordFile);
  ensureSecrets(secrets);
  assert.equal(existsSync(firstPasswordFile), false);
});

test('half a restore is not started on', () => {
  const path = join(scratch, 'half');
  mkdirSync(join(path, RESTORING), { recursive: true });
  assert.throws(() => prepareDataFolder(path), StartProblem);
});

test('two processes cannot have one data folder, and a killed one leaves it free', async () => {
  const path = prepareDataFolder(join(scratch, 'lock')).path;
  const program = `import { lockDataFolder } from ${JSON.stringify(join(import.meta.dirname, 'data-folder-lock.ts'))};
    await lockDataFolder(${JSON.stringify(path)}); process.send('locked'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  await once(holder, 'message');
  await assert.rejects(lockDataFolder(path), (error) => error instanceof DataFolderTaken && error.pid === holder.pid);
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const lock = await lockDataFolder(path);
  lock.release();
});

test('chosen ports stay the same, until another program takes one', async () => {
  const run = join(scratch, 'ports');
  mkdirSync(run);
  const chosen = await choosePorts(run, ['nats', 'postgres', 'ops']);
  assert.equal(new Set(Object.values(chosen)).size, 3);
  assert.deepEqual(await choosePorts(run, ['nats', 'postgres', 'ops']), chosen);
  const intruder = createServer().listen(chosen.nats, '127.0.0.1');
  await once(intruder, 'listening');
  const next = await choosePorts(run, ['nats', 'postgres', 'ops']);
  intruder.close();
  assert.notEqual(next.nats, chosen.nats);
  assert.equal(next.postgres, chosen.postgres);
});

test('a port that is taken is named with its purpose and the variable that chooses another', async () => {
  const intruder = createServer().listen(0, '127.0.0.1');
  await once(intruder, 'listening');
  const { port } = intruder.address() as { port: number };
  const wanted = { host: '127.0.0.1', port, purpose: 'DICOM', variable: 'CAUSEWAY_DICOM_PORT' };
  await assert.rejects(checkWantedPorts([wanted]), new RegExp(`port ${port} on 127.0.0.1 for DICOM.*CAUSEWAY_DICOM_PORT`, 's'));
  intruder.close();
  await once(intruder, 'close');
  await checkWantedPorts([wanted]);
});

test('space is low below 1 GiB or 5 %, whichever is more', () => {
  const gib = 1024 ** 3;
  assert.equal(isLow({ freeBytes: 2 * gib, totalBytes: 10 * gib }), false);
  assert.equal(isLow({ freeBytes: 0.9 * gib, totalBytes: 10 * gib }), true);
  assert.equal(isLow({ freeBytes: 4 * gib, totalBytes: 100 * gib }), true);
});
