// Search parameters of QIDO-RS and how they match (PS3.18 section 8.3.4, PS3.4 section C.2.2.2).

import { HttpProblem } from './http-exchange.ts';
import { DERIVED_ATTRIBUTES, INDEXED_ATTRIBUTES, type IndexedAttribute, type QueryLevel } from './indexed-attributes.ts';

export interface Search {
  readonly criteria: readonly { attribute: IndexedAttribute; value: string }[];
  readonly limit: number;
  readonly offset: number;
}

const SEARCHABLE = [...INDEXED_ATTRIBUTES, ...DERIVED_ATTRIBUTES];
const DEPTH: Record<QueryLevel, number> = { study: 0, series: 1, instance: 2 };
/** Every indexed attribute is always returned, so includefield adds nothing; fuzzy and empty-value matching are optional for the origin server. */
const WITHOUT_EFFECT = new Set(['includefield', 'fuzzymatching', 'emptyvaluematching', 'multiplevaluematching', 'accept']);
const MAX_VALUE_CHARACTERS = 8192;
export const MAX_RESULTS = 5000;

/** Throws HttpProblem 400 for a parameter that cannot be matched at this level: ignoring it would return what was not asked for. */
export function parseSearch(query: URLSearchParams, level: QueryLevel): Search {
  const criteria: { attribute: IndexedAttribute; value: string }[] = [];
  for (const [name, value] of query) {
    if (name === 'limit' || name === 'offset' || WITHOUT_EFFECT.has(name)) continue;
    const attribute = SEARCHABLE.find((known) => known.keyword === name || known.tag === name.toUpperCase());
    if (attribute === undefined || DEPTH[attribute.level] > DEPTH[level])
      throw new HttpProblem(400, `${name.slice(0, 64)} cannot be searched for here`);
    if (value.length > MAX_VALUE_CHARACTERS) throw new HttpProblem(400, `${name}: more than ${MAX_VALUE_CHARACTERS} characters`);
    if (value !== '') criteria.push({ attribute, value });
  }
  const limit = Math.min(wholeNumber(query, 'limit') ?? MAX_RESULTS, MAX_RESULTS);
  return { criteria, limit, offset: wholeNumber(query, 'offset') ?? 0 };
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new HttpProblem(400, `${name} is not a whole number`);
  return Number(text);
}

/** Whether one of the values (joined by a backslash) is what was asked for. */
export function matches(attribute: IndexedAttribute, asked: string, present: string): boolean {
  const test = testOf(attribute.vr, asked);
  return present.split('\\').some((value) => value !== '' && test(value));
}

function testOf(vr: string, asked: string): (value: string) => boolean {
  if (vr === 'UI') {
    const uids = new Set(asked.split(/[,\\]/));
    return (value) => uids.has(value);
  }
  if ((vr === 'DA' || vr === 'TM') && asked.includes('-')) return withinRange(asked);
  if (vr === 'IS' || vr === 'US') return (value) => Number(value) === Number(asked);
  if (/[*?]/.test(asked)) return (value) => wildcardMatches(fold(vr, asked), fold(vr, value));
  return (value) => fold(vr, value) === fold(vr, asked);
}

/** PS3.4 section C.2.2.2.5: either end may be open. A time is compared to the precision that both have. */
function withinRange(asked: string): (value: string) => boolean {
  const [from = '', to = ''] = asked.split('-');
  const shortTo = (value: string, bound: string): string => value.slice(0, bound.length);
  return (value) => (from === '' || shortTo(value, from) >= from) && (to === '' || shortTo(value, to) <= to);
}

/** Person names match without regard to case (PS3.4 section C.2.2.2.1). */
const fold = (vr: string, text: string): string => (vr === 'PN' ? text.toLowerCase() : text);

/** PS3.4 section C.2.2.2.4, in time linear in pattern times text: a regular expression made from the pattern could be made to hang. */
function wildcardMatches(pattern: string, text: string): boolean {
  let at = 0;
  let inPattern = 0;
  let star = -1;
  let resume = 0;
  while (at < text.length) {
    if (pattern[inPattern] === '*') {
      star = inPattern;
      inPattern += 1;
      resume = at;
    } else if (pattern[inPattern] === '?' || pattern[inPattern] === text[at]) {
      inPattern += 1;
      at += 1;
    } else if (star >= 0) {
      inPattern = star + 1;
      resume += 1;
      at = resume;
    } else return false;
  }
  while (pattern[inPattern] === '*') inPattern += 1;
  return inPattern === pattern.length;
}
