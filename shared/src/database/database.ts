// The pool of connections to PostgreSQL. This folder is the only place that knows it.
import pg from 'pg';
import { PermanentError, TransientError } from '../errors.ts';
import type { DatabaseAddress } from './database-address.ts';
import { sqlStateOf } from './sql-state.ts';
import { type PooledConnection, WritablePool } from './writable-pool.ts';

/** What a query runs on: the pool, or one transaction. */
export interface Queryable {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * Every rejection is a TransientError (server away, overloaded, restarting, serialization) or a PermanentError (the data are wrong). Messages carry the SQLSTATE and names of our schema only: PostgreSQL's own text repeats values, which may be a patient's.
 */
export interface Database extends Queryable {
  transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>;
  /** Of the pool, now. `waiting`: who waits for one. */
  connections(): { readonly idle: number; readonly used: number; readonly waiting: number; readonly most: number };
  /** Throws TransientError when the server does not answer. */
  probe(): Promise<void>;
  close(): Promise<void>;
}

/** A page must not wait longer for a connection: it answers 503 and tells so. */
const CONNECT_TIMEOUT_MS = 5_000;
/** The longest statement is the retention scan of a page of candidates; a second is already unusual. */
const STATEMENT_TIMEOUT_MS = 30_000;
/** The client's own limit beyond the server's, for a server that stopped answering without closing the connection. */
const SILENCE_MS = 2_000;

/**
 * SQLSTATE classes that are the data's own fault: 22 data exception, 23 integrity constraint violation. Everything else (connection, deadlock,
 * resources, a standby that is read only, a schema not migrated yet, missing rights) can be mended without changing the data: try again.
 */
const PERMANENT_CLASSES = new Set(['22', '23']);

/** A string is an address without files. */
export function openDatabase(
  address: DatabaseAddress | string,
  options: { maxConnections?: number; statementTimeoutMs?: number } = {},
): Database {
  const { maxConnections = 8, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const pool = new WritablePool(typeof address === 'string' ? { url: address } : address, {
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    keepAlive: true,
    types: { getTypeParser },
  });
  const query: Queryable['query'] = (text, values) => withConnection(pool, (connection) => connection.query(text, values));
  return {
    query,
    transaction: (work) => withConnection(pool, (connection) => transaction(connection, work)),
    connections: () => pool.counts(),
    probe: async () => void (await query('SELECT 1')),
    close: () => pool.close(),
  };
}

/** bigint as number: sizes and counts stay below 2^53. */
const BIGINT = 20;
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text');
}

interface Connection extends Queryable {
  /** It will not be used again. */
  discard(): void;
}

async function withConnection<T>(pool: WritablePool, work: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await pool.connect().catch((error: unknown) => Promise.reject(classified(error)));
  const { client } = connection;
  // A connection that breaks while it is out of the pool reports here as well as through the query.
  const ignore = (): void => {};
  client.on('error', ignore);
  let broken = false;
  const discard = (): void => {
    broken = true;
  };
  try {
    return await work({ query: queryOn(connection, discard), discard });
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

/** A connection whose query failed without a word of the server may have its answer still under way. */
function queryOn(connection: PooledConnection, discard: () => void): Queryable['query'] {
  return async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return (await connection.client.query<Row & pg.QueryResultRow>(text, [...values])).rows;
    } catch (error) {
      if (sqlStateOf(error) === undefined) discard();
      connection.failed(error);
      throw classified(error);
    }
  };
}

async function transaction<T>(connection: Connection, work: (transaction: Queryable) => Promise<T>): Promise<T> {
  const { query } = connection;
  try {
    await query('BEGIN');
    const result = await work({ query });
    await query('COMMIT');
    return result;
  } catch (error) {
    await query('ROLLBACK').catch(connection.discard);
    throw error;
  }
}

function classified(error: unknown): Error {
  const { code, constraint, table, routine } = error as { code?: string; constraint?: string; table?: string; routine?: string };
  const where = [table, constraint, routine].filter(Boolean).join(' ');
  if (error instanceof TransientError) return error;
  const sqlState = sqlStateOf(error);
  if (sqlState === undefined) return new TransientError(`PostgreSQL did not answer (${code ?? 'connection ended or timed out'})`);
  const message = `PostgreSQL: SQLSTATE ${sqlState}${where ? ` (${where})` : ''}`;
  return PERMANENT_CLASSES.has(sqlState.slice(0, 2)) ? new PermanentError(message) : new TransientError(message);
}
