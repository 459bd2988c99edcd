// Users as an administrator makes, changes and removes them. There is always one who may do everything.
import type { Role, UserRights } from './accounts.ts';
import type { Database, Queryable } from './database.ts';

export interface UserEntry extends UserRights {
  readonly name: string;
  readonly mustChangePassword: boolean;
  readonly createdAt: Date;
  readonly passwordChangedAt: Date;
}

const SHOWN = `name, role, all_facilities AS "allFacilities", facilities, must_change_password AS "mustChangePassword", created_at AS "createdAt",
  password_changed_at AS "passwordChangedAt"`;

/** By name. */
export async function listUsers(target: Queryable): Promise<UserEntry[]> {
  return target.query<UserEntry>(`SELECT ${SHOWN} FROM users ORDER BY name`);
}

export interface UserChange {
  readonly name: string;
  /** Absent: as they are. Their sessions and tokens have them from the next request on. */
  readonly rights?: UserRights;
  /** A new first password, which its user is to change; all sessions and tokens of the user end. Absent: it stays. */
  readonly passwordHash?: string;
}

export type ChangeOutcome = 'done' | 'unknown' | 'last-administrator';

export function changeUser(database: Database, { name, rights, passwordHash }: UserChange): Promise<ChangeOutcome> {
  return alone(database, name, async (transaction, known) => {
    if (rights !== undefined && isLast(known, rights.role)) return 'last-administrator';
    if (rights !== undefined) await setRights(transaction, name, rights);
    if (passwordHash !== undefined) await resetPassword(transaction, name, passwordHash);
    return 'done';
  });
}

/** Sessions and tokens go with the user. */
export function removeUser(database: Database, name: string): Promise<ChangeOutcome> {
  return alone(database, name, async (transaction, known) => {
    if (isLast(known)) return 'last-administrator';
    await transaction.query('DELETE FROM users WHERE name = $1', [name]);
    return 'done';
  });
}

interface Known {
  readonly role: Role;
  readonly administrators: number;
}

const isLast = ({ role, administrators }: Known, next?: Role): boolean =>
  role === 'administrator' && next !== 'administrator' && administrators === 1;

/** One change of users after the other: two administrators who remove each other at the same moment would leave none. */
function alone(
  database: Database,
  name: string,
  work: (transaction: Queryable, known: Known) => Promise<ChangeOutcome>,
): Promise<ChangeOutcome> {
  return database.transaction(async (transaction) => {
    await transaction.query('LOCK TABLE users IN EXCLUSIVE MODE');
    const sql = `SELECT role, (SELECT count(*) FROM users WHERE role = 'administrator') AS administrators FROM users WHERE name = $1`;
    const [known] = await transaction.query<Known>(sql, [name]);
    return known === undefined ? 'unknown' : work(transaction, known);
  });
}

async function setRights(transaction: Queryable, name: string, { role, allFacilities, facilities }: UserRights): Promise<void> {
  const sql = 'UPDATE users SET role = $2, all_facilities = $3, facilities = $4 WHERE name = $1';
  await transaction.query(sql, [name, role, allFacilities, facilities]);
}

async function resetPassword(transaction: Queryable, name: string, passwordHash: string): Promise<void> {
  const sql = 'UPDATE users SET password_hash = $2, must_change_password = true, password_changed_at = now() WHERE name = $1';
  await transaction.query(sql, [name, passwordHash]);
  await transaction.query('DELETE FROM sessions WHERE user_name = $1', [name]);
  await transaction.query('DELETE FROM api_tokens WHERE user_name = $1', [name]);
}
