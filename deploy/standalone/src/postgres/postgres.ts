// PostgreSQL for this gateway alone: loopback, password, nothing of its data in the log.
import { join } from 'node:path';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import type { ProcessPlan } from '../kept-process.ts';
import type { Secrets } from '../secrets.ts';
import { ADMIN, clearCluster } from './cluster.ts';
import type { PostgresPlaces } from './postgres-places.ts';

export const DATABASE = 'causeway';

/**
 * Modest memory: the ledger's tables are small and its writes come in batches. Errors of statements go to the client that caused them and not
 * to the log, for PostgreSQL's own text repeats values, which may be a patient's (invariant 10).
 */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '64MB',
  max_wal_size: '512MB',
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_checkpoints: 'off',
  log_statement: 'none',
  log_parameter_max_length_on_error: '0',
  log_timezone: 'UTC',
  timezone: 'UTC',
};

export function planPostgres(places: PostgresPlaces, port: number): ProcessPlan {
  const settings = { ...SETTINGS, port: String(port) };
  return {
    name: 'postgres',
    command: join(places.programs, 'postgres'),
    arguments: ['-D', places.cluster, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    environment: { PATH: process.env.PATH, LC_ALL: 'C' },
    workingFolder: '/',
    user: places.user,
    // Fast shutdown: open transactions are rolled back, everything is written.
    stopSignal: 'SIGINT',
    prepare: () => clearCluster(places.cluster),
  };
}

export const databaseUrl = (port: number, secrets: Secrets): string =>
  `postgres://${DATABASE}:${secrets.postgresPassword}@127.0.0.1:${port}/${DATABASE}`;

/** As superuser, one connection; the caller closes it. */
export const openAsAdmin = (port: number, secrets: Secrets): Database =>
  openDatabase(`postgres://${ADMIN}:${secrets.postgresAdminPassword}@127.0.0.1:${port}/postgres`, { maxConnections: 1 });

/** Makes the role and the database of ledger and console when they are not there. Throws while the server does not answer. */
export async function ensureDatabase(port: number, secrets: Secrets): Promise<void> {
  const admin = openAsAdmin(port, secrets);
  try {
    const roles = await admin.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [DATABASE]);
    // The password is hexadecimal: it needs no quoting, and a statement of this kind takes no parameters.
    await admin.query(`${roles.length === 0 ? 'CREATE' : 'ALTER'} ROLE ${DATABASE} LOGIN PASSWORD '${secrets.postgresPassword}'`);
    const databases = await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (databases.length === 0) await admin.query(`CREATE DATABASE ${DATABASE} OWNER ${DATABASE}`);
  } finally {
    await admin.close();
  }
}
