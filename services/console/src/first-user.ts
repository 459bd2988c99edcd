// The first user: the administrator `admin`, with the password that the supervisor drew and printed.
import { readFile, rm } from 'node:fs/promises';
import { countUsers, insertUser } from '@causeway/shared/database/accounts';
import type { Database } from '@causeway/shared/database/database';
import type { Logger } from '@causeway/shared/logger';
import { hashPassword } from './password-hash.ts';

export const FIRST_USER = 'admin';

/** Does nothing once there is any user. Throws when the file is missing or empty: then nobody could sign in. */
export async function createFirstUser(database: Database, passwordFile: string | undefined, log: Logger): Promise<void> {
  if ((await countUsers(database)) > 0) return;
  if (!passwordFile) throw new Error('there is no user yet: name a file with the first password of admin in CAUSEWAY_FIRST_PASSWORD_FILE');
  const password = (await readFile(passwordFile, 'utf8')).trim();
  if (password === '') throw new Error('the file of CAUSEWAY_FIRST_PASSWORD_FILE is empty');
  const rights = { role: 'administrator', allFacilities: true, facilities: [] } as const;
  const user = { name: FIRST_USER, passwordHash: await hashPassword(password), mustChangePassword: true, ...rights };
  const created = await insertUser(database, user);
  if (created) log.info({ user: FIRST_USER }, 'first user created');
}

/** Its password was changed: the file says nothing true any more. One that cannot be removed (a secret mounted read-only) is only reported. */
export async function forgetFirstPassword(passwordFile: string | undefined, log: Logger): Promise<void> {
  if (passwordFile === undefined) return;
  await rm(passwordFile, { force: true }).catch((error: NodeJS.ErrnoException) =>
    log.warn({ reason: error.code }, 'the file of the first password could not be removed'),
  );
}
