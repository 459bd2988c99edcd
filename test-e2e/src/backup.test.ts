// `npm run backup` of a running and of a stopped gateway, and what a restore gives back.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { untilArrived } from './arrivals.ts';
import { signIn } from './console-client.ts';
import { type GatewayUnderTest, ROOT, startGateway } from './gateway-under-test.ts';
import { acceptedUids, runSend } from './run-send.ts';
import { until } from './wait-for-fact.ts';

const scratch = mkdtempSync(join(tmpdir(), 'causeway-backup-test-'));
let gateway: GatewayUnderTest;
let password: string;

before(async () => {
  // Postgres' user must pass through when the tests run as root.
  chmodSync(scratch, 0o711);
  gateway = await startGateway();
  password = gateway.firstPassword();
});
after(async () => {
  await gateway?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

async function runCommand(program: 'backup' | 'restore', path: string, dataFolder: string): Promise<Ended> {
  const child = spawn(process.execPath, [join(ROOT, 'deploy', 'standalone', 'src', 'backup', `${program}.ts`), path], {
    env: { ...process.env, CAUSEWAY_DATA: dataFolder, INIT_CWD: '/' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

async function send(to: GatewayUnderTest, shape: string, name: string): Promise<string[]> {
  const log = join(scratch, `${name}.ndjson`);
  const { code, output } = await runSend(['--port', to.ports.dicom, '--synthetic', shape, '--rows', 128, '--columns', 128, '--log', log])
    .ended;
  assert.equal(code, 0, output);
  return acceptedUids(log);
}

interface StudyRow {
  readonly instances: number;
  readonly deliveries: { readonly sandbox?: { readonly confirmed?: number } };
}

async function studiesOf(from: GatewayUnderTest): Promise<StudyRow[]> {
  const page = await signIn(from.pageUrl, password);
  return (await page.get<{ studies: StudyRow[] }>('/api/studies')).studies;
}

function objectDigests(dataFolder: string): Map<string, string> {
  const folder = join(dataFolder, 'objects');
  const names = (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith('.dcm'));
  return new Map(
    names.map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(folder, name)))
        .digest('hex'),
    ]),
  );
}

/** A second gateway on restored data; its sandbox stands where the document says. The first must be stopped. */
async function restored(file: string, name: string, sandboxPort: number): Promise<GatewayUnderTest> {
  const dataFolder = join(scratch, name);
  const { code, output } = await runCommand('restore', file, dataFolder);
  assert.equal(code, 0, output);
  return startGateway({ dataFolder, env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
}

test('a backup taken while images arrive restores studies, objects and credentials; the gateway goes on from there', {
  timeout: 240_000,
}, async () => {
  const known = await send(gateway, '1x8', 'before');
  await untilArrived(gateway.sandboxUrl, known);
  await until('the page shows the study as confirmed', async () => (await studiesOf(gateway))[0]?.deliveries.sandbox?.confirmed === 8);
  const objects = objectDigests(gateway.dataFolder);
  const log = join(scratch, 'meanwhile.ndjson');
  const meanwhile = runSend(['--port', gateway.ports.dicom, '--synthetic', '1x120', '--log', log]);
  await until('images arrive', () => acceptedUids(log).length > 3);
  const { code, output } = await runCommand('backup', scratch, gateway.dataFolder);
  assert.equal(code, 0, output);
  assert.match(output, /at work/);
  assert.equal((await meanwhile.ended).code, 0);
  const file = join(scratch, readdirSync(scratch).find((name) => name.endsWith('.tar'))!);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const sandboxPort = gateway.ports.sandbox;
  await gateway.interrupt();
  const other = await restored(file, 'of-running', sandboxPort);
  try {
    const there = objectDigests(other.dataFolder);
    for (const [name, digest] of objects) assert.equal(there.get(name), digest, name);
    assert.ok((await studiesOf(other)).some(({ instances, deliveries }) => instances === 8 && deliveries.sandbox?.confirmed === 8));
    await untilArrived(other.sandboxUrl, await send(other, '1x3', 'after'));
  } finally {
    await other.stop();
  }
});

test('a backup of the stopped gateway restores as well, and names that are taken are refused', { timeout: 240_000 }, async () => {
  await gateway.start();
  const sandboxPort = gateway.ports.sandbox;
  const studies = (await studiesOf(gateway)).length;
  await gateway.interrupt();
  const file = join(scratch, 'at-rest.tar');
  const { code, output } = await runCommand('backup', file, gateway.dataFolder);
  assert.equal(code, 0, output);
  assert.match(output, /at rest/);
  assert.match((await runCommand('backup', file, gateway.dataFolder)).output, /is there already/);
  const other = await restored(file, 'of-stopped', sandboxPort);
  try {
    assert.equal((await studiesOf(other)).length, studies);
    const inUse = await runCommand('restore', file, other.dataFolder);
    assert.deepEqual([inUse.code, /is not empty/.test(inUse.output)], [1, true]);
  } finally {
    await other.stop();
  }
});

test('what is no backup is refused, and the half-filled folder is not started on', async () => {
  const file = join(scratch, 'no-backup.tar');
  writeFileSync(file, Buffer.alloc(10_240));
  const dataFolder = join(scratch, 'of-nothing');
  const { code, output } = await runCommand('restore', file, dataFolder);
  assert.equal(code, 1, output);
  assert.match(output, /is not a backup/);
  await assert.rejects(startGateway({ dataFolder }), /half a restore/);
});

test('a folder that is no data folder cannot be backed up', async () => {
  const empty = join(scratch, 'empty');
  mkdirSync(empty);
  const { code, output } = await runCommand('backup', join(scratch, 'x.tar'), empty);
  assert.equal(code, 1);
  assert.match(output, /not the data folder of a gateway/);
});
