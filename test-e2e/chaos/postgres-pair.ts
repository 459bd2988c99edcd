// PostgreSQL on two machines, one streaming from the other: the primary is killed, the standby promoted, and what was the primary made anew as a standby.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { handOver, postgresProgram, postgresSurroundings } from '../src/postgres-for-tests.ts';
import { until } from '../src/wait-for-fact.ts';
import { KeptProcess } from './kept-process.ts';
import type { Machine } from './network.ts';

const USER = 'causeway';
const PORT = 5432;
/** A standby that is made anew, or was away, finds what it missed. */
const SETTINGS = [
  'wal_keep_size=512MB',
  'max_connections=100',
  'shared_buffers=32MB',
  'unix_socket_directories=',
  'wal_level=replica',
  'hot_standby=on',
];
const ANYBODY = 'host all all 0.0.0.0/0 trust\nhost replication all 0.0.0.0/0 trust\n';

interface Side {
  readonly machine: Machine;
  readonly data: string;
  readonly process: KeptProcess;
}

export class PostgresPair {
  readonly url: string;
  #primary: Side;
  #standby: Side;

  private constructor(primary: Side, standby: Side) {
    this.#primary = primary;
    this.#standby = standby;
    this.url = urlOf([primary, standby]);
  }

  static async start(machines: readonly [Machine, Machine], places: { folder: string; logs: string }): Promise<PostgresPair> {
    const [one, other] = machines.map((machine, at) => sideOf(machine, machines[1 - at]!, { ...places, name: `postgres-${at + 1}` }));
    makeCluster(one!.data);
    one!.process.start();
    const pair = new PostgresPair(one!, other!);
    await answers(one!);
    await pair.#makeStandby();
    return pair;
  }

  get primary(): KeptProcess {
    return this.#primary.process;
  }

  get processes(): KeptProcess[] {
    return [this.#primary.process, this.#standby.process];
  }

  /** The primary dies and does not come back; the standby is promoted. */
  async failOver(): Promise<void> {
    await this.#primary.process.stop();
    await withDatabase(this.#standby, (database) => database.query('SELECT pg_promote()'));
    [this.#primary, this.#standby] = [this.#standby, this.#primary];
    await until('the promoted server takes writes', () =>
      withDatabase(this.#primary, async (database) => {
        const [row] = await database.query<{ writes: boolean }>('SELECT NOT pg_is_in_recovery() AS writes');
        return row!.writes;
      }),
    );
  }

  /** What was the primary follows the one that is now. */
  async rejoin(): Promise<void> {
    await this.#makeStandby();
  }

  /** Both are gone until `comeBack`. */
  async lose(): Promise<void> {
    await Promise.all(this.processes.map((process) => process.stop()));
  }

  async comeBack(): Promise<void> {
    for (const process of this.processes) process.start();
    await Promise.all([answers(this.#primary), answers(this.#standby)]);
  }

  async stop(): Promise<void> {
    await this.lose();
  }

  /** From a copy of the running primary (a low-level base backup, PostgreSQL manual section 25.3.3). */
  async #makeStandby(): Promise<void> {
    const { data, process } = this.#standby;
    await process.stop();
    rmSync(data, { recursive: true, force: true });
    mkdirSync(data);
    await withDatabase(this.#primary, (database) =>
      database.transaction(async (transaction) => {
        await transaction.query("SELECT pg_backup_start('standby', true)");
        copyCluster(this.#primary.data, data);
        const [label] = await transaction.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
        writeFileSync(join(data, 'backup_label'), label!.labelfile);
      }),
    );
    writeFileSync(join(data, 'standby.signal'), '');
    handOver(data);
    for (const file of ['backup_label', 'standby.signal']) handOver(join(data, file), 0o600);
    process.start();
    await answers(this.#standby);
  }
}

const urlOf = (sides: readonly Side[]): string =>
  `postgres://${USER}@${sides.map(({ machine }) => `${machine.address}:${PORT}`).join(',')}/postgres`;

function sideOf(machine: Machine, other: Machine, { name, folder, logs }: { name: string; folder: string; logs: string }): Side {
  const data = join(folder, name);
  const settings = [...SETTINGS, `listen_addresses=${machine.address}`, `primary_conninfo=host=${other.address} port=${PORT} user=${USER}`];
  const { uid, gid, env } = postgresSurroundings(data);
  const asUser = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const server = [postgresProgram('postgres'), '-D', data, '-p', String(PORT), ...settings.flatMap((setting) => ['-c', setting])];
  const command = () => [...machine.on, ...asUser, ...server];
  return { machine, data, process: new KeptProcess({ name, command, environment: () => ({ ...process.env, ...env }), folder, logs }) };
}

function makeCluster(data: string): void {
  mkdirSync(data);
  handOver(data);
  const words = ['-D', data, '-U', USER, '--auth=trust', '--encoding=UTF8', '--no-sync', '--no-instructions'];
  execFileSync(postgresProgram('initdb'), words, { ...postgresSurroundings(data), stdio: ['ignore', 'ignore', 'pipe'] });
  appendFileSync(join(data, 'pg_hba.conf'), ANYBODY);
}

/** tar answers 1 when a file changed while it was read, which the backup allows for. */
function copyCluster(from: string, to: string): void {
  const leftOut = ['./pg_wal/*', './postmaster.*', './standby.signal', './backup_label*'].map((name) => `--exclude='${name}'`).join(' ');
  execFileSync('sh', ['-c', `tar -C "${from}" ${leftOut} --warning=none -cf - . | tar -C "${to}" -xpf -`]);
}

async function withDatabase<T>(side: Side, work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase(urlOf([side]), { maxConnections: 1 });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

const answers = (side: Side): Promise<true> =>
  until(`${side.process.name} answers`, async () => {
    await withDatabase(side, (database) => database.query('SELECT 1'));
    return true;
  });
