// Sends instances over one or more associations; repeats what failed, as modalities do.
import { createHash, type Hash } from 'node:crypto';
import { type AssociateOptions, type Association, AssociationRejected, associate } from '@causeway/shared/dicom/dimse/scu';
import { isStored } from '@causeway/shared/dicom/dimse/statuses';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';

export interface InstanceToSend {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** Of the data set. */
  readonly byteLength: number;
  /** The data set anew, for each attempt. */
  open(): AsyncIterable<Buffer>;
}

export interface Outcome {
  readonly instance: InstanceToSend;
  /** Hexadecimal C-STORE status, or why there was none. */
  readonly status: string;
  readonly comment: string | undefined;
  readonly accepted: boolean;
  /** SHA-256 of the data set as sent, hexadecimal; undefined when it was not sent whole. */
  readonly digest: string | undefined;
  readonly attempts: number;
}

export interface SendPlan {
  readonly peer: { readonly host: string; readonly port: number; readonly calledAe: string; readonly callingAe: string };
  /** Every (SOP class, transfer syntax) among the instances: each gets a context of its own; at most 128 (PS3.8 section 9.3.2.2). */
  readonly contexts: readonly { readonly sopClassUid: string; readonly transferSyntaxUid: string }[];
  readonly associations: number;
  readonly retries: number;
  readonly onOutcome: (outcome: Outcome) => void;
}

export const MOST_CONTEXTS = 128;
/** How long a modality typically waits before it tries again. */
const RETRY_DELAY_MS = 2_000;
const TIMEOUTS = { connectMs: 10_000, associateMs: 30_000, responseMs: 120_000 };

/** Resolves when every instance has an outcome. The instances are taken one by one, so they may be made on the way. */
export async function sendInstances(instances: Iterable<InstanceToSend>, plan: SendPlan): Promise<void> {
  const queue = instances[Symbol.iterator]();
  await Promise.all(Array.from({ length: plan.associations }, () => new Sender(plan).sendAll(queue)));
}

interface Attempt {
  readonly status: string;
  readonly comment?: string | undefined;
  readonly accepted: boolean;
  readonly digest?: string | undefined;
  /** Another attempt may end otherwise. */
  readonly passing: boolean;
  /** It was not even begun. */
  readonly noAssociation?: boolean;
}

/** One association at a time, opened again after it was lost. */
class Sender {
  readonly #plan: SendPlan;
  #association: Association | undefined;
  #gaveUp: string | undefined;

  constructor(plan: SendPlan) {
    this.#plan = plan;
  }

  async sendAll(queue: Iterator<InstanceToSend>): Promise<void> {
    for (let next = queue.next(); !next.done; next = queue.next()) this.#plan.onOutcome(await this.#send(next.value));
    await this.#association?.release().catch(() => {});
  }

  /** Once no association could be opened, however often it was tried, the rest is not tried either. */
  async #send(instance: InstanceToSend): Promise<Outcome> {
    if (this.#gaveUp !== undefined)
      return { instance, status: this.#gaveUp, comment: undefined, accepted: false, digest: undefined, attempts: 0 };
    for (let attempts = 1; ; attempts++) {
      const { status, comment, accepted, digest, passing, noAssociation } = await this.#attempt(instance);
      if (accepted || !passing || attempts > this.#plan.retries) {
        if (noAssociation) this.#gaveUp = status;
        return { instance, status, comment, accepted, digest, attempts };
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS));
    }
  }

  async #attempt(instance: InstanceToSend): Promise<Attempt> {
    let association: Association | undefined;
    try {
      association = await this.#open();
      const contextId = this.#contextFor(instance, association);
      if (contextId === undefined) return { status: 'transfer syntax or SOP class not accepted', accepted: false, passing: false };
      const hash = createHash('sha256');
      const { sopClassUid, sopInstanceUid } = instance;
      const answer = await association.store({ contextId, sopClassUid, sopInstanceUid, dataSet: hashed(instance.open(), hash) });
      const status = answer.status.toString(16).padStart(4, '0').toUpperCase();
      return {
        status,
        comment: answer.comment,
        accepted: isStored(answer.status),
        digest: hash.digest('hex'),
        passing: isPassing(answer.status),
      };
    } catch (error) {
      this.#association?.abort();
      this.#association = undefined;
      const passing = !(error instanceof AssociationRejected) || error.transient;
      return { status: (error as Error).message, accepted: false, passing, noAssociation: association === undefined };
    }
  }

  async #open(): Promise<Association> {
    if (this.#association?.open) return this.#association;
    this.#association = await associate(this.#associateOptions());
    return this.#association;
  }

  #associateOptions(): AssociateOptions {
    const contexts = this.#plan.contexts.map(({ sopClassUid, transferSyntaxUid }, at) => ({
      id: contextIdAt(at),
      abstractSyntaxUid: sopClassUid,
      transferSyntaxUids: [transferSyntaxUid],
    }));
    const implementation = { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME };
    return { ...this.#plan.peer, contexts, implementation, timeouts: TIMEOUTS };
  }

  #contextFor(instance: InstanceToSend, association: Association): number | undefined {
    const at = this.#plan.contexts.findIndex(
      (context) => context.sopClassUid === instance.sopClassUid && context.transferSyntaxUid === instance.transferSyntaxUid,
    );
    const id = contextIdAt(at);
    return association.accepted.has(id) ? id : undefined;
  }
}

/** Odd numbers from 1 (PS3.8 section 9.3.2.2). */
const contextIdAt = (at: number): number => at * 2 + 1;

/** PS3.4 table B.2-1: A7xx refused, out of resources. Other failures are the data set's own. */
const isPassing = (status: number): boolean => (status & 0xff00) === 0xa700 || status === 0x0110;

async function* hashed(source: AsyncIterable<Buffer>, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
}
