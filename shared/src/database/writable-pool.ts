// Connections to the PostgreSQL host that accepts writes; it is looked for anew when it does not any more.
import pg from 'pg';
import { clientSettings, type DatabaseAddress, hostsOf } from './database-address.ts';
import { sqlStateOf } from './sql-state.ts';
import { findWritableHost } from './writable-host.ts';

/** SQLSTATE 25006: the host became a standby, or was told to take no writes. */
const READ_ONLY = '25006';
/** 08 connection exception; 57P01 to 57P03: it is going down, or not up yet. */
const GOING_AWAY = /^(08...|57P0[123])$/;

export interface PooledConnection {
  readonly client: pg.PoolClient;
  /** To be told what went wrong with a query on it. */
  failed(error: unknown): void;
}

export class WritablePool {
  readonly #address: DatabaseAddress;
  readonly #settings: pg.PoolConfig & { readonly max: number };
  readonly #severalHosts: boolean;
  #current: Promise<pg.Pool> | undefined;
  /** The newest that was opened. */
  #opened: pg.Pool | undefined;
  readonly #leaving = new Set<Promise<void>>();
  #closed = false;

  /** `settings` hold for each connection, whichever host it leads to. */
  constructor(address: DatabaseAddress, settings: pg.PoolConfig & { readonly max: number }) {
    this.#address = address;
    this.#settings = settings;
    this.#severalHosts = hostsOf(address).length > 1;
  }

  /**
   * A connection that could not be made has had no effect: after the first failure the host is looked for anew, and password and certificates are read again.
   * Rejects when all connections are in use for longer than a connection may take.
   */
  async connect(): Promise<PooledConnection> {
    if (this.#closed) throw new Error('the database is closed');
    const first = this.#find();
    try {
      return await this.#connectTo(first);
    } catch (error) {
      if (this.#closed || (await this.#isFull(first))) throw error;
      this.#leave(first);
      return this.#connectTo(this.#find());
    }
  }

  /** Of the host it leads to now. */
  counts(): { idle: number; used: number; waiting: number; most: number } {
    const { idleCount = 0, totalCount = 0, waitingCount = 0 } = this.#opened ?? {};
    return { idle: idleCount, used: totalCount - idleCount, waiting: waitingCount, most: this.#settings.max };
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#current) this.#leave(this.#current);
    await Promise.all(this.#leaving);
  }

  async #connectTo(pool: Promise<pg.Pool>): Promise<PooledConnection> {
    const client = await (await pool).connect();
    return {
      client,
      failed: (error) => {
        if (this.#speaksAgainstHost(error)) this.#leave(pool);
      },
    };
  }

  #find(): Promise<pg.Pool> {
    if (this.#current) return this.#current;
    const found = this.#openPool();
    this.#current = found;
    found.catch(() => this.#leave(found));
    return found;
  }

  async #openPool(): Promise<pg.Pool> {
    const host = await findWritableHost(this.#address);
    const verify = this.#severalHosts ? { verify: refuseReadOnly } : {};
    const pool = new pg.Pool({ ...this.#settings, ...verify, ...(await clientSettings(this.#address, host)) });
    // An idle connection that breaks is dropped by the pool; without a listener it would end the process.
    pool.on('error', () => {});
    this.#opened = pool;
    return pool;
  }

  /** Who still has a connection of it keeps it until released. */
  #leave(pool: Promise<pg.Pool>): void {
    if (this.#current !== pool) return;
    this.#current = undefined;
    const left: Promise<void> = pool
      .then((opened) => opened.end())
      .catch(() => {})
      .finally(() => this.#leaving.delete(left));
    this.#leaving.add(left);
  }

  /** Then nothing is wrong with the host: everybody has to wait. */
  async #isFull(pool: Promise<pg.Pool>): Promise<boolean> {
    if (this.#current !== pool) return false;
    const opened = await pool.catch(() => undefined);
    return opened !== undefined && opened.totalCount >= this.#settings.max;
  }

  /** With a single host a lost connection says nothing: the next one leads there again. */
  #speaksAgainstHost(error: unknown): boolean {
    const state = sqlStateOf(error);
    if (state === READ_ONLY) return true;
    return this.#severalHosts && (state === undefined || GOING_AWAY.test(state));
  }
}

/** A host that came back as a standby takes connections, and answers from old rows. */
function refuseReadOnly(client: pg.PoolClient, done: (error?: Error) => void): void {
  client.query<{ on: boolean }>("SELECT current_setting('transaction_read_only') = 'on' AS on").then(
    ({ rows }) => done(rows[0]?.on ? new Error('the host is read-only') : undefined),
    (error: Error) => done(error),
  );
}
