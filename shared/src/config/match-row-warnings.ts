// What is odd about the rows that tell facilities apart, and those that say who may call: two that tie, one that can never decide.
import type { DocumentWarning } from './document-problems.ts';
import { type Candidate, candidates } from './facility-resolution.ts';
import type { GatewayDocument } from './gateway-document.ts';
import type { MatchRow } from './gateway-document-facilities.ts';
import { canonicalNetwork, type Network, networkCovers, networksMeet, parseNetwork } from './network.ts';
import { type Steps, wildcardCovers, wildcardsMeet } from './wildcard.ts';

type Rows = Pick<GatewayDocument, 'gateway' | 'facilities' | 'listeners'>;
/** What a row asks, its network parsed. */
interface Asked extends Omit<MatchRow, 'network'> {
  readonly network?: Network;
}
interface PlacedRow extends Candidate {
  readonly path: string;
  readonly asked: Asked;
}

/** What is compared at most, rows and signs of wildcards together: about a second. */
const MOST_STEPS = 3_000_000;
/** Rows for all of IPv4 that are looked at. */
const MOST_EVERY_IPV4 = 100;

export function* matchRowWarnings(document: Rows): Generator<DocumentWarning> {
  const rows = placedRows(document);
  const everyIpv4 = rows.filter(fitsEveryIpv4).slice(0, MOST_EVERY_IPV4);
  const mute = new Set<PlacedRow>();
  const mayCall = allowingCallers(document);
  for (const row of rows) {
    const warning = withoutCertificate(document, row) ?? keptOut(row, mayCall) ?? behindEveryIpv4(everyIpv4, row);
    if (warning !== undefined) yield { path: row.path, warning };
    if (warning !== undefined) mute.add(row);
  }
  yield* ties(rows.filter((row) => !mute.has(row)));
  for (const [at, { tlsSubject }] of document.gateway.callers.entries())
    if (tlsSubject !== undefined && !asksForCertificates(document))
      yield { path: `gateway.callers[${at}]`, warning: `lets nobody in: ${NO_CERTIFICATES}` };
}

const askedBy = ({ calledAe, callingAe, network, tlsSubject }: MatchRow): Asked => ({
  ...{ calledAe, callingAe, tlsSubject },
  network: network === undefined ? undefined : parseNetwork(network),
});

/** Whether gateway.callers lets anybody in whom the row fits; when the steps have run out, it may. */
export function allowingCallers({ gateway }: Pick<GatewayDocument, 'gateway'>): (asked: Asked) => boolean {
  const [callers, steps] = [gateway.callers.map(askedBy), { left: MOST_STEPS }];
  return (asked) => callers.some((caller) => meet({ one: caller, other: asked, steps }));
}

function placedRows(document: Rows): PlacedRow[] {
  const places = new Map(
    document.facilities.flatMap(({ id, match }) => match.map((row, at): [MatchRow, string] => [row, `facilities[${id}].match[${at}]`])),
  );
  return candidates(document).map((candidate) => ({ ...candidate, path: places.get(candidate.row)!, asked: askedBy(candidate.row) }));
}

const NO_CERTIFICATES =
  'no listener asks for client certificates, so no association has a TLS subject. Give a listener tls with clientCa and clientCert: required or optional';

const withoutCertificate = (document: Rows, { asked }: PlacedRow): string | undefined =>
  asked.tlsSubject === undefined || asksForCertificates(document) ? undefined : `never decides: ${NO_CERTIFICATES}`;

const keptOut = ({ asked }: PlacedRow, mayCall: (asked: Asked) => boolean): string | undefined =>
  mayCall(asked) ? undefined : 'never decides: no row of gateway.callers lets in whom it fits. Add them there, or remove this row';

const asksForCertificates = ({ listeners }: Rows): boolean => listeners.some(({ tls }) => tls !== undefined && tls.clientCert !== 'none');

