// What differs between two gateway documents, and what is wrong or doubtful in one: a line each.
import type { ApiAnswer } from './api-client.ts';
import { plainText } from './print-table.ts';
import { plural } from './wording.ts';

/** As the API tells it: `facilities[north].destinations`. */
export interface Change {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
}

/** What is said of a document that can be taken. */
export interface Remarks {
  readonly warnings: readonly { readonly path: string; readonly warning: string }[];
  readonly notActedOn: readonly string[];
}

const MOST_VALUE_CHARACTERS = 200;
const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

export function printChanges(changes: readonly Change[]): string {
  if (changes.length === 0) return 'no changes';
  return [plural(changes.length, 'change'), ...changes.map(changeLine)].join('\n');
}

function changeLine({ path, kind, before, after }: Change): string {
  const place = path === '' ? 'the document' : path;
  if (kind === 'changed') return `  ${SIGNS[kind]} ${place}: ${valueText(before)} -> ${valueText(after)}`;
  return `  ${SIGNS[kind]} ${place}: ${valueText(kind === 'added' ? after : before)}`;
}

const valueText = (value: unknown): string => plainText(JSON.stringify(value) ?? '(nothing)', MOST_VALUE_CHARACTERS);

/** Nothing to remark: undefined. */
export function printRemarks({ warnings, notActedOn }: Remarks): string | undefined {
  const lines = warnings.map(({ path, warning }) => `warning: ${path === '' ? 'the document' : path}: ${warning}`);
  if (notActedOn.length > 0) lines.push(`warning: this version does not act on ${notActedOn.join(', ')}`);
  return lines.length === 0 ? undefined : lines.map((line) => plainText(line, 1000)).join('\n');
}

export function printProblems(problems: NonNullable<ApiAnswer['problems']>): string {
  const lines = problems.map(({ path, value, problem }) => {
    const place = path === '' ? 'the document' : path;
    return plainText(`- ${place}: ${value === undefined ? '' : `${value} `}${problem}`, 2000);
  });
  return [plural(problems.length, 'problem'), ...lines].join('\n');
}
