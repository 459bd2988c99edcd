// PostgreSQL for this gateway alone: loopback, password, nothing of its data in the log.
import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
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
    prepare: () => clearCluster(realpathSync(places.cluster)),
  };
}

export const databaseUrl = (port: number, secrets: Secrets): string =>
  `postgres://${DATABASE}:${secrets.postgresPassword}@127.0.0.1:${port}/${DATABASE}`;

export const adminClient = (port: number, secrets: Secrets): pg.Client =>
  new pg.Client({
    host: '127.0.0.1',
    port,
    user: ADMIN,
    password: secrets.postgresAdminPassword,
    database: 'postgres',
    connectionTimeoutMillis: 2_000,
  });

/** Makes the role and the database of ledger and console when they are not there. Throws while the server does not answer. */
export async function ensureDatabase(port: number, secrets: Secrets): Promise<void> {
  const client = adminClient(port, secrets);
  client.on('error', () => {});
  try {
    await client.connect();
    const role = await client.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [DATABASE]);
    const verb = role.rowCount === 0 ? 'CREATE' : 'ALTER';
    await client.query(`${verb} ROLE ${DATABASE} LOGIN PASSWORD ${client.escapeLiteral(secrets.postgresPassword)}`);
    const database = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [DATABASE]);
    if (database.rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE} OWNER ${DATABASE}`);
  } finally {
    await client.end().catch(() => {});
  }
}
