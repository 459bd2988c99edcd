// A document rehearsed on instances of the past: what it would make of each, in the order of their receipt, with the functions that decide.
import { isDeepStrictEqual } from 'node:util';
import type { Held } from '../events/facts.ts';
import { chooseCompression } from './choose-compression.ts';
import { rulesOnReceipt } from './coercion.ts';
import { decideRoute, hubOf, mappingValueOf } from './decide-route.ts';
import { resolveFacility } from './facility-resolution.ts';
import type { CoercionRule, FacilityOf, GatewayDocument } from './gateway-document.ts';
import { headerReaderFor, type StoredHeader } from './stored-header.ts';

/** `facilities`, `destinations`: ids, sorted. `compression`: the syntax that is made, or unchanged. `held`: why it waits, also or only. */
export interface RehearsedOutcome {
  readonly facilities: string[];
  readonly destinations: string[];
  readonly compression: string;
  readonly held?: Held['reason'];
}

/** `unknown`: why the stored header is not enough to say; it names attributes, never values. */
export type Rehearsed = RehearsedOutcome | { readonly unknown: string };

/** `began`: whether the earliest instance of its study is among those rehearsed. */
export type PastInstance = StoredHeader & { readonly began: boolean };

export class Rehearsal {
  readonly #document: GatewayDocument;
  readonly #read: ReturnType<typeof headerReaderFor>;
  /** Hub and study to the endpoints that its tagged instances matched so far; undefined: one of them cannot be judged. */
  readonly #studies = new Map<string, Set<string> | undefined>();

  constructor(document: GatewayDocument) {
    this.#document = document;
    this.#read = headerReaderFor(document);
  }

  /** What becomes of the instance, as far as it was received behind the others. */
  decide(past: PastInstance): Rehearsed {
    const { association, sopClassUid } = past;
    const { attributes, missed } = this.#read(past);
    const hub = hubOf(this.#document, association);
    const study = keyOf(hub, past);
    const follows = hub?.followStudy === true && mappingValueOf(hub, { association, attributes }) === undefined;
    const route = decideRoute(this.#document, { association, attributes, studyEndpoints: this.#endpointsOf(study) });
    this.#remember(study, { endpoints: route.remember?.endpoints, missesTag: hub !== undefined && missed.has(hub.mappingTag) });
    const compression = chooseCompression(this.#document, { association, sopClassUid, attributes, facility: this.facilityOf(past) });
    if (missed.size > 0) return { unknown: `the headers on record do not hold ${[...missed].sort().join(', ')}` };
    if (follows && this.#isUncertain(study, past)) return { unknown: `what their study matched at hub ${hub!.id} is not on record` };
    return {
      facilities: route.facilities.map(({ id }) => id).sort(),
      destinations: route.deliveries.map(({ destination }) => destination).sort(),
      compression: compression.kind === 'compress' ? compression.syntax : 'unchanged',
      held: route.held?.reason,
    };
  }

  /** What the association alone decides. */
  facilityOf({ association }: StoredHeader): string | undefined {
    const resolution = resolveFacility(this.#document, association);
    return 'facility' in resolution ? resolution.facility : undefined;
  }

  /** Coercion rules on receipt that may have changed the instance, or would. */
  coercionsOf(past: StoredHeader): CoercionRule[] {
    if (this.#document.coercion.length === 0) return [];
    return rulesOnReceipt(this.#document, { ...past, facility: this.facilityOf(past) }).map(({ rule }) => rule);
  }

  /** The endpoints that instances of its study decided before this one matched at the hub. */
  studyEndpoints(past: StoredHeader): string[] {
    return this.#endpointsOf(keyOf(hubOf(this.#document, past.association), past));
  }

  #endpointsOf(study: string | undefined): string[] {
    return study === undefined ? [] : [...(this.#studies.get(study) ?? [])];
  }

  #remember(study: string | undefined, { endpoints = [], missesTag }: { endpoints?: readonly string[]; missesTag: boolean }): void {
    if (study === undefined) return;
    if (missesTag) this.#studies.set(study, undefined);
    else if (endpoints.length > 0 && !this.#isLost(study)) this.#studies.set(study, new Set([...this.#endpointsOf(study), ...endpoints]));
  }

  #isLost(study: string): boolean {
    return this.#studies.has(study) && this.#studies.get(study) === undefined;
  }

  #isUncertain(study: string | undefined, { began }: PastInstance): boolean {
    return study !== undefined && (!began || this.#isLost(study));
  }
}

/** An instance without a Study Instance UID has no study to follow. */
const keyOf = (hub: FacilityOf<'hub'> | undefined, { studyInstanceUid }: StoredHeader): string | undefined =>
  hub === undefined || studyInstanceUid === undefined ? undefined : `${hub.id} ${studyInstanceUid}`;

/** What two documents make of one instance; `unknown` when that cannot be said of one of them. */
export type Compared = { readonly before: RehearsedOutcome; readonly after: RehearsedOutcome } | { readonly unknown: string };

export function rehearseBoth(before: Rehearsal, after: Rehearsal, past: PastInstance): Compared {
  const [was, willBe] = [before.decide(past), after.decide(past)];
  if ('unknown' in was) return was;
  if ('unknown' in willBe) return willBe;
  // The ledger keeps attributes as they were coerced: what other rules would make of the received ones it cannot tell.
  if (!isDeepStrictEqual(before.coercionsOf(past), after.coercionsOf(past)))
    return { unknown: 'other coercion rules on receipt apply, and the headers on record are those that were coerced' };
  return { before: was, after: willBe };
}
