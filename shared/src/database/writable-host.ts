// Which of several PostgreSQL hosts accepts writes: all are asked at once.
import pg from 'pg';
import { TransientError } from '../errors.ts';
import { clientSettings, type DatabaseAddress, hostsOf } from './database-address.ts';
import { TIMELINE } from './timeline.ts';

/** Of connecting, and again of the answer: a host that is frozen or cut off holds up the search so long. */
const ANSWER_WITHIN_MS = 2_000;

/** What a host says of itself; `timeline` counts promotions: it grows by one with each. */
interface HostAnswer {
  readonly host: string;
  readonly writable: boolean;
  readonly timeline: string;
}

/** On a standby `transaction_read_only` is on. */
const QUESTION = `SELECT current_setting('transaction_read_only') = 'off' AS writable, ${TIMELINE} AS timeline`;

/**
 * `host:port`. A single host is taken as it is. Of two that accept writes, because a former primary came back and nobody made it a standby, the one that was promoted last.
 * Throws TransientError when none accepts writes, with what each said.
 */
export async function findWritableHost(address: DatabaseAddress): Promise<string> {
  const hosts = hostsOf(address);
  if (hosts.length === 1) return hosts[0]!;
  const answers = await Promise.allSettled(hosts.map((host) => ask(address, host)));
  const writable = answers.flatMap((answer) => (answer.status === 'fulfilled' && answer.value.writable ? [answer.value] : []));
  const newest = writable.sort((a, b) => b.timeline.localeCompare(a.timeline))[0];
  if (newest) return newest.host;
  const said = answers.map((answer, n) => `${hosts[n]} ${answer.status === 'rejected' ? reasonOf(answer.reason) : 'is read-only'}`);
  throw new TransientError(`PostgreSQL: no host accepts writes (${said.join(', ')})`);
}

async function ask(address: DatabaseAddress, host: string): Promise<HostAnswer> {
  const settings = await clientSettings(address, host);
  const client = new pg.Client({ ...settings, connectionTimeoutMillis: ANSWER_WITHIN_MS, query_timeout: ANSWER_WITHIN_MS });
  // A connection that breaks while it ends has nobody else to tell.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ writable: boolean; timeline: string }>(QUESTION);
    return { host, ...rows[0]! };
  } finally {
    // Not waited for: a frozen host never says goodbye.
    void client.end().catch(() => {});
  }
}

/** Code or nothing: PostgreSQL's own text may repeat values. */
const reasonOf = (error: unknown): string => `did not answer (${(error as { code?: string }).code ?? 'connection ended or timed out'})`;
