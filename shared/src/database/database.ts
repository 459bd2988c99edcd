// The pool of connections to PostgreSQL. This folder is the only place that knows it.
import pg from 'pg';
import { PermanentError, TransientError } from '../errors.ts';

/** What a query runs on: the pool, or one transaction. */
export interface Queryable {
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/**
 * Every rejection is a TransientError (server away, overloaded, restarting, serialization) or a PermanentError (the data are wrong). Messages carry the SQLSTATE and names of our schema only: PostgreSQL's own text repeats values, which may be a patient's.
 */
export interface Database extends Queryable {
  transaction<T>(work: (transaction: Queryable) => Promise<T>): Promise<T>;
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

export function openDatabase(url: string, options: { maxConnections?: number; statementTimeoutMs?: number } = {}): Database {
  const { maxConnections = 8, statementTimeoutMs = STATEMENT_TIMEOUT_MS } = options;
  const pool = new pg.Pool({
    connectionString: url,
    max: maxConnections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + SILENCE_MS,
    idle_in_transaction_session_timeout: statementTimeoutMs,
    keepAlive: true,
    types: { getTypeParser },
  });
  // An idle connection that breaks is dropped by the pool; without a listener it would end the process.
  pool.on('error', () => {});
  const query = queryOn(pool);
  return {
    query,
    transaction: (work) => transaction(pool, work),
    probe: async () => void (await query('SELECT 1')),
    close: () => pool.end(),
  };
}

/** bigint as number: sizes and counts stay below 2^53. */
const BIGINT = 20;
function getTypeParser(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  return oid === BIGINT ? Number : pg.types.getTypeParser(oid, format as 'text');
}

function queryOn(target: pg.Pool | pg.PoolClient): Queryable['query'] {
  return async <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> => {
    try {
      return (await target.query<Row & pg.QueryResultRow>(text, [...values])).rows;
    } catch (error) {
      throw classified(error);
    }
  };
}

async function transaction<T>(pool: pg.Pool, work: (transaction: Queryable) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => Promise.reject(classified(error)));
  const query = queryOn(client);
  // A connection that breaks while it is out of the pool reports here as well as through the query.
  const ignore = (): void => {};
  client.on('error', ignore);
  let broken = false;
  try {
    await query('BEGIN');
    const result = await work({ query });
    await query('COMMIT');
    return result;
  } catch (error) {
    broken = await query('ROLLBACK').then(
      () => false,
      () => true,
    );
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(broken);
  }
}

function classified(error: unknown): Error {
  const { code, constraint, table, routine } = error as { code?: string; constraint?: string; table?: string; routine?: string };
  const where = [table, constraint, routine].filter(Boolean).join(' ');
  const sqlState = code !== undefined && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
  if (sqlState === undefined) return new TransientError(`PostgreSQL did not answer (${code ?? 'connection ended or timed out'})`);
  const message = `PostgreSQL: SQLSTATE ${sqlState}${where ? ` (${where})` : ''}`;
  return PERMANENT_CLASSES.has(sqlState.slice(0, 2)) ? new PermanentError(message) : new TransientError(message);
}
