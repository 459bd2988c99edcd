// Sends instances by C-STORE (PS3.7 section 9.1.1) over associations that stay open while there is work.
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import type { Association, associate, EventReported } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import type { ProposedContext } from '@causeway/shared/dicom/upper-layer/association';
import { describeError } from '@causeway/shared/errors';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { Lane } from '@causeway/shared/events/instance';
import { type AssociationNeed, AssociationPool, type Session } from './association-pool.ts';
import type { Clock } from './circuit-breaker.ts';
import { COMMITMENT_CONTEXT, type CommitmentRequest, requestCommitment } from './commitment-request.ts';
import { type Outcome, transient, unknownOutcome } from './delivery-outcome.ts';
import { type CallingTitles, callingAeFor, type DimseSettings } from './destination-settings.ts';
import { destinationTls } from './destination-tls.ts';
import { associationOutcome, refusedContextOutcome, storeOutcome } from './dimse-outcome.ts';
import { objectChoices } from './object-choice.ts';
import { dataSetOf, sourceOutcome } from './outbound-object.ts';
import { contextKey } from './presentation-contexts.ts';
import { type ReadAhead, readAhead } from './read-ahead.ts';
import type { Parcel, Sender, SenderParts } from './sender.ts';
import { inStoreSpan } from './store-span.ts';

/** Priority (0000,0700) by lane: 0 medium, 1 high, 2 low (PS3.7 section 9.3.1.1). */
const PRIORITIES: Readonly<Record<Lane, number>> = { stat: 1, routine: 0, prior: 2 };

/**
 * Sent one after the other on one association, put on record together: what JetStream costs for each small instance is shared. As many may come twice after a kill.
 */
const BATCH = { instances: 8, size: 4 * 1024 * 1024 };

/** Long enough for an archive that decides within half a minute and answers on the same association only. */
const IDLE_MS_FOR_COMMITMENT = 30_000;

export interface DimseParts extends SenderParts {
  readonly readSecret: SecretReader;
  readonly titles: CallingTitles;
  readonly clock: Clock;
  readonly associate: typeof associate;
  /** Takes the answers of an archive that has to commit, on the associations to it. */
  readonly eventReported?: EventReported | undefined;
}

/** A sender to a DIMSE destination can also ask it to commit to what it stored. */
export interface CommittingSender extends Sender {
  /** See commitment-request.ts. */
  requestCommitment(request: CommitmentRequest): Promise<Outcome | undefined>;
}

export function createDimseSender(settings: DimseSettings, parts: DimseParts): CommittingSender {
  return new DimseSender(settings, parts);
}

interface Sending {
  readonly parcel: Parcel;
  readonly need: AssociationNeed;
  readonly dataSet: ReadAhead;
}

class DimseSender implements CommittingSender {
  readonly batch = BATCH;
  /** The next data set is read while the one before is sent. */
  readonly ahead = 1;
  readonly #settings: DimseSettings;
  readonly #parts: DimseParts;
  readonly #pool: AssociationPool;
  #aborted = false;

