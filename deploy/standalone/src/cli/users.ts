// `users list|add|set|remove`: who may use the gateway's page and API, with which role, for which facilities.
import { assertWanted, type Call, type CliParts, type Command, FLAG, TEXT, textOf, UsageProblem } from './command.ts';
import { printTable } from './print-table.ts';
import { inSession } from './session.ts';
import { moment } from './wording.ts';

interface Rights {
  readonly role: string;
  readonly allFacilities: boolean;
  readonly facilities: readonly string[];
}

type UserEntry = Rights & { readonly name: string; readonly mustChangePassword: boolean; readonly createdAt: string };
/** `password`: a new first one. */
type Answer = Partial<Rights> & { readonly name: string; readonly password?: string };

const RIGHTS = { role: TEXT, facilities: TEXT, 'all-facilities': FLAG } as const;
const RIGHTS_HELP =
  '--role reader|operator|administrator: a reader sees, an operator also acts, an administrator also changes configuration and users\n--facilities north,ms44: whose work; or --all-facilities';

async function list(_call: Call, { api, output }: CliParts): Promise<boolean> {
  const answer = await api.get<{ users: UserEntry[] }>('/api/users');
  const columns = [
    { title: 'user', value: ({ name }: UserEntry) => name },
    { title: 'role', value: ({ role }: UserEntry) => role },
    { title: 'facilities', value: ({ allFacilities, facilities }: UserEntry) => (allFacilities ? 'all' : facilities.join(', ')) },
    { title: 'made', value: ({ createdAt }: UserEntry) => moment(createdAt) },
    { title: 'password', value: ({ mustChangePassword }: UserEntry) => (mustChangePassword ? 'first' : 'own') },
  ];
  output.show(answer, () => printTable(columns, answer.users, 'There is no user.'));
  return true;
}

/** What a token may not do (bearer-tokens.ts of the console): it asks for user and password. */
async function add(call: Call, parts: CliParts): Promise<boolean> {
  const [name] = call.words;
  const rights = rightsOf(call);
  if (rights === undefined) throw new UsageProblem('say what the user may: --role, and --facilities or --all-facilities');
  const made = await inSession(parts, ({ api, options }) => api.post<Answer>('/api/users', { name, ...rights }, options));
  parts.output.show(made, () => `${made.name} is ${described(rights)}. First password, shown only now: ${made.password}`);
  return true;
}

async function set(call: Call, parts: CliParts): Promise<boolean> {
  const rights = rightsOf(call);
  const newPassword = call.options['new-password'] === true;
  if (rights === undefined && !newPassword) throw new UsageProblem('say what is to change: --role with facilities, or --new-password');
  const path = `/api/users/${encodeURIComponent(call.words[0]!)}`;
  const changed = await inSession(parts, ({ api, options }) => api.put<Answer>(path, { rights, newPassword }, options));
  const told = [
    ...(rights === undefined ? [] : [`${changed.name} is ${described(rights)} from now on.`]),
    ...(changed.password === undefined ? [] : [`New first password, shown only now: ${changed.password}`]),
  ];
  parts.output.show(changed, () => told.join('\n'));
  return true;
}

async function remove(call: Call, parts: CliParts): Promise<boolean> {
  const name = call.words[0]!;
  await assertWanted(call, parts, `Remove the user ${name}, with all sessions and API tokens of it?`);
  await inSession(parts, ({ api, options }) => api.delete(`/api/users/${encodeURIComponent(name)}`, options));
  parts.output.show({ removed: name }, () => `The user ${name} is removed.`);
  return true;
}

/** undefined: none of the options is given. Throws UsageProblem when only a part of them is. */
function rightsOf(call: Call): Rights | undefined {
  const role = textOf(call, 'role');
  const facilities = textOf(call, 'facilities')?.split(',').filter(Boolean) ?? [];
  const allFacilities = call.options['all-facilities'] === true;
  if (role === undefined && facilities.length === 0 && !allFacilities) return undefined;
  if (role === undefined) throw new UsageProblem('--role is missing');
  if (allFacilities === facilities.length > 0) throw new UsageProblem('either --facilities with their ids, or --all-facilities');
  return { role, allFacilities, facilities };
}

const described = ({ role, allFacilities, facilities }: Rights): string =>
  `${role} of ${allFacilities ? 'all facilities' : facilities.join(', ')}`;

export const userCommands: readonly Command[] = [
  { name: 'users list', takes: '', help: 'who may use the gateway (for administrators)', words: [0, 0], run: list },
  {
    name: 'users add',
    takes: 'NAME --role ROLE (--facilities ID[,ID] | --all-facilities)',
    help: `makes a user and shows its first password; asks for the administrator's own\n${RIGHTS_HELP}`,
    options: RIGHTS,
    words: [1, 1],
    run: add,
  },
  {
    name: 'users set',
    takes: 'NAME [--role ROLE (--facilities ID[,ID] | --all-facilities)] [--new-password]',
    help: `other rights, at once; asks for the administrator's own password\n${RIGHTS_HELP}\n--new-password: a new first password; sessions and tokens end`,
    options: { ...RIGHTS, 'new-password': FLAG },
    words: [1, 1],
    run: set,
  },
  {
    name: 'users remove',
    takes: 'NAME [--yes]',
    help: "sessions and API tokens end; asks for the administrator's own password",
    options: { yes: FLAG },
    words: [1, 1],
    run: remove,
  },
];
