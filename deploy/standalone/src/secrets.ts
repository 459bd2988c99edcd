// Credentials of this gateway's own parts, drawn at the first start; nobody else needs to know them.
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readIfThere, writeAtomically } from './atomic-file.ts';

export interface Secrets {
  readonly natsPassword: string;
  /** Encrypts what JetStream keeps on disk. Lost key, lost messages (they are made again from the objects). */
  readonly jetstreamKey: string;
  /** The superuser of our Postgres: set-up and backup. */
  readonly postgresAdminPassword: string;
  /** The role that ledger and console use. */
  readonly postgresPassword: string;
  /** Exists while the console's first password has not been changed. */
  readonly firstPasswordFile: string;
}

const SECRET_BYTES = 24;
/** Letters and digits that cannot be mistaken for one another, for a password that is typed once. */
const READABLE = 'abcdefghjkmnpqrstuvwxyz23456789';
const FIRST_PASSWORD_LENGTH = 16;

/** Draws what is missing into files of mode 0600. */
export function ensureSecrets(folder: string): Secrets {
  const firstPasswordFile = join(folder, 'first-password');
  // The last one drawn marks that the first start came so far: the console removes the first password once it was changed, and it must not come back.
  const last = join(folder, 'postgres-password');
  if (!existsSync(last) && !existsSync(firstPasswordFile)) writeAtomically(firstPasswordFile, `${readablePassword()}\n`);
  const draw = (name: string): string => ensureSecret(join(folder, name));
  return {
    natsPassword: draw('nats-password'),
    jetstreamKey: draw('jetstream-key'),
    postgresAdminPassword: draw('postgres-admin-password'),
    postgresPassword: draw('postgres-password'),
    firstPasswordFile,
  };
}

function ensureSecret(path: string): string {
  const present = readIfThere(path)?.trim();
  if (present) return present;
  const secret = randomBytes(SECRET_BYTES).toString('hex');
  writeAtomically(path, `${secret}\n`);
  return secret;
}

/** 79 bits: bytes beyond the largest multiple of the alphabet's length are drawn again, so that each letter is as likely. */
function readablePassword(): string {
  const limit = 256 - (256 % READABLE.length);
  let password = '';
  while (password.length < FIRST_PASSWORD_LENGTH) {
    const byte = randomBytes(1)[0]!;
    if (byte < limit) password += READABLE[byte % READABLE.length];
  }
  return password;
}
