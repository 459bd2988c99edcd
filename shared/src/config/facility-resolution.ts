// Which facility an association stands for, by what the association alone says; and which associations are taken at all.
import type { AssociationFacts } from '../events/instance.ts';
import type { Facility, GatewayDocument } from './gateway-document.ts';
import type { MatchRow } from './gateway-document-facilities.ts';
import { type Network, networkContains, parseNetwork } from './network.ts';
import { shownValue, type Tell, type TriedRule } from './tried-rule.ts';
import { wildcard } from './wildcard.ts';

export type Peer = Pick<AssociationFacts, 'callingAe' | 'calledAe' | 'source' | 'tlsSubject'>;
type Resolving = Pick<GatewayDocument, 'gateway' | 'facilities'>;

/** `rule`: the row that decided, as configured. `ambiguous`: the facilities whose rows tie. `none`: no row fits. */
export type FacilityResolution = { facility: string; rule: string } | { ambiguous: string[]; rule: string } | { none: true };

/** A row counts as the highest of these that it has a field for. */
const RANKS = ['catch-all', 'shared called AE title', 'network', 'calling AE title', 'called AE title', 'TLS subject'] as const;
type Rank = (typeof RANKS)[number];

export interface Candidate {
  readonly facility: string;
  readonly row: MatchRow;
  readonly network?: Network;
  readonly subject?: (text: string) => boolean;
  readonly rank: Rank;
  /** Rank first; among networks the longer prefix. */
  readonly weight: number;
}

/** Rows of a document, ranked: worked out once a document, not once an association. */
const candidatesOf = new WeakMap<Resolving, Candidate[]>();

/**
 * TLS subject; a called AE title that only one facility lists; calling AE title; longest network prefix; a shared called AE title (one that
 * several facilities list, or one of the gateway's own); catch-all. Within a row every field must fit. Two facilities on one rank: ambiguous.
 */
export function resolveFacility(document: Resolving, peer: Peer, tell?: Tell): FacilityResolution {
  const all = candidates(document);
  const fitting = all.filter((candidate) => fits(candidate, peer));
  const best = Math.max(...fitting.map(({ weight }) => weight));
  const winners = fitting.filter(({ weight }) => weight === best);
  const facilities = [...new Set(winners.map(({ facility }) => facility))];
  if (tell !== undefined) for (const candidate of all) tell(triedRow(candidate, peer, { winners, facilities }));
  if (winners.length === 0) return { none: true };
  const rule = ruleOf(winners[0]!);
  return facilities.length === 1 ? { facility: facilities[0]!, rule } : { ambiguous: facilities, rule };
}

const ruleOf = ({ facility, row }: Candidate): string => `${facility}: match ${rowText(row)}`;

interface Outcome {
  readonly winners: readonly Candidate[];
  readonly facilities: readonly string[];
}

function triedRow(candidate: Candidate, peer: Peer, { winners, facilities }: Outcome): TriedRule {
  const applied = facilities.length === 1 && candidate === winners[0];
  return { kind: 'facility', rule: ruleOf(candidate), applied, because: becauseOf(candidate, peer, { winners, facilities }) };
}

function becauseOf(candidate: Candidate, peer: Peer, { winners, facilities }: Outcome): string {
  const field = misfitOf(candidate, peer);
  if (field !== undefined) return `the association's ${FACTS[field](peer)}, and the row asks for ${candidate.row[field]}`;
  const rank = rankText(candidate);
  if (!winners.includes(candidate)) return `fits as ${rank}, which counts less than ${rankText(winners[0]!)}`;
  if (facilities.length > 1) return `fits as ${rank}, and ${facilities.join(', ')} tie there`;
  return candidate === winners[0] ? `fits as ${rank}, and nothing that counts more fits` : `fits as ${rank}, as a row before it does`;
}

const rankText = ({ rank, network }: Candidate): string => (rank === 'network' ? `network of ${network!.prefix} bits` : rank);

/** What each field of a row asks of an association. */
const FACTS: Record<keyof MatchRow, (peer: Peer) => string> = {
  calledAe: ({ calledAe }) => `called AE title is ${shownValue(calledAe)}`,
  callingAe: ({ callingAe }) => `calling AE title is ${shownValue(callingAe)}`,
  network: ({ source }) => `address is ${source}`,
  tlsSubject: ({ tlsSubject }) => `TLS subject is ${shownValue(tlsSubject)}`,
};

