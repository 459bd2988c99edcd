// A session of a person, for what a token may not do: user and password, a cookie while it lasts, signed out at the end.
import { ApiClient, type RequestOptions } from './api-client.ts';
import { type CliParts, Refused } from './command.ts';

export interface Session {
  readonly user: string;
  readonly mustChangePassword: boolean;
  /** Asks as this person. */
  readonly api: ApiClient;
  /** What every request of the session needs. */
  readonly options: RequestOptions;
}

/** Against other sites' forms (see sessions.ts of the console). */
const OURS = { 'x-requested-with': 'causeway', 'content-type': 'application/json' };

/** Asks for what the environment does not name. Throws Refused without a terminal; ApiProblem when user and password do not fit. */
export async function inSession<T>(parts: CliParts, work: (session: Session) => Promise<T>): Promise<T> {
  const { user, password } = await readCredentials(parts);
  const api = new ApiClient(parts.api.url, undefined);
  const { headers, body } = await api.exchange('POST', '/api/session', { body: { user, password }, headers: OURS });
  const cookie = headers.getSetCookie()[0]?.split(';')[0] ?? '';
  const options = { headers: { ...OURS, cookie } };
  const mustChangePassword = (body as { mustChangePassword?: boolean }).mustChangePassword === true;
  try {
    return await work({ user, mustChangePassword, api, options });
  } finally {
    // It would end by itself after hours.
    await api.delete('/api/session', { headers: { 'x-requested-with': 'causeway', cookie } }).catch(() => {});
  }
}

async function readCredentials({ api, terminal, credentials, output }: CliParts): Promise<{ user: string; password: string }> {
  const isKnown = credentials.user !== undefined && credentials.password !== undefined;
  if (!isKnown && !terminal.interactive) throw new Refused('There is no terminal to ask on: set CAUSEWAY_USER and CAUSEWAY_PASSWORD.');
  if (isInTheOpen(api.url)) output.warn(`warning: the password goes to ${api.url} unencrypted: use https://`);
  const user = credentials.user ?? (await terminal.ask(`User of ${api.url}: `));
  const password = credentials.password ?? (await terminal.askSecret('Password: '));
  return { user, password };
}

/** Beyond this machine and without TLS. */
export function isInTheOpen(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'http:' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}
