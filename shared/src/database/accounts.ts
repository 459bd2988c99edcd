// Users of the console, their sessions, and the delay that refused sign-ins earn.
import type { Queryable } from './database.ts';

/** Each may what those before it may. */
export const ROLES = ['reader', 'operator', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

/** `facilities`: whose work the user sees; empty if and only if it is that of all. An administrator has all. */
export interface UserRights {
  readonly role: Role;
  readonly allFacilities: boolean;
  readonly facilities: readonly string[];
}

export interface User extends UserRights {
  readonly name: string;
  readonly passwordHash: string;
  readonly mustChangePassword: boolean;
}

/** Of `users u`. */
export const USER = `u.name, u.password_hash AS "passwordHash", u.must_change_password AS "mustChangePassword", u.role, u.all_facilities AS "allFacilities",
  u.facilities`;

export async function findUser(target: Queryable, name: string): Promise<User | undefined> {
  return (await target.query<User>(`SELECT ${USER} FROM users u WHERE u.name = $1`, [name]))[0];
}

export async function countUsers(target: Queryable): Promise<number> {
  return (await target.query<{ users: number }>('SELECT count(*) AS users FROM users'))[0]!.users;
}

/** False when the user is there already. */
export async function insertUser(target: Queryable, user: User): Promise<boolean> {
  const sql = `INSERT INTO users (name, password_hash, must_change_password, role, all_facilities, facilities) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (name) DO NOTHING RETURNING name`;
  const { name, passwordHash, mustChangePassword, role, allFacilities, facilities } = user;
  return (await target.query(sql, [name, passwordHash, mustChangePassword, role, allFacilities, facilities])).length === 1;
}

/** Ends all other sessions of the user: whoever knew the old password is out. */
export async function changePassword(
  target: Queryable,
  user: { name: string; passwordHash: string; keepTokenHash: string },
): Promise<void> {
  await target.query('UPDATE users SET password_hash = $2, must_change_password = false, password_changed_at = now() WHERE name = $1', [
    user.name,
    user.passwordHash,
  ]);
  await target.query('DELETE FROM sessions WHERE user_name = $1 AND token_hash <> $2', [user.name, user.keepTokenHash]);
}

export async function insertSession(target: Queryable, session: { tokenHash: string; userName: string; seconds: number }): Promise<void> {
  await target.query('DELETE FROM sessions WHERE expires_at < now()');
  const sql = `INSERT INTO sessions (token_hash, user_name, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))`;
  await target.query(sql, [session.tokenHash, session.userName, session.seconds]);
}

/** The user of a session that has not expired. */
export async function findSessionUser(target: Queryable, tokenHash: string): Promise<User | undefined> {
  const sql = `SELECT ${USER} FROM sessions s JOIN users u ON u.name = s.user_name WHERE s.token_hash = $1 AND s.expires_at > now()`;
  return (await target.query<User>(sql, [tokenHash]))[0];
}

export async function deleteSession(target: Queryable, tokenHash: string): Promise<void> {
  await target.query('DELETE FROM sessions WHERE token_hash = $1', [tokenHash]);
}

/** Three tries are free; then 1 s, 2 s, 4 s ... up to 5 minutes between two. Reset by a sign-in, forgotten after a day. */
const DELAY = `make_interval(secs => CASE WHEN r.refusals < 3 THEN 0 ELSE least(300, power(2, least(r.refusals, 20) - 3)) END)`;

/**
 * Counts a try before its password is looked at, in one statement, so that tries at the same time do not slip through. Resolves with the seconds to wait;
 * 0: it may be tried.
 */
export async function countSignInTry(target: Queryable, who: { userName: string; address: string }): Promise<number> {
  await target.query(`DELETE FROM sign_in_refusals WHERE last_at < now() - interval '1 day'`);
  const counted = await target.query(
    `INSERT INTO sign_in_refusals AS r (user_name, address, refusals, last_at) VALUES ($1, $2, 1, now())
     ON CONFLICT (user_name, address) DO UPDATE SET refusals = r.refusals + 1, last_at = now() WHERE r.last_at + ${DELAY} <= now() RETURNING refusals`,
    [who.userName, who.address],
  );
  if (counted.length === 1) return 0;
  const sql = `SELECT ceil(extract(epoch FROM r.last_at + ${DELAY} - now()))::float8 AS seconds FROM sign_in_refusals r
    WHERE user_name = $1 AND address = $2`;
  const [wait] = await target.query<{ seconds: number }>(sql, [who.userName, who.address]);
  return Math.max(1, wait?.seconds ?? 1);
}

export async function forgetSignInTries(target: Queryable, who: { userName: string; address: string }): Promise<void> {
  await target.query('DELETE FROM sign_in_refusals WHERE user_name = $1 AND address = $2', [who.userName, who.address]);
}
