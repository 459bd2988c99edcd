// Where PostgreSQL is: one host, or several of which the one that accepts writes is used.
import { readFile } from 'node:fs/promises';
import type pg from 'pg';
import type { ServiceEnvironment } from '../config/service-environment.ts';

export interface DatabaseAddress {
  /** postgres://user[:password]@host[:port][,host[:port]...]/database */
  readonly url: string;
  /** A file that holds the password; line breaks at its end do not count. */
  readonly passwordFile?: string;
  /** PEM file of the authority that signed the servers' certificates; with it, connections are encrypted and host names checked. */
  readonly caFile?: string;
}

/** Throws when there is none; `purpose` says who needs it and what for. */
export function databaseAddress(environment: ServiceEnvironment, purpose: string): DatabaseAddress {
  const url = environment.CAUSEWAY_DATABASE_URL;
  if (!url) throw new Error(`CAUSEWAY_DATABASE_URL is missing: ${purpose}`);
  return { url, passwordFile: environment.CAUSEWAY_DATABASE_PASSWORD_FILE, caFile: environment.CAUSEWAY_DATABASE_CA };
}

/** Scheme, what stands before `@`, the hosts, and the rest. */
const URL_PARTS = /^(postgres(?:ql)?:\/\/)([^@/]*@)?([^/?]*)(.*)$/;

/** `host:port` of each, in the order of the address. */
export const hostsOf = ({ url }: DatabaseAddress): string[] => parts(url).hosts.split(',');

/** What the client needs to reach one host. Reads the files, at each call: rejects when one is not there. */
export async function clientSettings(address: DatabaseAddress, host: string): Promise<pg.ClientConfig> {
  const { scheme, user, rest } = parts(address.url);
  const url = new URL(`${scheme}${user}${host}${rest}`);
  if (address.passwordFile !== undefined) url.password = encodeURIComponent(await line(address.passwordFile));
  const ca = address.caFile === undefined ? undefined : await readFile(address.caFile, 'utf8');
  return { connectionString: url.href, ...(ca === undefined ? {} : { ssl: { ca } }) };
}

const line = async (file: string): Promise<string> => (await readFile(file, 'utf8')).replace(/[\r\n]+$/, '');

function parts(url: string): { scheme: string; user: string; hosts: string; rest: string } {
  const [, scheme, user = '', hosts, rest = ''] = URL_PARTS.exec(url) ?? [];
  if (scheme === undefined || hosts === undefined) throw new Error('the address of the database is not a postgres:// URL');
  return { scheme, user, hosts, rest };
}
