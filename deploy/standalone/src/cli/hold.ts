// `hold list|assign|release|discard`: work that waits for a person, by study or by receipt.
import { assertWanted, type Call, type CliParts, type Command, FLAG, Refused, TEXT, textOf, UsageProblem } from './command.ts';
import { type Column, printTable } from './print-table.ts';
import { moment, plural } from './wording.ts';

/** The waiting instances of one study that wait for the same reason. */
interface Waiting {
  readonly studyKey: string;
  readonly state: 'held' | 'quarantined';
  readonly patientName: string;
  readonly patientId: string;
  readonly studyDescription: string;
  readonly institutionName: string;
  readonly held: { readonly reason: string; readonly detail: string; readonly facility?: string } | null;
  readonly reason: string | null;
  readonly since: string;
  readonly instances: number;
}

const columns: readonly Column<Waiting>[] = [
  { title: 'study', value: ({ studyKey }) => studyKey },
  { title: 'instances', value: ({ instances }) => instances },
  { title: 'since', value: ({ since }) => moment(since) },
  { title: 'patient', value: ({ patientName, patientId }) => `${patientName} (${patientId})` },
  { title: 'institution', value: ({ institutionName }) => institutionName },
  { title: 'state', value: ({ state }) => state },
  { title: 'at', value: ({ held }) => held?.facility ?? '-' },
  { title: 'why', value: ({ held, reason }) => (held ? `${held.reason}: ${held.detail}` : (reason ?? '')) },
];

const listWaiting = ({ api }: CliParts): Promise<{ waiting: Waiting[] }> => api.get('/api/held?limit=200');

async function list(_call: Call, parts: CliParts): Promise<boolean> {
  const answer = await listWaiting(parts);
  parts.output.show(answer, () => printTable(columns, answer.waiting, 'Nothing waits for a person.'));
  return true;
}

async function assign(call: Call, parts: CliParts): Promise<boolean> {
  const facilities = textOf(call, 'to')?.split(',').filter(Boolean) ?? [];
  if (facilities.length === 0) throw new UsageProblem('say to which facilities: --to north,ms44');
  const instances = await actOn(call, parts, {
    states: ['held'],
    act: (receiptIds) => ({ path: '/api/held/assign', body: { receiptIds, facilities } }),
  });
  parts.output.show({ instances }, () => `${plural(instances, 'instance')} assigned to ${facilities.join(', ')}.`);
  return true;
}

/** Held instances are decided again by the rules that hold now, quarantined ones begin again where they came in. */
async function release(call: Call, parts: CliParts): Promise<boolean> {
  const instances = await actOn(call, parts, {
    states: ['held', 'quarantined'],
    act: (receiptIds, state) => ({ path: state === 'held' ? '/api/held/release' : '/api/held/retry', body: { receiptIds } }),
  });
  parts.output.show({ instances }, () => `${plural(instances, 'instance')} released: what fits no rule is held again.`);
  return true;
}

async function discard(call: Call, parts: CliParts): Promise<boolean> {
  await assertWanted(call, parts, `Discard what waits of ${call.words.join(', ')}? It is sent nowhere, and deleted after its retention.`);
  const instances = await actOn(call, parts, {
    states: ['held', 'quarantined'],
    act: (receiptIds) => ({ path: '/api/held/discard', body: { receiptIds } }),
  });
  parts.output.show({ instances }, () => `${plural(instances, 'instance')} discarded.`);
  return true;
}

interface Action {
  readonly states: readonly Waiting['state'][];
  act(receiptIds: readonly string[], state: Waiting['state']): { path: string; body: object };
}

/** What waits of a study, or one receipt, if it waits. */
interface WaitingReceipt {
  readonly receiptId: string;
  readonly state: Waiting['state'];
}

/** Resolves with how many instances. A study may have any number: page by page, so that what is held again meanwhile is not met twice. */
async function actOn({ words }: Call, parts: CliParts, action: Action): Promise<number> {
  const done = new Set<string>();
  try {
    for (const word of words) for await (const page of waitingOf(parts, word)) await actOnPage(parts, action, { page, done });
  } catch (error) {
    if (done.size > 0) parts.output.warn(`${plural(done.size, 'instance')} done before this:`);
    throw error;
  }
  if (done.size === 0)
    throw new Refused(`Nothing of ${words.join(', ')} is ${action.states.join(' or ')}. What waits: npm run causeway -- hold list`);
  return done.size;
}

async function* waitingOf({ api }: CliParts, word: string): AsyncGenerator<readonly WaitingReceipt[]> {
  const which: Record<string, string> = RECEIPT.test(word) ? { receipt: word } : { study: word };
  for (;;) {
    const { receipts } = await api.get<{ receipts: readonly WaitingReceipt[] }>(`/api/held/receipts?${new URLSearchParams(which)}`);
    if (receipts.length > 0) yield receipts;
    if (receipts.length === 0 || which.receipt !== undefined) return;
    which.after = receipts.at(-1)!.receiptId;
  }
}

const RECEIPT = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

interface Doing {
  readonly page: readonly WaitingReceipt[];
  readonly done: Set<string>;
}

async function actOnPage({ api }: CliParts, { states, act }: Action, { page, done }: Doing): Promise<void> {
  for (const state of states) {
    const chosen = page.flatMap((one) => (one.state === state && !done.has(one.receiptId) ? [one.receiptId] : []));
    if (chosen.length === 0) continue;
    const { path, body } = act(chosen, state);
    await api.post(path, body);
    for (const receiptId of chosen) done.add(receiptId);
  }
}

export const holdCommands: readonly Command[] = [
  { name: 'hold list', takes: '', help: 'what waits for a person, longest first', words: [0, 0], run: list },
  {
    name: 'hold assign',
    takes: 'STUDY|RECEIPT... --to FACILITY[,FACILITY]',
    help: 'held instances go to these facilities',
    options: { to: TEXT },
    words: [1, 100],
    run: assign,
  },
  {
    name: 'hold release',
    takes: 'STUDY|RECEIPT...',
    help: 'the rules decide held instances again; quarantined ones are tried again from the start',
    words: [1, 100],
    run: release,
  },
  {
    name: 'hold discard',
    takes: 'STUDY|RECEIPT... [--yes]',
    help: 'they are sent nowhere, and deleted after their retention',
    options: { yes: FLAG },
    words: [1, 100],
    run: discard,
  },
];