/** Called AE titles that an association may ask for; '*' among them: any. */
export function acceptedCalledAes(document: Resolving): Set<string> {
  const ofFacilities = document.facilities.flatMap(({ match }) => match.flatMap((row) => row.calledAe ?? []));
  return new Set([document.gateway.aeTitle, ...document.gateway.calledAeTitles, ...ofFacilities]);
}

/** Whether the called AE title is one of ours (case sensitive; surrounding spaces do not count, PS3.8 section 9.3.2). */
export function acceptsCalledAe(document: Resolving, calledAe: string): boolean {
  const accepted = acceptedCalledAes(document);
  return accepted.has('*') || accepted.has(calledAe.trim());
}

/** Whether gateway.callers allows the peer. `user`: the name it gave (PS3.7 D.3.3.7), which nobody has checked. */
export function acceptsCaller(document: Resolving, peer: Omit<Peer, 'calledAe'> & { readonly user?: string }): boolean {
  return document.gateway.callers.some(
    (row) => (row.user === undefined || row.user === peer.user) && fits(prepared(row), { ...peer, calledAe: '' }),
  );
}

/** Every match row of the document, in its order. */
export function candidates(document: Resolving): Candidate[] {
  const known = candidatesOf.get(document);
  if (known !== undefined) return known;
  const shared = sharedCalledAes(document);
  const made = document.facilities.flatMap(({ id, match }) =>
    match.map((row): Candidate => {
      const rank = rankOf(row, shared);
      return { facility: id, ...prepared(row), rank, weight: weightOf(row, rank) };
    }),
  );
  candidatesOf.set(document, made);
  return made;
}

const prepared = (row: MatchRow) => ({
  row,
  network: row.network === undefined ? undefined : parseNetwork(row.network),
  subject: row.tlsSubject === undefined ? undefined : wildcard(row.tlsSubject),
});

function sharedCalledAes({ gateway, facilities }: Resolving): Set<string> {
  const shared = new Set([gateway.aeTitle, ...gateway.calledAeTitles]);
  const seen = new Set<string>();
  for (const listed of facilities.map(calledAesOf))
    for (const calledAe of listed) {
      if (seen.has(calledAe)) shared.add(calledAe);
      seen.add(calledAe);
    }
  return shared;
}

const calledAesOf = ({ match }: Facility): Set<string> => new Set(match.flatMap((row) => row.calledAe ?? []));

const weightOf = (row: MatchRow, rank: Rank): number =>
  RANKS.indexOf(rank) * 1000 + (rank === 'network' ? parseNetwork(row.network!)!.prefix : 0);

function rankOf(row: MatchRow, shared: Set<string>): Rank {
  if (row.tlsSubject !== undefined) return 'TLS subject';
  if (row.calledAe !== undefined && !shared.has(row.calledAe)) return 'called AE title';
  if (row.callingAe !== undefined) return 'calling AE title';
  if (row.network !== undefined) return 'network';
  return row.calledAe === undefined ? 'catch-all' : 'shared called AE title';
}

type Asked = Pick<Candidate, 'row' | 'network' | 'subject'>;

const fits = (asked: Asked, peer: Peer): boolean => misfitOf(asked, peer) === undefined;

/** The first field that does not fit; undefined: the row fits. */
function misfitOf({ row, network, subject }: Asked, peer: Peer): keyof MatchRow | undefined {
  if (row.calledAe !== undefined && row.calledAe !== peer.calledAe.trim()) return 'calledAe';
  if (row.callingAe !== undefined && row.callingAe !== peer.callingAe.trim()) return 'callingAe';
  if (network !== undefined && !networkContains(network, peer.source)) return 'network';
  return subject === undefined || (peer.tlsSubject !== undefined && subject(peer.tlsSubject)) ? undefined : 'tlsSubject';
}

const rowText = (row: MatchRow): string => {
  const fields = Object.entries(row).filter(([, value]) => value !== undefined);
  return `{${fields.map(([field, value]) => ` ${field}: ${value}`).join(',')}${fields.length === 0 ? '' : ' '}}`;
};
