// `config validate`, `config diff`, `config dry-run`: what a gateway document is and would do. Nothing is changed.
import { ApiProblem } from './api-client.ts';
import { type Call, type CliParts, type Command, FLAG, numberOf, TEXT, UsageProblem } from './command.ts';
import { checkDocument, readDocumentText } from './document-file.ts';
import { type Change, printChanges, printRemarks, type Remarks } from './print-changes.ts';
import { type DryRun, printDryRun } from './print-dry-run.ts';

export interface Validation extends Remarks {
  /** Against the newest revision. */
  readonly changes: readonly Change[];
}

const MOST_DAYS = 90;
const MOST_INSTANCES = 100_000;
/** The API gives itself 20 s, and another one may be under way. */
const DRY_RUN_TIMEOUT_MS = 2 * 60_000;

export const validateDocument = ({ api }: CliParts, document: string): Promise<Validation> =>
  api.post<Validation>('/api/configuration/validate', { document });

async function validate(call: Call, parts: CliParts): Promise<boolean> {
  const file = call.words[0]!;
  const text = await readDocumentText(file, parts);
  const byGateway = call.options.offline === true || !parts.api.hasToken ? undefined : await askGateway(parts, text);
  const found = byGateway ?? checkDocument(text);
  parts.output.show(found, () => {
    const where = byGateway ? `by the gateway at ${parts.api.url}` : 'here, without the gateway';
    return [printRemarks(found), `${file} is valid (checked ${where})`, byGateway && printChanges(byGateway.changes)]
      .filter(Boolean)
      .join('\n');
  });
  return true;
}

/** undefined: no gateway answers, so it is checked here. */
async function askGateway(parts: CliParts, text: string): Promise<Validation | undefined> {
  return validateDocument(parts, text).catch((error: unknown) => {
    if (error instanceof ApiProblem && error.answer.error === 'unreachable') return undefined;
    throw error;
  });
}

async function diff(call: Call, parts: CliParts): Promise<boolean> {
  const [first, second] = call.words;
  if (!isRevision(first!)) {
    if (second !== undefined) throw new UsageProblem('a file is compared with the newest revision: name the file alone');
    const { changes } = await validateDocument(parts, await readDocumentText(first!, parts));
    parts.output.show({ changes }, () => printChanges(changes));
    return true;
  }
  if (second !== undefined && !isRevision(second)) throw new UsageProblem(`${second} is no number of a revision`);
  const answer = await readDifference(parts, Number(first), second === undefined ? undefined : Number(second));
  parts.output.show(answer, () => `revision ${answer.from} -> ${answer.to}: ${printChanges(answer.changes)}`);
  return true;
}

const isRevision = (word: string): boolean => /^[1-9]\d{0,8}$/.test(word);

/** `to` absent: the newest. */
export function readDifference({ api }: CliParts, from: number, to?: number): Promise<{ from: number; to: number; changes: Change[] }> {
  return api.get(`/api/configuration/diff?from=${from}${to === undefined ? '' : `&to=${to}`}`);
}

async function dryRun(call: Call, parts: CliParts): Promise<boolean> {
  const days = numberOf(call, 'days', [1, MOST_DAYS]);
  const most = numberOf(call, 'most', [1, MOST_INSTANCES]);
  const document = await readDocumentText(call.words[0]!, parts);
  const answer = await parts.api.post<DryRun>('/api/configuration/dry-run', { document, days, most }, { timeoutMs: DRY_RUN_TIMEOUT_MS });
  parts.output.show(answer, () => printDryRun(answer));
  return true;
}

export const configCheckCommands: readonly Command[] = [
  {
    name: 'config validate',
    takes: 'FILE [--offline]',
    help: 'checks a gateway document (YAML or JSON) and lists every problem, warning and change\n--offline: here, by the rules of this version, without asking a gateway',
    options: { offline: FLAG },
    words: [1, 1],
    run: validate,
  },
  {
    name: 'config diff',
    takes: 'FILE | N [M]',
    help: 'what a file, or revision M [the newest], changes against the newest revision, or against revision N',
    words: [1, 2],
    run: diff,
  },
  {
    name: 'config dry-run',
    takes: 'FILE [--days N] [--most N]',
    help: 'what would have become of the instances received in the last days under this document; nothing is applied\n--days 7: how far back\n--most 20000: instances looked at, the latest ones',
    options: { days: TEXT, most: TEXT },
    words: [1, 1],
    run: dryRun,
  },
];