  constructor(settings: DimseSettings, parts: DimseParts) {
    this.#settings = settings;
    this.#parts = parts;
    const isAsked = settings.confirm === 'storage-commitment';
    this.#pool = new AssociationPool({
      ...(isAsked ? { always: [COMMITMENT_CONTEXT], idleMs: IDLE_MS_FOR_COMMITMENT } : {}),
      // What this process has begun may not be cut when its share shrinks: it needs one association at least.
      concurrency: () => Math.max(1, parts.slots()),
      open: (callingAe, contexts) => this.#associate(callingAe, contexts),
      upcoming: () => parts.upcoming().flatMap((delivery) => this.#needsOf(delivery)),
      clock: parts.clock,
    });
  }

  /** Stops at the first outcome that tells of the destination: the others would wait for the same. */
  async send(parcels: readonly Parcel[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    let next = this.#begin(parcels[0]);
    for (const place of parcels.keys()) {
      const sending = next!;
      next = this.#begin(parcels[place + 1]);
      const outcome = await this.#sendOne(sending);
      outcomes.push(outcome);
      if (outcome.kind === 'transient' && outcome.fault !== 'none') break;
    }
    next?.dataSet.close();
    return parcels.map((_, place) => outcomes[place] ?? transient('not sent: the destination failed before its turn', 'none'));
  }

  async requestCommitment(request: CommitmentRequest): Promise<Outcome | undefined> {
    if (this.#aborted) return transient('sending was ended', 'none');
    return await requestCommitment(this.#pool, request);
  }

  reset(): void {
    void this.#pool.releaseIdle();
  }

  async close(): Promise<void> {
    await this.#pool.releaseIdle();
  }

  abort(): void {
    this.#aborted = true;
    this.#pool.abortAll();
  }

  #begin(parcel: Parcel | undefined): Sending | undefined {
    if (parcel === undefined) return undefined;
    return { parcel, need: this.#needOf(parcel), dataSet: readAhead(dataSetOf(this.#parts.store, parcel.object)) };
  }

  async #sendOne(sending: Sending): Promise<Outcome> {
    const { need, dataSet } = sending;
    let session: Session;
    try {
      if (this.#aborted) throw new Error('sending was ended');
      session = await this.#pool.take(need);
    } catch (error) {
      dataSet.close();
      return associationOutcome(error);
    }
    try {
      return await this.#store(session, sending);
    } finally {
      dataSet.close();
      this.#pool.give(session);
    }
  }

  async #store({ association, contexts }: Session, { parcel, need, dataSet }: Sending): Promise<Outcome> {
    const contextId = contexts.get(contextKey(need))!;
    if (!association.accepted.has(contextId)) return refusedContextOutcome(association.refused.get(contextId) ?? 2, need);
    const { object, delivery, resend } = parcel;
    const unreadable = await dataSet.failsAtOnce();
    if (unreadable !== undefined) return sourceOutcome(unreadable);
    try {
      const { status } = await inStoreSpan(parcel, () =>
        association.store({
          contextId,
          sopClassUid: object.meta.sopClassUid,
          sopInstanceUid: object.meta.sopInstanceUid,
          priority: PRIORITIES[delivery.instance.lane],
          dataSet,
        }),
      );
      return storeOutcome(status, resend);
    } catch (error) {
      // After an error half of a message may be on the wire: the association is of no more use.
      association.abort();
      if (dataSet.error !== undefined) return sourceOutcome(dataSet.error);
      return unknownOutcome(describeError(error), 'suspect');
    }
  }

  async #associate(callingAe: string, contexts: ProposedContext[]): Promise<Association> {
    const { host, port, calledAe, timeouts } = this.#settings;
    const { readSecret, eventReported } = this.#parts;
    const tls = await destinationTls(this.#settings, readSecret);
    return await this.#parts.associate({
      ...{ host, port, calledAe, callingAe, contexts },
      ...(tls === undefined ? {} : { tls }),
      ...(eventReported === undefined ? {} : { eventReported }),
      implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
      timeouts: { connectMs: timeouts.connect, associateMs: timeouts.idle, responseMs: timeouts.idle },
    });
  }

  #needOf({ object, delivery }: Parcel): AssociationNeed {
    const { sopClassUid, transferSyntaxUid } = object.meta;
    return { callingAe: callingAeFor(this.#settings, this.#parts.titles, delivery), sopClassUid, transferSyntaxUid };
  }

  /** Every encoding it may be sent in, so that falling back needs no new association. */
  #needsOf(delivery: Delivery): AssociationNeed[] {
    const callingAe = callingAeFor(this.#settings, this.#parts.titles, delivery);
    const { sopClassUid } = delivery.instance;
    return objectChoices(delivery, this.#settings).map(({ transferSyntaxUid }) => ({ callingAe, sopClassUid, transferSyntaxUid }));
  }
}
