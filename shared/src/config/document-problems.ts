// What is wrong with a gateway document, said so that its author can put it right: where, what stands there, what is allowed.
import type { z } from 'zod';

export interface DocumentProblem {
  /** `facilities[2].match[0].calledAe`; empty: the document as a whole. */
  readonly path: string;
  /** What stands there, shortened; undefined when nothing does, or when it might be a secret. */
  readonly value: string | undefined;
  /** What is allowed and what to do. */
  readonly problem: string;
}

/** Nothing is refused for it. `path`: things with an id by their id, `facilities[north].match[0]`. `warning`: what is odd, what it leads to, what to do. */
export interface DocumentWarning {
  readonly path: string;
  readonly warning: string;
}

/** The document was not taken. `problems`: every one of them. */
export class GatewayDocumentError extends Error {
  override readonly name = 'GatewayDocumentError';
  readonly problems: readonly DocumentProblem[];
  constructor(problems: readonly DocumentProblem[]) {
    super(`the gateway document has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${problems.map(line).join('\n')}`);
    this.problems = problems;
  }
}

const line = ({ path, value, problem }: DocumentProblem): string =>
  `- ${path === '' ? 'the document' : path}: ${value === undefined ? '' : `${value} `}${problem}`;

/** Places whose value may be a secret that was written where a reference belongs. */
const SECRET_PLACES = new Set(['auth', 'tls', 'smtp', 'url', 'tokenUrl', 'proxy', 'proxyAuth']);
const MOST_VALUE_CHARACTERS = 60;

/** The problem that a Zod issue tells, with the value found at its path in the document. */
export function problemOfIssue(issue: z.core.$ZodIssue, source: unknown): DocumentProblem[] {
  if (issue.code === 'invalid_key') return issue.issues.map((inner) => problemAt(issue.path, source, inner.message));
  return [problemAt(issue.path, source, sentence(issue, valueAt(source, issue.path)))];
}

export function problemAt(path: readonly PropertyKey[], source: unknown, problem: string): DocumentProblem {
  const hidden = path.some((step) => SECRET_PLACES.has(String(step)));
  return { path: pathText(path), value: hidden ? undefined : shown(valueAt(source, path)), problem };
}

function valueAt(source: unknown, path: readonly PropertyKey[]): unknown {
  let value = source;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return value;
    value = Object.hasOwn(value, step) ? (value as Record<PropertyKey, unknown>)[step] : undefined;
  }
  return value;
}

function pathText(path: readonly PropertyKey[]): string {
  return path.map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`)).join('');
}

/** Objects and lists are not repeated: they are long, and may hold secrets. */
function shown(value: unknown): string | undefined {
  if (value === undefined || (typeof value === 'object' && value !== null)) return undefined;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MOST_VALUE_CHARACTERS ? `${text.slice(0, MOST_VALUE_CHARACTERS)}…` : text;
}

const KINDS: Record<string, string> = {
  string: 'a text (in quotes if it looks like a number)',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of fields',
  record: 'a group of fields',
};

function sentence(issue: z.core.$ZodIssue, value: unknown): string {
  const said = issue.message.startsWith('must ') ? issue.message : standardSentence(issue);
  return value === undefined && MISSING.has(issue.code) && said.startsWith('must ') ? `is missing: it ${said}` : said;
}

/** Kinds of issues that a field that is not there can have. */
const MISSING = new Set(['invalid_type', 'invalid_value', 'custom']);

function standardSentence(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' || issue.code === 'invalid_value') return `must be ${expected(issue)}`;
  if (issue.code === 'too_small') return `must ${bound(issue.origin, 'at least', issue.minimum)}`;
  if (issue.code === 'too_big') return `must ${bound(issue.origin, 'at most', issue.maximum)}`;
  return issue.message;
}

function expected(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
  return issue.code === 'invalid_type' ? (KINDS[issue.expected] ?? issue.expected) : issue.message;
}

function bound(origin: string, which: string, limit: number | bigint): string {
  if (origin === 'string') return `have ${which} ${limit} characters`;
  return origin === 'array' ? `have ${which} ${limit} entries` : `be ${which} ${limit}`;
}
