// `deliveries list|retry|discard`: what goes where, what failed, and what is to become of that.
import { assertWanted, type Call, type CliParts, type Command, FLAG, numberOf, TEXT, textOf, UsageProblem } from './command.ts';
import { type Column, printTable } from './print-table.ts';
import { moment, plural } from './wording.ts';

interface Delivery {
  readonly id: string;
  readonly studyKey: string;
  readonly sopInstanceUid: string;
  readonly destination: string;
  readonly facility: string | null;
  readonly rule: string;
  readonly state: string;
  readonly stateAt: string;
  readonly attempts: number;
  readonly reason: string | null;
  readonly confirmation: string | null;
}

const STATES = ['due', 'parked', 'retrying', 'failed', 'discarded', 'confirmed'];
const MOST_LISTED = 500;
/** The API does so many at one request, and is asked again for the rest. */
const MOST_A_REQUEST = 5_000;
const RETRY_TIMEOUT_MS = 5 * 60_000;

const columns: readonly Column<Delivery>[] = [
  { title: 'delivery', value: ({ id }) => id },
  { title: 'study', value: ({ studyKey }) => studyKey },
  { title: 'destination', value: ({ destination }) => destination },
  { title: 'facility', value: ({ facility }) => facility ?? '-' },
  { title: 'state', value: ({ state }) => state },
  { title: 'since', value: ({ stateAt }) => moment(stateAt) },
  { title: 'attempts', value: ({ attempts }) => attempts },
  { title: 'rule', value: ({ rule }) => rule },
  { title: 'why', value: ({ reason, confirmation }) => reason ?? confirmation ?? '' },
];

async function list(call: Call, { api, output }: CliParts): Promise<boolean> {
  const state = textOf(call, 'state') ?? 'failed';
  if (!STATES.includes(state)) throw new UsageProblem(`--state ${state}: one of ${STATES.join(', ')} is needed`);
  const limit = numberOf(call, 'limit', [1, MOST_LISTED]);
  const query = queryOf({ state, ...whichOf(call), limit: limit?.toString() });
  const answer = await api.get<{ deliveries: Delivery[] }>(`/api/deliveries?${query}`);
  output.show(answer, () => printTable(columns, answer.deliveries, `No delivery is ${state}.`));
  return true;
}

const whichOf = (call: Call): { destination?: string; study?: string } => ({
  destination: textOf(call, 'destination'),
  study: textOf(call, 'study'),
});

function queryOf(fields: Record<string, string | undefined>): string {
  const given = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return new URLSearchParams(given).toString();
}

async function retry(call: Call, parts: CliParts): Promise<boolean> {
  const isAll = call.options.all === true;
  const which = whichOf(call);
  const isSome = which.destination !== undefined || which.study !== undefined;
  if ([isAll, isSome, call.words.length > 0].filter(Boolean).length !== 1)
    throw new UsageProblem('say which: ids, or --destination and --study, or --all');
  const asked = { ...which, state: stateOf(call) };
  const done = call.words.length > 0 ? await each(call.words, parts, 'retry') : await allOf(parts, 'retry', asked);
  parts.output.show(done, () => `${plural(done.deliveries, 'delivery', 'deliveries')} tried again${parkedText(done)}.`);
  return true;
}

const parkedText = ({ parked }: Done): string => (parked === 0 ? '' : `; ${parked} of them wait for room in a queue`);

async function discard(call: Call, parts: CliParts): Promise<boolean> {
  const which = whichOf(call);
  const isSome = which.destination !== undefined || which.study !== undefined;
  if (isSome === call.words.length > 0) throw new UsageProblem('say which: ids, or --destination and --study');
  const state = stateOf(call);
  await assertWanted(call, parts, `Give these ${state} deliveries up for good?`);
  const done = call.words.length > 0 ? await each(call.words, parts, 'discard') : await allOf(parts, 'discard', { ...which, state });
  parts.output.show({ deliveries: done.deliveries }, () => `${plural(done.deliveries, 'delivery', 'deliveries')} given up.`);
  return true;
}

/** Those that an operator may act on. */
function stateOf(call: Call): 'failed' | 'parked' {
  const state = textOf(call, 'state') ?? 'failed';
  if (state !== 'failed' && state !== 'parked') throw new UsageProblem(`--state ${state}: one of failed, parked is needed`);
  return state;
}

interface Done {
  readonly deliveries: number;
  /** Of these, those that no queue had room for. */
  readonly parked: number;
}

async function each(ids: readonly string[], { api }: CliParts, act: 'retry' | 'discard'): Promise<Done> {
  let parked = 0;
  for (const id of ids) parked += (await api.post<Partial<Done>>(`/api/deliveries/${encodeURIComponent(id)}/${act}`)).parked ?? 0;
  return { deliveries: ids.length, parked };
}

/** No more than there were at the beginning: what fails again at once is not tried for ever. */
async function allOf({ api }: CliParts, act: 'retry' | 'discard', which: { state: 'failed' | 'parked' }): Promise<Done> {
  const most = (await api.get<{ failed: number; parked: number }>('/api/work'))[which.state];
  const total = { deliveries: 0, parked: 0 };
  for (;;) {
    const { deliveries, parked = 0 } = await api.post<Partial<Done> & Pick<Done, 'deliveries'>>(`/api/deliveries/${act}`, which, {
      timeoutMs: RETRY_TIMEOUT_MS,
    });
    total.deliveries += deliveries;
    total.parked += parked;
    if (deliveries < MOST_A_REQUEST || total.deliveries >= most) return total;
  }
}

const WHICH = { destination: TEXT, study: TEXT };

export const deliveryCommands: readonly Command[] = [
  {
    name: 'deliveries list',
    takes: '[--state failed] [--destination ID] [--study STUDY] [--limit N]',
    help: `the latest deliveries in a state: ${STATES.join(', ')}\n--limit 100: at most ${MOST_LISTED}`,
    options: { ...WHICH, state: TEXT, limit: TEXT },
    words: [0, 0],
    run: list,
  },
  {
    name: 'deliveries retry',
    takes: 'ID... | [--state failed] [--destination ID] [--study STUDY] | --all',
    help: 'failed deliveries are tried again; --state parked: those that wait for room in a queue (the gateway queues them by itself)',
    options: { ...WHICH, state: TEXT, all: FLAG },
    words: [0, 1000],
    run: retry,
  },
  {
    name: 'deliveries discard',
    takes: 'ID... | [--state failed] [--destination ID] [--study STUDY]   [--yes]',
    help: 'failed deliveries, or with --state parked those that wait for room in a queue, are given up for good',
    options: { ...WHICH, state: TEXT, yes: FLAG },
    words: [0, 1000],
    run: discard,
  },
];
