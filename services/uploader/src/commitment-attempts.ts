// Attempts towards an archive that has to commit: what it stored is put on record, then one request asks for the whole batch. Nothing is delivered by that yet.
import { randomUUID } from 'node:crypto';
import type { AskedCommitments } from '@causeway/shared/bus/asked-commitments';
import { describeError } from '@causeway/shared/errors';
import type { StoredCopy } from '@causeway/shared/events/asked-commitment';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { CommitmentRequest } from './commitment-request.ts';
import { type Attempted, type Attempts, type DueParcel, parked } from './delivery-attempt.ts';
import { coercionOf } from './delivery-facts.ts';
import { type Delivered, type Outcome, transient } from './delivery-outcome.ts';

export interface CommitmentAttemptsParts {
  readonly attempts: Pick<Attempts, 'send'>;
  readonly request: (request: CommitmentRequest) => Promise<Outcome | undefined>;
  readonly asked: Pick<AskedCommitments, 'keepCopy' | 'keepTransaction'>;
  readonly settings: { readonly id: string; readonly calledAe: string };
  readonly callingAeOf: (delivery: Delivery) => string;
  /** This process, to be told of answers. */
  readonly replica: string;
  readonly now: () => number;
}

/** What is to be asked for, with its place in the batch. */
interface Entry {
  readonly place: number;
  readonly due: DueParcel;
  readonly key: string;
  readonly stored: StoredCopy;
}

export class CommitmentAttempts {
  readonly #parts: CommitmentAttemptsParts;

  constructor(parts: CommitmentAttemptsParts) {
    this.#parts = parts;
  }

  /** In the order of the batch. What is stored and asked for is `stored`, never `delivered`. Never rejects. */
  async send(batch: readonly DueParcel[]): Promise<Attempted[]> {
    const sent = await this.#parts.attempts.send(batch.filter(({ commitment }) => commitment?.stored === undefined));
    const results: Attempted[] = [];
    const entries: Entry[] = [];
    for (const [place, due] of batch.entries()) {
      const { key, stored } = due.commitment!;
      const attempted = stored === undefined ? sent.shift()! : storedBefore(due, stored);
      results.push(attempted);
      const copy = stored ?? this.#copyOf(due, attempted);
      if (copy !== undefined) entries.push({ place, due, key, stored: copy });
    }
    for (const group of Object.values(Object.groupBy(entries, ({ stored }) => stored.callingAe)))
      for (const [index, outcome] of (await this.#ask(group!)).entries()) {
        const { place, due } = group![index]!;
        results[place] = { ...results[place]!, outcome: due.lastTry ? parked(outcome) : outcome };
      }
    return results;
  }

  #copyOf({ delivery }: DueParcel, { outcome, ref, change }: Attempted): StoredCopy | undefined {
    if (outcome.kind !== 'delivered') return undefined;
    const { confirmation, warning } = outcome;
    return {
      ...{ copy: randomUUID(), callingAe: this.#parts.callingAeOf(delivery), content: delivery.instance.digest },
      ...{ confirmation, warning, digest: change?.digest ?? ref.digest, size: change?.size ?? ref.size },
      coercion: change && coercionOf(change),
    };
  }

  /** One outcome for each entry. The order is what a kill in between is safe by: a copy on record is not sent again, a request that was not accepted is made again. */
  async #ask(entries: readonly Entry[]): Promise<Outcome[]> {
    const { asked, request, settings, replica, now } = this.#parts;
    const transactionUid = newTransactionUid();
    const transaction = {
      ...{ destination: settings.id, archiveAe: settings.calledAe, replica },
      references: entries.map(({ due, key, stored }) => ({ ...referenceOf(due), key, copy: stored.copy })),
    };
    const copies = entries.map(({ stored }): StoredCopy => ({ ...stored, transactionUid }));
    try {
      await asked.keepTransaction(transactionUid, transaction);
      await Promise.all(entries.map(({ key }, place) => asked.keepCopy(key, copies[place]!)));
    } catch (error) {
      return entries.map(() => ({ ...transient(`stored, but not on record: ${describeError(error)}`, 'none'), mayHaveArrived: true }));
    }
    const { callingAe } = entries[0]!.stored;
    const refusal = await request({ callingAe, transactionUid, references: entries.map(({ due }) => referenceOf(due)) });
    if (refusal !== undefined) return entries.map(() => refusal);
    // Without this it is asked once more when the message comes back.
    await asked.keepTransaction(transactionUid, { ...transaction, acceptedAt: new Date(now()).toISOString() }).catch(() => {});
    return copies.map((stored) => ({ kind: 'stored', stored }));
  }
}

/** By an earlier attempt: nothing is sent. */
function storedBefore({ delivery }: DueParcel, stored: StoredCopy): Attempted {
  const outcome: Delivered = { kind: 'delivered', confirmation: stored.confirmation };
  return attemptedOf(delivery, stored, outcome);
}

/** An outcome about the copy that the destination has. */
export function attemptedOf({ instance }: Delivery, { digest, size, coercion }: StoredCopy, outcome: Outcome): Attempted {
  const { objectKey, transferSyntaxUid } = instance;
  const change = coercion && { rules: coercion.rules, skipped: coercion.skipped ?? [], digest, size };
  return { outcome, ref: { objectKey, transferSyntaxUid, digest, size }, change };
}

const referenceOf = ({ delivery: { instance } }: DueParcel) => ({
  sopClassUid: instance.sopClassUid,
  sopInstanceUid: instance.sopInstanceUid,
});

/** PS3.5 section B.2. */
const newTransactionUid = (): string => `2.25.${BigInt(`0x${randomUUID().replaceAll('-', '')}`)}`;
