// `login`, `token list`, `token revoke`: how this command line proves to a gateway who is asking.
import { hostname } from 'node:os';
import { type Call, type CliParts, type Command, numberOf, TEXT, textOf } from './command.ts';
import type { KeptToken } from './kept-tokens.ts';
import { printTable } from './print-table.ts';
import { inSession } from './session.ts';
import { moment } from './wording.ts';

interface TokenEntry {
  readonly id: string;
  readonly name: string;
  readonly user: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly lastUsedAt: string | null;
}

const MOST_DAYS = 3650;
/** As the API allows. */
const MOST_NAME_CHARACTERS = 64;

/** Signs in, makes a token, signs out again: only the token stays, and only here. */
async function login(call: Call, parts: CliParts): Promise<boolean> {
  const { api, output, tokens } = parts;
  const days = numberOf(call, 'days', [1, MOST_DAYS]);
  const name = textOf(call, 'name') ?? `command line on ${hostname()}`.slice(0, MOST_NAME_CHARACTERS);
  const { token, user, mustChangePassword } = await inSession(parts, async (session) => ({
    ...session,
    token: await session.api.post<KeptToken>('/api/tokens', { name, ...(days === undefined ? {} : { days }) }, session.options),
  }));
  const { id, expiresAt } = token;
  tokens.keep(api.url, { id, token: token.token, expiresAt });
  if (mustChangePassword) output.warn('warning: the first password is still in use: change it on the web page');
  output.show(
    { id, name, expiresAt },
    () => `Signed in to ${api.url} as ${user} until ${moment(expiresAt)}. The token is kept in ${tokens.path}`,
  );
  return true;
}

async function list(_call: Call, { api, output, tokens }: CliParts): Promise<boolean> {
  const answer = await api.get<{ tokens: TokenEntry[] }>('/api/tokens');
  const own = tokens.find(api.url)?.id;
  const columns = [
    { title: 'id', value: ({ id }: TokenEntry) => id },
    { title: 'name', value: ({ id, name }: TokenEntry) => (id === own ? `${name} (kept here)` : name) },
    { title: 'user', value: ({ user }: TokenEntry) => user },
    { title: 'made', value: ({ createdAt }: TokenEntry) => moment(createdAt) },
    { title: 'until', value: ({ expiresAt }: TokenEntry) => moment(expiresAt) },
    { title: 'last used', value: ({ lastUsedAt }: TokenEntry) => moment(lastUsedAt) },
  ];
  output.show(answer, () => printTable(columns, answer.tokens, 'There is no token.'));
  return true;
}

/** A token removes none but itself: for others their user signs in. */
async function revoke({ words }: Call, parts: CliParts): Promise<boolean> {
  const { api, output, tokens } = parts;
  const id = words[0]!;
  const path = `/api/tokens/${encodeURIComponent(id)}`;
  if (api.hasToken && tokens.find(api.url)?.id === id) await api.delete(path);
  else await inSession(parts, (session) => session.api.delete(path, session.options));
  tokens.forget(id);
  output.show({ revoked: id }, () => `Token ${id} is revoked.`);
  return true;
}

export const loginCommands: readonly Command[] = [
  {
    name: 'login',
    takes: '[--name TEXT] [--days N]',
    help: 'asks for user and password (or takes CAUSEWAY_USER and CAUSEWAY_PASSWORD) and keeps a token for this address\n--name: how the token is called in lists\n--days 365: how long it is valid',
    options: { name: TEXT, days: TEXT },
    words: [0, 0],
    run: login,
  },
  { name: 'token list', takes: '', help: 'the tokens of all command lines and programs', words: [0, 0], run: list },
  {
    name: 'token revoke',
    takes: 'ID',
    help: 'a token is valid no longer; for another than the one kept here it asks for user and password',
    words: [1, 1],
    run: revoke,
  },
];
