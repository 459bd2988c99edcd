// One try of a batch: open the objects, send them, and send the original where the destination refuses what was made of it.

import { describeError } from '@causeway/shared/errors';
import type { StoredCopy } from '@causeway/shared/events/asked-commitment';
import { type Delivery, derivationProfiles } from '@causeway/shared/events/delivery';
import type { ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { Context } from '@causeway/shared/spans';
import type { Waiting } from './batcher.ts';
import type { Clock } from './circuit-breaker.ts';
import { isSyntaxRefused, type Outcome, unknownOutcome } from './delivery-outcome.ts';
import { derivationAfterRefusal, objectChoices, type WantedForm } from './object-choice.ts';
import { coerceOutbound, type DeliveryRules } from './outbound-coercion.ts';
import { type OutboundChange, openObject, sourceOutcome } from './outbound-object.ts';
import type { Pace } from './pace.ts';
import type { Parcel, Sender } from './sender.ts';

/**
 * `resend`: it may have arrived before. `lastTry`: a refusal of unknown meaning parks it now. `commitment`: the destination has to commit to it, under which key that is
 * on record, and what it has stored already.
 */
export interface DueParcel extends Waiting {
  readonly delivery: Delivery;
  readonly commitment?: { readonly key: string; readonly stored: StoredCopy | undefined };
  readonly resend: boolean;
  readonly lastTry: boolean;
  readonly trace?: Context | undefined;
}

/** `ref`: the object the outcome is about; `change`: what coercion on delivery made of it. */
export interface Attempted {
  readonly outcome: Outcome;
  readonly ref: ObjectRef;
  readonly change?: Pick<OutboundChange, 'rules' | 'skipped' | 'digest' | 'size'> | undefined;
}

export interface AttemptParts {
  readonly form: WantedForm;
  /** Of coercion on delivery to this destination. */
  readonly coercion: DeliveryRules;
  readonly store: ObjectStore;
  readonly sender: Pick<Sender, 'send'>;
  readonly clock: Pick<Clock, 'now'>;
  /** How fast the object of a delivery may go out [as fast as it can]. */
  readonly paceOf?: (delivery: Delivery) => Pace;
}

/** A destination that refused a syntax is offered it again after so long: somebody may have configured it. */
const SYNTAX_MEMORY_MS = 10 * 60_000;

export class Attempts {
  readonly #parts: AttemptParts;
  /** SOP class and transfer syntax, until when they are not offered where there is another choice. */
  readonly #refusedUntil = new Map<string, number>();

  constructor(parts: AttemptParts) {
    this.#parts = parts;
  }

  /** In the order of the batch. Never rejects. */
  async send(batch: readonly DueParcel[]): Promise<Attempted[]> {
    const known = batch.map((due) => this.#refusedBefore(due));
    const sent = await this.#sendOpen(batch.filter((_, place) => known[place] === undefined));
    return known.map((refused) => refused ?? sent.shift()!);
  }

  async #sendOpen(batch: readonly DueParcel[]): Promise<Attempted[]> {
    const choices = batch.map((due) => this.#choices(due));
    const results = await this.#sendTogether(batch.map((due, place) => ({ due, ref: choices[place]![0] })));
    const again = batch.flatMap((due, place) => {
      const next = choices[place]![1];
      return next !== undefined && isFinal(results[place]!.outcome) ? [{ due, ref: next, place }] : [];
    });
    const second = await this.#sendTogether(again);
    for (const [place, due] of batch.entries()) this.#noteSyntax(due, results[place]!);
    for (const [index, { due, place }] of again.entries()) {
      this.#noteSyntax(due, second[index]!);
      results[place] = joined(results[place]!, second[index]!);
    }
    return results;
  }

  #choices({ delivery }: DueParcel): [ObjectRef, ...ObjectRef[]] {
    const all = objectChoices(delivery, this.#parts.form);
    const [first, ...open] = all.filter((ref) => !this.#isRefused(delivery, ref));
    return first === undefined ? [all.at(-1)!] : [first, ...open];
  }

  /** Nothing is sent of which it is known that it is refused, and instead of which another object can be made. */
  #refusedBefore({ delivery }: DueParcel): Attempted | undefined {
    const all = objectChoices(delivery, this.#parts.form);
    if (derivationAfterRefusal(delivery) === undefined || !all.every((ref) => this.#isRefused(delivery, ref))) return undefined;
    const ref = all.at(-1)!;
    const reason = `SOP Class ${delivery.instance.sopClassUid} in transfer syntax ${ref.transferSyntaxUid} was refused a moment ago`;
    return { ref, outcome: { kind: 'permanent', reason, because: 'refused-before' } };
  }

  #isRefused(delivery: Delivery, ref: ObjectRef): boolean {
    return (this.#refusedUntil.get(syntaxKey(delivery, ref)) ?? 0) > this.#parts.clock.now();
  }

  #noteSyntax({ delivery }: DueParcel, { outcome, ref }: Attempted): void {
    if (!isSyntaxRefused(outcome)) return;
    this.#refusedUntil.set(syntaxKey(delivery, ref), this.#parts.clock.now() + SYNTAX_MEMORY_MS);
  }

  async #sendTogether(chosen: readonly { due: DueParcel; ref: ObjectRef }[]): Promise<Attempted[]> {
    if (chosen.length === 0) return [];
    const opened = await Promise.all(chosen.map(({ due, ref }) => this.#open(due, ref)));
    const parcels = opened.flatMap((result) => ('object' in result ? [result] : []));
    const sent = await this.#sendAll(parcels);
    return chosen.map(({ due, ref }, place) => {
      const result = opened[place]!;
      const outcome = 'object' in result ? sent.shift()! : result;
      const change = 'object' in result ? result.object.change : undefined;
      return { ref, outcome: due.lastTry ? parked(outcome) : outcome, change };
    });
  }

  async #open({ delivery, resend, trace }: DueParcel, ref: ObjectRef): Promise<Parcel | Outcome> {
    try {
      const object = await openObject(this.#parts.store, ref, delivery.instance);
      const coerced = await coerceOutbound(this.#parts.store, object, { ...this.#parts.coercion, delivery });
      const pace = this.#parts.paceOf?.(delivery);
      return { delivery, resend, trace, object: pace === undefined ? coerced : { ...coerced, pace } };
    } catch (error) {
      return sourceOutcome(error);
    }
  }

  async #sendAll(parcels: readonly Parcel[]): Promise<Outcome[]> {
    if (parcels.length === 0) return [];
    try {
      return await this.#parts.sender.send(parcels);
    } catch (error) {
      return parcels.map(() => unknownOutcome(`sending failed: ${describeError(error)}`, 'suspect'));
    }
  }
}

const syntaxKey = ({ instance }: Delivery, ref: ObjectRef): string => `${instance.sopClassUid} ${ref.transferSyntaxUid}`;

const isFinal = (outcome: Outcome): boolean => outcome.kind === 'permanent';

/** A refusal that was the last one allowed. */
export function parked(outcome: Outcome): Outcome {
  if (outcome.kind !== 'refused') return outcome;
  return { kind: 'permanent', reason: `${outcome.reason}; not tried again`, because: 'instance' };
}

/** What became of the original after the compressed, or derived, object was refused. */
function joined(first: Attempted, second: Attempted): Attempted {
  if (!('reason' in first.outcome) || !('reason' in second.outcome)) return second;
  const reason = `${wordOf(first.ref)}: ${first.outcome.reason}; original: ${second.outcome.reason}`;
  return { ...second, outcome: { ...second.outcome, reason } };
}

const wordOf = ({ objectKey }: ObjectRef): string =>
  derivationProfiles.find((profile) => objectKey.includes(`/${profile}-`)) ?? 'compressed';
