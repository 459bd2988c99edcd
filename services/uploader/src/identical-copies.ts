// The same content for the same destination, received again before it was delivered: it is sent once, and each of its deliveries is confirmed with that one.
import { createHash } from 'node:crypto';
import type { NumberedRule } from '@causeway/shared/config/coercion';
import { TransientError } from '@causeway/shared/errors';
import type { DeliveryDue } from '@causeway/shared/events/delivery';
import { originalOf } from '@causeway/shared/events/delivery';
import type { FactOf } from '@causeway/shared/events/facts';
import type { CopyMark, DeliveryRecords } from './delivery-records.ts';
import type { DestinationSettings } from './destination-settings.ts';

export interface CopyParts {
  /** Of coercion on delivery: what they make depends on them and on the whole association. */
  readonly rules?: readonly NumberedRule[];
  readonly records: Pick<DeliveryRecords, 'copy' | 'markCopy'>;
  readonly settings: Pick<DestinationSettings, 'kind' | 'id'> & {
    readonly url?: string;
    readonly host?: string;
    readonly port?: number;
    readonly calledAe?: string;
    readonly confirm?: string;
  };
}

export interface Turn {
  /** Confirmed elsewhere, or earlier, while this delivery was due. */
  readonly copy: CopyMark | undefined;
  /** Resolves with the mark once this delivery is confirmed; with undefined when it ended otherwise. */
  readonly send: () => Promise<CopyMark | undefined>;
  readonly confirmAs: (copy: CopyMark) => Promise<void>;
}

type Ended = { readonly copy: CopyMark | undefined } | { readonly error: unknown };

/** Clocks of the machines of a cluster differ by less. Copies that come closer together are each sent, which is harmless. */
const MARGIN_MS = 2_000;

/** Those of one destination in this process; other processes are met by the marks in a bucket. */
export class IdenticalCopies {
  readonly #parts: CopyParts;
  readonly #underWay = new Map<string, Promise<Ended>>();

  constructor(parts: CopyParts) {
    this.#parts = parts;
  }

  /**
   * The mark of a copy that was confirmed after this delivery became due: then it was unconfirmed when this one was received. What became due later is a repair by
   * the sender, and is really sent. Never rejects: without marks everything is sent.
   */
  async confirmedSince(due: DeliveryDue): Promise<CopyMark | undefined> {
    if (!mayFollow(due)) return undefined;
    const mark = await this.#parts.records.copy(this.#keyOf(due)).catch(() => undefined);
    return mark !== undefined && Date.parse(due.occurredAt) + MARGIN_MS <= Date.parse(mark.confirmedAt) ? mark : undefined;
  }

  /**
   * Sends, unless a copy is confirmed or under way; then this one waits for it, is confirmed with it, comes back with the same delay when it has to be tried again, and
   * is sent itself when the first failed for good.
   */
  async inTurn(due: DeliveryDue, { copy, send, confirmAs }: Turn): Promise<void> {
    if (!mayFollow(due)) return void (await send());
    const key = this.#keyOf(due);
    let known = copy;
    // Between the last look and the entry of its own turn it must not wait: another one would look at the same moment.
    for (let first = this.#underWay.get(key); known === undefined && first !== undefined; first = this.#underWay.get(key)) {
      known = copyIn(await first);
    }
    if (known !== undefined) return await confirmAs(known);
    const turn = Promise.withResolvers<Ended>();
    this.#underWay.set(key, turn.promise);
    try {
      turn.resolve({ copy: await send() });
    } catch (error) {
      turn.resolve({ error });
      throw error;
    } finally {
      this.#underWay.delete(key);
    }
  }

  /** So that copies received while this one was due can be confirmed with it, in whatever process. */
  async mark(due: DeliveryDue, copy: CopyMark): Promise<void> {
    await this.#parts.records.markCopy(this.#keyOf(due), copy);
  }

  /** Everything that decides which bytes would be sent where, in whose name, and what proves that they arrived. */
  #keyOf({ delivery }: DeliveryDue): string {
    const { kind, url, host, port, calledAe, confirm } = this.#parts.settings;
    const { association, sopInstanceUid } = delivery.instance;
    const forms = [originalOf(delivery).digest, delivery.compressed?.digest];
    const place = [delivery.destination, kind, url, host, port, calledAe, confirm, delivery.facility];
    const { rules = [] } = this.#parts;
    const coerced = rules.length === 0 ? null : [rules, association.source];
    return createHash('sha256')
      .update(JSON.stringify([place, sopInstanceUid, forms, association.callingAe, association.calledAe, coerced]))
      .digest('hex');
  }
}

/** What a person or reconciliation set in motion again is really sent, and so is what was retrieved: somebody asked for it. */
const mayFollow = ({ generation, delivery }: DeliveryDue): boolean => generation === 0 && delivery.retrievalId === undefined;

/** undefined: the first failed for good. Throws when it has to be tried again. */
function copyIn(ended: Ended): CopyMark | undefined {
  if (!('error' in ended)) return ended.copy;
  const waitMs = ended.error instanceof TransientError ? ended.error.retryAfterMs : undefined;
  throw new TransientError(
    'given back: an identical copy has to be tried again first',
    waitMs === undefined ? {} : { retryAfterMs: waitMs },
  );
}

/** What is remembered of a confirmed delivery for its copies. */
export function copyMarkOf(due: DeliveryDue, fact: FactOf<'ledger.delivery.confirmed'>): CopyMark {
  const { confirmation, digest, warning, coercion, occurredAt } = fact;
  return { receiptId: due.delivery.instance.receiptId, confirmation, digest, warning, coercion, confirmedAt: occurredAt };
}
