// What only the whole document shows: names that point to nothing, names used twice, two facilities that say the same.
// Works on an outline that always parses, so that these problems are told together with those of single fields.
import { z } from 'zod';
import { DEFAULT_TLS_PORT } from './gateway-document-fields.ts';
import { canonicalNetwork, parseNetwork } from './network.ts';

export interface ReferenceProblem {
  readonly path: PropertyKey[];
  readonly message: string;
}

const text = z.string().optional().catch(undefined);
const texts = z.array(text).catch([]);
const rows = <T extends z.ZodRawShape>(shape: T) => z.array(z.looseObject(shape).optional().catch(undefined)).catch([]);
const when = z
  .looseObject({ facility: z.preprocess((value) => (Array.isArray(value) ? value : [value]), texts) })
  .optional()
  .catch(undefined);

const outline = z
  .looseObject({
    listeners: rows({ id: text, port: z.number().optional().catch(undefined), tls: z.unknown().optional() }),
    facilities: rows({ id: text, model: text, destinations: texts, match: rows({}), rules: rows({ hub: text }) }),
    destinations: rows({ id: text }),
    lanes: rows({ when }),
    compression: rows({ when }),
    coercion: rows({ when, destination: text }),
    retrieval: z.looseObject({ sources: rows({ id: text, destinations: texts }) }).catch({ sources: [] }),
  })
  .catch({ listeners: [], facilities: [], destinations: [], lanes: [], compression: [], coercion: [], retrieval: { sources: [] } });
type Outline = z.infer<typeof outline>;

/** Every wrong reference of the document, whatever else is wrong with it. */
export function referenceProblems(source: unknown): ReferenceProblem[] {
  const document = outline.parse(source);
  return [
    ...duplicates(document),
    ...samePorts(document),
    ...unknownDestinations(document),
    ...wrongHubs(document),
    ...unknownFacilities(document),
    ...sameMatchRows(document),
  ];
}

function* duplicates(document: Outline): Generator<ReferenceProblem> {
  const lists: [PropertyKey[], ({ id?: string } | undefined)[]][] = [
    [['listeners'], document.listeners],
    [['facilities'], document.facilities],
    [['destinations'], document.destinations],
    [['retrieval', 'sources'], document.retrieval.sources],
  ];
  for (const [path, entries] of lists)
    yield* repeatedTexts(entries.map((entry) => entry?.id)).map(({ at, first }) => twice([...path, at, 'id'], first));
  for (const [at, facility] of document.facilities.entries())
    yield* repeatedTexts(facility?.destinations ?? []).map(({ at: which, first }) =>
      twice(['facilities', at, 'destinations', which], first),
    );
}

/** The port of a plain listener without one is known to the receiver's environment only: there it counts as a port of its own. */
function* samePorts({ listeners }: Outline): Generator<ReferenceProblem> {
  const ports = listeners.map((one) => String(one?.port ?? (one?.tls === undefined ? 'of the environment' : DEFAULT_TLS_PORT)));
  for (const { at, first } of repeatedTexts(ports))
    yield { path: ['listeners', at, 'port'], message: `is also the port of entry [${first}] (${ports[at]}): give each listener its own` };
}

const twice = (path: PropertyKey[], first: number): ReferenceProblem => ({
  path,
  message: `is already used by entry [${first}]: use each only once`,
});

function repeatedTexts(values: (string | undefined)[]): { at: number; first: number }[] {
  return values.flatMap((value, at) => {
    const first = values.indexOf(value);
    return value === undefined || first === at ? [] : [{ at, first }];
  });
}

function* unknownDestinations(document: Outline): Generator<ReferenceProblem> {
  const known = idsOf(document.destinations);
  const check = (value: string | undefined, path: PropertyKey[]) => unknown({ value, path, known, what: 'destination' });
  for (const [at, facility] of document.facilities.entries())
    for (const [which, value] of (facility?.destinations ?? []).entries()) yield* check(value, ['facilities', at, 'destinations', which]);
  for (const [at, source] of document.retrieval.sources.entries())
    for (const [which, value] of (source?.destinations ?? []).entries())
      yield* check(value, ['retrieval', 'sources', at, 'destinations', which]);
  for (const [at, rule] of document.coercion.entries()) yield* check(rule?.destination, ['coercion', at, 'destination']);
}

function* wrongHubs(document: Outline): Generator<ReferenceProblem> {
  const hubs = document.facilities.filter((facility) => facility?.model === 'hub');
  const known = idsOf(hubs);
  for (const [at, facility] of document.facilities.entries())
    for (const [which, rule] of (facility?.rules ?? []).entries())
      yield* unknown({ value: rule?.hub, path: ['facilities', at, 'rules', which, 'hub'], known, what: 'facility of model hub' });
}

function* unknownFacilities(document: Outline): Generator<ReferenceProblem> {
  const known = idsOf(document.facilities);
  for (const part of ['lanes', 'compression', 'coercion'] as const)
    for (const [at, rule] of document[part].entries())
      for (const value of rule?.when?.facility ?? [])
        yield* unknown({ value, path: [part, at, 'when', 'facility'], known, what: 'facility' });
}

function unknown(reference: { value: string | undefined; path: PropertyKey[]; known: string[]; what: string }): ReferenceProblem[] {
  const { value, path, known, what } = reference;
  if (value === undefined || known.includes(value)) return [];
  const choice = known.length === 0 ? 'there is none yet: add it' : `known: ${known.slice(0, 20).join(', ')}`;
  return [{ path, message: `names no ${what} of this document (${choice})` }];
}

const idsOf = (entries: ({ id?: string } | undefined)[]): string[] => entries.flatMap((entry) => entry?.id ?? []);

/** Two facilities with one row alike can never be told apart by it: every association it fits would be ambiguous. */
function* sameMatchRows(document: Outline): Generator<ReferenceProblem> {
  const first = new Map<string, { facility: number; id: string | undefined }>();
  for (const [at, facility] of document.facilities.entries())
    for (const [which, row] of (facility?.match ?? []).entries()) {
      if (row === undefined) continue;
      const seen = first.get(canonicalRow(row));
      if (seen === undefined) first.set(canonicalRow(row), { facility: at, id: facility?.id });
      else yield { path: ['facilities', at, 'match', which], message: sameRow(seen.id ?? `[${seen.facility}]`) };
    }
}

const sameRow = (other: string): string =>
  `says the same as a row of facility ${other}: what both match could belong to either; remove one, or add a field that tells them apart`;

function canonicalRow(row: Record<string, unknown>): string {
  const network = typeof row.network === 'string' ? parseNetwork(row.network) : undefined;
  const fields = { ...row, ...(network === undefined ? {} : { network: canonicalNetwork(network) }) };
  return JSON.stringify(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}
