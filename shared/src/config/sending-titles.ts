// The AE titles that we call with ourselves. Who calls us with one of them has it from us: what it brings was sent by us, and would go round for ever.
import type { AssociationFacts } from '../events/instance.ts';
import type { GatewayDocument } from './gateway-document.ts';

type Sending = Pick<GatewayDocument, 'gateway' | 'facilities' | 'destinations' | 'retrieval'>;

/** Worked out once a document, not once an instance. */
const known = new WeakMap<Sending, ReadonlyMap<string, readonly string[]>>();

/**
 * Each calling AE title of ours, and the destinations that are called with it. STOW-RS has none; with `as-received` the title is the modality's, which tells nothing.
 * The titles of facilities count where they send to a destination that asks for them.
 */
export function sendingTitles(document: Sending): ReadonlyMap<string, readonly string[]> {
  const before = known.get(document);
  if (before !== undefined) return before;
  const named = document.destinations.flatMap((destination) =>
    titlesTowards(document, destination).map((title) => ({ title, id: destination.id })),
  );
  const titles = new Map([...Map.groupBy(named, ({ title }) => title)].map(([title, of]) => [title, of.map(({ id }) => id)]));
  known.set(document, titles);
  return titles;
}

function titlesTowards({ gateway, facilities, retrieval }: Sending, destination: Sending['destinations'][number]): string[] {
  if (destination.kind !== 'dimse' || destination.callingAe === 'as-received') return [];
  if (destination.callingAe !== 'facility') return [destination.callingAe ?? gateway.aeTitle];
  const senders = facilities.filter(({ destinations }) => destinations.includes(destination.id));
  // What a person or a poll has retrieved is sent on behalf of no facility.
  const ofRetrievals = retrieval.sources.length > 0 ? [gateway.aeTitle] : [];
  return [...new Set([...senders.map(({ aeTitle }) => aeTitle), ...ofRetrievals])];
}

/** The title that came back; undefined: the caller is somebody else. Surrounding spaces do not count (PS3.8 section 9.3.2). */
export function returnedTitle(document: Sending, { callingAe }: Pick<AssociationFacts, 'callingAe'>): string | undefined {
  const title = callingAe.trim();
  return sendingTitles(document).has(title) ? title : undefined;
}
