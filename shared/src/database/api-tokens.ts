// API tokens: by their hash, never themselves.
import { USER, type User } from './accounts.ts';
import type { Database, Queryable } from './database.ts';

export interface ApiToken {
  readonly id: string;
  /** What its maker calls it. */
  readonly name: string;
  /** As whom it acts. */
  readonly user: string;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** At most a minute behind; null: never used. */
  readonly lastUsedAt: Date | null;
}

export interface NewApiToken {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly tokenHash: string;
  readonly days: number;
}

/** Of all users together: far more than anyone keeps track of. */
export const MOST_API_TOKENS = 200;
const SHOWN = 'id, name, user_name AS "user", created_at AS "createdAt", expires_at AS "expiresAt", last_used_at AS "lastUsedAt"';

/** Forgets tokens that expired a month ago. Undefined: there are MOST_API_TOKENS, and nothing was stored. */
export async function insertApiToken(database: Database, token: NewApiToken): Promise<ApiToken | undefined> {
  return database.transaction(async (transaction) => {
    await transaction.query('LOCK TABLE api_tokens IN EXCLUSIVE MODE');
    await transaction.query(`DELETE FROM api_tokens WHERE expires_at < now() - interval '30 days'`);
    const sql = `INSERT INTO api_tokens (id, name, user_name, token_hash, expires_at)
      SELECT $1::uuid, $2, $3, $4, now() + make_interval(days => $5) WHERE (SELECT count(*) FROM api_tokens) < $6 RETURNING ${SHOWN}`;
    const values = [token.id, token.name, token.user, token.tokenHash, token.days, MOST_API_TOKENS];
    return (await transaction.query<ApiToken>(sql, values))[0];
  });
}

/** Newest first; those that expired within the last month too, so that one sees why a program is refused. `ofUser` absent: everybody's. */
export async function listApiTokens(target: Queryable, ofUser?: string): Promise<ApiToken[]> {
  const sql = `SELECT ${SHOWN} FROM api_tokens WHERE $1::text IS NULL OR user_name = $1 ORDER BY created_at DESC, id`;
  return target.query<ApiToken>(sql, [ofUser ?? null]);
}

/** Resolves with its name; undefined: there is none, or it is another user's than `ofUser`. It is refused from then on. */
export async function deleteApiToken(target: Queryable, id: string, ofUser?: string): Promise<string | undefined> {
  const sql = 'DELETE FROM api_tokens WHERE id = $1 AND ($2::text IS NULL OR user_name = $2) RETURNING name';
  return (await target.query<{ name: string }>(sql, [id, ofUser ?? null]))[0]?.name;
}

/** `unnoted`: its last use is noted more than a minute ago, or not at all. */
export interface TokenHolder {
  readonly id: string;
  readonly name: string;
  readonly user: User;
  readonly unnoted: boolean;
}

/** Whose token it is; undefined: not known, or expired. */
export async function findTokenHolder(target: Queryable, tokenHash: string): Promise<TokenHolder | undefined> {
  const sql = `SELECT t.id, t.name AS "tokenName", ${USER},
      t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute' AS unnoted
    FROM api_tokens t JOIN users u ON u.name = t.user_name WHERE t.token_hash = $1 AND t.expires_at > now()`;
  const [found] = await target.query<User & { id: string; tokenName: string; unnoted: boolean }>(sql, [tokenHash]);
  if (!found) return undefined;
  const { id, tokenName: name, unnoted, ...user } = found;
  return { id, name, user, unnoted };
}

/** Of several requests at a time one writes. */
export async function noteTokenUse(target: Queryable, id: string): Promise<void> {
  const sql = `UPDATE api_tokens SET last_used_at = now()
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`;
  await target.query(sql, [id]);
}
