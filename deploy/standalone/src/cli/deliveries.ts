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
  const deliveries = call.words.length > 0 ? await each(call.words, parts, 'retry') : await allFailed(parts, 'retry', which);
  parts.output.show({ deliveries }, () => `${plural(deliveries, 'delivery', 'deliveries')} tried again.`);
  return true;
}

async function discard(call: Call, parts: CliParts): Promise<boolean> {
  const which = whichOf(call);
  if ((which.study === undefined) === (call.words.length === 0))
    throw new UsageProblem('say which: ids, or --study with or without --destination');
  await assertWanted(call, parts, 'Give these failed deliveries up for good?');
  const deliveries = call.words.length > 0 ? await each(call.words, parts, 'discard') : await allFailed(parts, 'discard', which);
  parts.output.show({ deliveries }, () => `${plural(deliveries, 'delivery', 'deliveries')} given up.`);
  return true;
}

async function each(ids: readonly string[], { api }: CliParts, act: 'retry' | 'discard'): Promise<number> {
  for (const id of ids) await api.post(`/api/deliveries/${encodeURIComponent(id)}/${act}`);
  return ids.length;
}

/** No more than had failed at the beginning: what fails again at once is not tried for ever. */
async function allFailed({ api }: CliParts, act: 'retry' | 'discard', which: object): Promise<number> {
  const { failed } = await api.get<{ failed: number }>('/api/work');
  let total = 0;
  for (;;) {
    const { deliveries } = await api.post<{ deliveries: number }>(`/api/deliveries/${act}`, which, { timeoutMs: RETRY_TIMEOUT_MS });
    total += deliveries;
    if (deliveries < MOST_A_REQUEST || total >= failed) return total;
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
    takes: 'ID... | [--destination ID] [--study STUDY] | --all',
    help: 'failed deliveries are tried again',
    options: { ...WHICH, all: FLAG },
    words: [0, 1000],
    run: retry,
  },
  {
    name: 'deliveries discard',
    takes: 'ID... | --study STUDY [--destination ID]   [--yes]',
    help: 'failed deliveries are given up for good',
    options: { ...WHICH, yes: FLAG },
    words: [0, 1000],
    run: discard,
  },
];
