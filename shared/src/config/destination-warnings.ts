// What is odd about where images go: facilities that send nowhere or receive nothing, destinations that nothing is sent to, twice, or in the clear.
import type { DocumentWarning } from './document-problems.ts';
import type { Destination, Facility, GatewayDocument } from './gateway-document.ts';

type Sending = Pick<GatewayDocument, 'facilities' | 'destinations' | 'retrieval'>;

export function* destinationWarnings(document: Sending): Generator<DocumentWarning> {
  const hubs = new Set(document.facilities.flatMap((one) => (one.model === 'endpoint' ? one.rules.map(({ hub }) => hub) : [])));
  const places = new Map(document.destinations.map((one) => [one.id, placeOf(one)]));
  for (const facility of document.facilities) {
    yield* sendsNowhere(facility);
    yield* receivesNothing(facility, hubs);
    yield* sendsTwice(facility, places);
  }
  yield* unused(document);
  yield* inTheClear(document);
  yield* proxyMissing(document);
  for (const { id, poll, destinations } of document.retrieval.sources)
    if (poll !== undefined && destinations.length === 0)
      yield {
        path: `retrieval.sources[${id}].poll`,
        warning: 'has no effect: the source has no destinations. List where studies go that polling finds',
      };
}

function* sendsNowhere(facility: Facility): Generator<DocumentWarning> {
  const needsNone = facility.model === 'hub' && !facility.keepsCopy && facility.unmatched === 'hold';
  if (facility.destinations.length === 0 && !needsNone)
    yield { path: `facilities[${facility.id}].destinations`, warning: 'is empty: all its images are held. List at least one destination' };
}

/** `hubs`: those that endpoints have rules for. */
function* receivesNothing(facility: Facility, hubs: ReadonlySet<string>): Generator<DocumentWarning> {
  const path = `facilities[${facility.id}]`;
  if (facility.model === 'endpoint' && facility.match.length === 0 && facility.rules.length === 0)
    yield {
      path,
      warning: 'gets images by assignment only: it has neither rules at a hub nor match rows. Add what it is to get, or remove it',
    };
  if (facility.model === 'hub' && facility.unmatched === 'hold' && !hubs.has(facility.id))
    yield {
      path,
      warning: 'has no endpoint: every image waits for an assignment. Add endpoints with rules for this hub, or set unmatched: hub',
    };
}

/** Two destinations of one facility that are one place. */
function* sendsTwice(facility: Facility, places: ReadonlyMap<string, string>): Generator<DocumentWarning> {
  const known = new Map<string, string>();
  for (const id of facility.destinations) {
    const place = places.get(id)!;
    const other = known.get(place);
    if (other !== undefined)
      yield {
        path: `facilities[${facility.id}].destinations`,
        warning: `has ${other} and ${id}, which are the same place: every image goes there twice. Remove one`,
      };
    known.set(place, id);
  }
}

const placeOf = (destination: Destination): string =>
  destination.kind === 'stow'
    ? JSON.stringify([destination.url.replace(/\/$/, ''), destination.auth])
    : JSON.stringify([destination.host, destination.port, destination.calledAe]);

/** Where there is a source, a person may name any destination for what is retrieved: of those that take C-STORE nothing is said then. */
function* unused({ facilities, destinations, retrieval }: Sending): Generator<DocumentWarning> {
  const used = new Set([...facilities, ...retrieval.sources].flatMap((one) => one.destinations));
  for (const { id, kind } of destinations)
    if (!used.has(id) && (kind === 'stow' || retrieval.sources.length === 0))
      yield { path: `destinations[${id}]`, warning: 'is used by nobody: list it in the destinations of a facility, or remove it' };
}

/** Addresses of the machine itself: nothing is on a wire. */
const OWN_HOST = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function* inTheClear({ destinations, retrieval }: Sending): Generator<DocumentWarning> {
  const stow = destinations.flatMap((one) => (one.kind === 'stow' ? [{ ...one, path: `destinations[${one.id}]` }] : []));
  const sources = retrieval.sources.map((one) => ({ ...one, path: `retrieval.sources[${one.id}]` }));
  for (const { path, url, auth } of [...stow, ...sources])
    if (auth.kind !== 'none' && new URL(url).protocol === 'http:' && !OWN_HOST.test(new URL(url).hostname))
      yield { path: `${path}.url`, warning: 'sends credentials (auth) and images over http, readable on the way: use https' };
}

function* proxyMissing({ destinations, retrieval }: Sending): Generator<DocumentWarning> {
  const stow = destinations.flatMap((one) => (one.kind === 'stow' ? [{ ...one, path: `destinations[${one.id}]` }] : []));
  const sources = retrieval.sources.map((one) => ({ ...one, path: `retrieval.sources[${one.id}]` }));
  for (const { path, proxy, proxyAuth } of [...stow, ...sources])
    if (proxyAuth !== undefined && proxy === undefined)
      yield { path: `${path}.proxyAuth`, warning: 'has no effect: there is no proxy. Name it in proxy, or remove this' };
}
