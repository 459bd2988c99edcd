// The query of a QIDO-RS request (PS3.18 sections 8.3.4 and 10.6.1): what is to match, which page, and what the client must be warned of.
import type { HoldingsPage } from '@causeway/shared/database/holdings';
import { LEVELS, QUERY_ATTRIBUTES, type QueryAttribute, type QueryLevel } from '@causeway/shared/dicomweb/query-attributes';
import { HttpProblem } from '../http-problem.ts';

export const MOST_RESULTS = 1_000;
const MOST_OFFSET = 100_000;
const MOST_VALUE_CHARACTERS = 1_024;
const MOST_CRITERIA = 32;
/** Runs of characters around each cost time when a value almost matches. */
const MOST_WILDCARDS = 8;
/** All that is known is answered always, so includefield adds nothing; an empty value matches everything. */
const WITHOUT_EFFECT = new Set(['includefield', 'accept', 'emptyvaluematching', 'multiplevaluematching']);

export interface SearchQuestion extends HoldingsPage {
  readonly warnings: readonly string[];
}

const FUZZY = 'The fuzzymatching parameter is not supported. Only literal matching has been performed.';

/** Throws HttpProblem 400 for what cannot be matched at this level: leaving it out would answer what was not asked for. */
export function searchQuestion(query: URLSearchParams, level: QueryLevel): SearchQuestion {
  const criteria: HoldingsPage['criteria'][number][] = [];
  for (const [name, value] of query) {
    if (name === 'limit' || name === 'offset' || name === 'fuzzymatching' || WITHOUT_EFFECT.has(name)) continue;
    const { keyword, vr } = attributeOf(name, level);
    assertReasonable(name, value);
    if (value !== '' && value !== '*') criteria.push({ keyword, vr, value });
  }
  if (criteria.length > MOST_CRITERIA) throw refused(`more than ${MOST_CRITERIA} attributes are asked for`);
  const limit = Math.min(wholeNumber(query, 'limit') ?? MOST_RESULTS, MOST_RESULTS);
  const offset = wholeNumber(query, 'offset') ?? 0;
  if (offset > MOST_OFFSET) throw refused(`offset is above ${MOST_OFFSET}`);
  return { criteria, limit, offset, warnings: query.get('fuzzymatching') === 'true' ? [FUZZY] : [] };
}

function attributeOf(name: string, level: QueryLevel): QueryAttribute {
  const found = QUERY_ATTRIBUTES.find(({ keyword, tag }) => keyword === name || tag === name.toUpperCase());
  if (found !== undefined && LEVELS[level].includes(found.level)) return found;
  const known = QUERY_ATTRIBUTES.filter((one) => LEVELS[level].includes(one.level)).map(({ keyword }) => keyword);
  throw refused('an attribute is asked for that cannot be matched here', `Ask for: ${known.join(', ')}.`);
}

function assertReasonable(name: string, value: string): void {
  if (value.length > MOST_VALUE_CHARACTERS) throw refused(`${name} has more than ${MOST_VALUE_CHARACTERS} characters`);
  if ((value.match(/[*?]+/g) ?? []).length > MOST_WILDCARDS) throw refused(`${name} has more than ${MOST_WILDCARDS} wildcards`);
  if (value.includes('\0')) throw refused(`${name} holds a NUL`);
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw refused(`${name} is not a whole number`);
  return Number(text);
}

const refused = (detail: string, whatToDo = 'Correct the query.'): HttpProblem =>
  new HttpProblem(400, { error: 'bad-query', detail, whatToDo });