const fitsEveryIpv4 = ({ network }: PlacedRow): boolean => network?.bits === 32 && network.prefix === 0;

/** Every network ranks above a shared called AE title and above {}: who writes all of IPv4 for "everybody else" gets everything. */
function behindEveryIpv4(everyIpv4: readonly PlacedRow[], { asked, weight, facility }: PlacedRow): string | undefined {
  if (asked.network !== undefined) return undefined;
  const above = everyIpv4.find(
    (other) => other.facility !== facility && other.weight > weight && covers({ ...other.asked, network: undefined }, asked),
  );
  if (above === undefined) return undefined;
  return `decides for callers by IPv6 only: ${above.path} has network ${above.row.network}, which fits every other caller and ranks above it. Write {} there if that facility is to get what fits nowhere else`;
}

/** Rows of two facilities on one rank that some association fits both of: one warning a row, with the first that it ties with. */
function* ties(rows: readonly PlacedRow[]): Generator<DocumentWarning> {
  const steps = { left: MOST_STEPS };
  for (const alike of Map.groupBy(rows, rankedKey).values())
    for (const [at, row] of alike.entries()) {
      const others = alike
        .slice(0, at)
        .filter((other) => other.facility !== row.facility && meet({ one: other.asked, other: row.asked, steps }));
      if (steps.left <= 0) return yield { path: 'facilities', warning: TOO_MANY };
      if (others.length > 0) yield { path: row.path, warning: tieOf(row, others) };
    }
}

const TOO_MANY = 'has more match rows on one rank than are compared with each other: of rows that tie some may be missing here';

/** Rows with different keys never tie: on each rank all rows have the field that gives the rank. */
function rankedKey({ row, network, weight }: PlacedRow): string {
  if (row.tlsSubject !== undefined) return `${weight}`;
  return `${weight} ${row.callingAe ?? (network === undefined ? row.calledAe : canonicalNetwork(network))}`;
}

function tieOf(row: PlacedRow, [first, ...more]: PlacedRow[]): string {
  const other = `${first!.path}${more.length === 0 ? '' : ` and ${more.length} more`}`;
  if (covers(first!.asked, row.asked)) return `never decides: ${first!.path} is of the same rank and fits whenever it does. ${HELD}`;
  if (covers(row.asked, first!.asked)) return `ties with ${other} whenever that one fits: both are of the same rank. ${HELD}`;
  return `can tie with ${other}: both are of the same rank, and an association can fit both. ${HELD}`;
}

const HELD =
  'Images that both fit are held as ambiguous. Give one a field of a higher rank (tlsSubject; a calledAe that only one facility lists; callingAe; a longer network), or change it so that no association fits both';

/** Whether some association fits both rows; true too when the steps have run out. */
function meet({ one, other, steps }: { one: Asked; other: Asked; steps: Steps }): boolean {
  steps.left -= 1;
  if (steps.left <= 0) return true;
  return (
    agree(one.calledAe, other.calledAe) &&
    agree(one.callingAe, other.callingAe) &&
    agree(one.network, other.network, networksMeet) &&
    agree(one.tlsSubject, other.tlsSubject, (a, b) => wildcardsMeet(a, b, steps))
  );
}

const agree = <T>(one: T | undefined, other: T | undefined, both = (a: T, b: T): boolean => a === b): boolean =>
  one === undefined || other === undefined || both(one, other);

/** Whether every association that fits `special` fits `general`. */
const covers = (general: Asked, special: Asked): boolean =>
  implied(general.calledAe, special.calledAe) &&
  implied(general.callingAe, special.callingAe) &&
  implied(general.network, special.network, networkCovers) &&
  implied(general.tlsSubject, special.tlsSubject, wildcardCovers);

const implied = <T>(general: T | undefined, special: T | undefined, holds = (a: T, b: T): boolean => a === b): boolean =>
  general === undefined || (special !== undefined && holds(general, special));
