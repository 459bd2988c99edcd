// A backup taken from a database at work or at rest is a whole one: what was in the ledger is there after the restore.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openDatabase } from '@causeway/shared/database/database';
import { type DataFolder, prepareDataFolder } from '../data-folder.ts';
import { lockDataFolder } from '../data-folder-lock.ts';
import { choosePorts, type Ports } from '../ports.ts';
import { ensureCluster } from '../postgres/cluster.ts';
import { databaseUrl, ensureDatabase, planPostgres } from '../postgres/postgres.ts';
import { clusterOf, placePostgres } from '../postgres/postgres-places.ts';
import { postgresUser } from '../postgres/postgres-user.ts';
import { until } from '../readiness.ts';
import { ensureSecrets } from '../secrets.ts';
import { StartProblem } from '../start-problem.ts';
import { FACTS } from './backup-facts.ts';
import { readBackup } from './read-backup.ts';
import { extractTar } from './tar-archive.ts';
import { writeBackup } from './write-backup.ts';

const say = (): void => {};
/** Root's Postgres runs as another user: it must be able to pass through. */
const scratch = mkdtempSync(join(tmpdir(), 'causeway-backup-test-'));
chmodSync(scratch, 0o711);
const running = new Set<ChildProcess>();

interface Gateway {
  readonly data: DataFolder;
  readonly ports: Ports;
}

async function newGateway(path: string): Promise<Gateway> {
  const data = prepareDataFolder(path);
  return { data, ports: await choosePorts(data.run, ['postgres']) };
}

async function startDatabase({ data, ports }: Gateway): Promise<ChildProcess> {
  const secrets = ensureSecrets(data.secrets);
  const places = placePostgres(data, postgresUser());
  ensureCluster(places, secrets.postgresAdminPassword, say);
  const plan = planPostgres(places, ports.postgres!);
  const server = spawn(plan.command, plan.arguments, { cwd: plan.workingFolder, env: plan.environment, stdio: 'ignore', ...plan.user });
  running.add(server);
  await until('PostgreSQL', () => ensureDatabase(ports.postgres!, secrets), { signal: AbortSignal.timeout(30_000), say });
  return server;
}

async function stopDatabase(server: ChildProcess): Promise<void> {
  running.delete(server);
  server.kill('SIGINT');
  if (server.exitCode === null) await once(server, 'exit');
}

async function ask(gateway: Gateway, sql: string): Promise<object[]> {
  const database = openDatabase(databaseUrl(gateway.ports.postgres!, ensureSecrets(gateway.data.secrets)), { maxConnections: 1 });
  try {
    return await database.query(sql);
  } finally {
    await database.close();
  }
}

/** Restored into a folder of its own and started there. */
async function rowsAfterRestore(file: string, name: string): Promise<object[]> {
  const dataFolder = join(scratch, name);
  await readBackup({ dataFolder, file, say });
  const gateway = await newGateway(dataFolder);
  const server = await startDatabase(gateway);
  const rows = await ask(gateway, 'SELECT name FROM kept ORDER BY name');
  await stopDatabase(server);
  assert.equal(readFileSync(join(gateway.data.objects, 'an-object'), 'utf8'), 'bytes');
  return rows;
}

async function saysLive(file: string): Promise<boolean> {
  const folder = mkdtempSync(join(scratch, 'facts-'));
  await extractTar(file, folder);
  return (JSON.parse(readFileSync(join(folder, FACTS), 'utf8')) as { live: boolean }).live;
}

describe('backup and restore', { timeout: 120_000 }, () => {
  let gateway: Gateway;
  let server: ChildProcess;
  /** As it is on many machines: the data folder is a link to the large disk. */
  const link = join(scratch, 'data');
  before(async () => {
    mkdirSync(join(scratch, 'large-disk'));
    symlinkSync(join(scratch, 'large-disk'), link);
    gateway = await newGateway(link);
    server = await startDatabase(gateway);
    await ask(gateway, 'CREATE TABLE kept (name text)');
    await ask(gateway, `INSERT INTO kept VALUES ('one')`);
    writeFileSync(join(gateway.data.objects, 'an-object'), 'bytes');
  });
  after(async () => {
    await Promise.all([...running].map(stopDatabase));
    // A cluster that its user could not reach in the scratch folder lies elsewhere.
    for (const name of ['data', 'from-running', 'from-stopped']) {
      const cluster = existsSync(join(scratch, name)) ? clusterOf(prepareDataFolder(join(scratch, name))) : scratch;
      if (!cluster.startsWith(scratch)) rmSync(dirname(dirname(cluster)), { recursive: true, force: true });
    }
    rmSync(scratch, { recursive: true, force: true });
  });

  it('copies a database at work as one at work, also when the data folder is a link', async () => {
    const file = await writeBackup({ dataFolder: link, configFile: undefined, target: join(scratch, 'running.tar'), say });
    assert.equal(await saysLive(file), true);
    assert.deepEqual(await rowsAfterRestore(file, 'from-running'), [{ name: 'one' }]);
  });

  it('copies one at rest as it lies, but not while somebody who has the folder may start it', async () => {
    await stopDatabase(server);
    const lock = await lockDataFolder(link);
    const target = join(scratch, 'stopped.tar');
    const backup = () => writeBackup({ dataFolder: link, configFile: undefined, target, say });
    await assert.rejects(backup, StartProblem);
    assert.equal(existsSync(target), false);
    lock.release();
    const file = await backup();
    assert.equal(await saysLive(file), false);
    assert.deepEqual(await rowsAfterRestore(file, 'from-stopped'), [{ name: 'one' }]);
  });

  it('restores nothing over a folder that holds something, and nothing from a file that is no backup', async () => {
    const foreign = join(scratch, 'foreign.tar');
    writeFileSync(foreign, Buffer.alloc(10_240));
    await assert.rejects(readBackup({ dataFolder: link, file: foreign, say }), /not empty/);
    await assert.rejects(readBackup({ dataFolder: join(scratch, 'foreign'), file: foreign, say }), /not a backup/);
  });
});
