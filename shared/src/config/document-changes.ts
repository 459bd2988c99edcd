// What two gateway documents, as their authors wrote them, have different: things with an id are compared by id, rules by position, other lists as values.
import { isDeepStrictEqual } from 'node:util';

/** `path`: `facilities[north].destinations`, `lanes[0].when`. `before`, `after`: what stood there and stands there now, as written. */
export interface DocumentChange {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: unknown;
  readonly after?: unknown;
}

type Fields = Readonly<Record<string, unknown>>;
type Lists = { readonly path: string; readonly before: readonly unknown[]; readonly after: readonly unknown[] };

/**
 * The changes from one document to the other, in the order of the document. Both are plain data (of JSON or YAML) that parseGatewayDocument took, or {}.
 * The order of fields does not count; that of things with an id does, as one change of the list with the ids as values.
 */
export function documentChanges(before: unknown, after: unknown): DocumentChange[] {
  return changesAt('', before, after);
}

function changesAt(path: string, before: unknown, after: unknown): DocumentChange[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (before === undefined) return [{ path, kind: 'added', after }];
  if (after === undefined) return [{ path, kind: 'removed', before }];
  if (isFields(before) && isFields(after)) return changesOfFields(path, before, after);
  if (Array.isArray(before) && Array.isArray(after)) return changesOfLists({ path, before, after });
  return [{ path, kind: 'changed', before, after }];
}

function changesOfFields(path: string, before: Fields, after: Fields): DocumentChange[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].flatMap((name) => changesAt(fieldPath(path, name), own(before, name), own(after, name)));
}

function changesOfLists(lists: Lists): DocumentChange[] {
  const entries = [...lists.before, ...lists.after];
  if (!entries.every(isFields)) return changed(lists);
  return areTold(lists.before) && areTold(lists.after) ? changesById(lists) : changesByPosition(lists);
}

const changed = ({ path, before, after }: Lists): DocumentChange[] =>
  isDeepStrictEqual(before, after) ? [] : [{ path, kind: 'changed', before, after }];

/** Whether each entry has an id of its own. */
function areTold(entries: readonly unknown[]): boolean {
  const ids = entries.map(idOf);
  return ids.every((id) => typeof id === 'string') && new Set(ids).size === ids.length;
}

function changesById({ path, before, after }: Lists): DocumentChange[] {
  const [old, now] = [byId(before), byId(after)];
  const ids = [...new Set([...old.keys(), ...now.keys()])];
  const inBoth = (one: Map<string, unknown>, other: Map<string, unknown>) => [...one.keys()].filter((id) => other.has(id));
  return [
    ...changed({ path, before: inBoth(old, now), after: inBoth(now, old) }),
    ...ids.flatMap((id) => changesAt(`${path}[${id}]`, old.get(id), now.get(id))),
  ];
}

const byId = (entries: readonly unknown[]): Map<string, unknown> => new Map(entries.map((entry) => [idOf(entry) as string, entry]));
const idOf = (entry: unknown): unknown => own(entry as Fields, 'id');

/** What both begin and end with is left out, so that a rule put before others is one change. Added rules are counted in the new list, others in the old one. */
function changesByPosition({ path, before, after }: Lists): DocumentChange[] {
  const start = commonStart(before, after);
  const rest = (list: readonly unknown[]): unknown[] => list.slice(start);
  const end = commonStart(rest(before).reverse(), rest(after).reverse());
  const [old, now] = [rest(before), rest(after)].map((list) => list.slice(0, list.length - end)) as [unknown[], unknown[]];
  const positions = Array.from({ length: Math.max(old.length, now.length) }, (_, at) => at);
  return positions.flatMap((at) => changesAt(`${path}[${start + at}]`, old[at], now[at]));
}

function commonStart(one: readonly unknown[], other: readonly unknown[]): number {
  const differs = one.findIndex((entry, at) => at >= other.length || !isDeepStrictEqual(entry, other[at]));
  return differs < 0 ? one.length : differs;
}

/** A name that is no plain word (a tag, a path of tags) stands in quotes. */
function fieldPath(path: string, name: string): string {
  if (!/^[A-Za-z_][A-Za-z0-9_-]*$/.test(name)) return `${path}[${JSON.stringify(name)}]`;
  return path === '' ? name : `${path}.${name}`;
}

const own = (fields: Fields, name: string): unknown => (Object.hasOwn(fields, name) ? fields[name] : undefined);
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
