// Modalities that never tire, in this process: each instance is repeated until it is answered 0000; what was answered, and when, is kept.
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { type Association, associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { type SyntheticInstance, syntheticInstances, syntheticSopClass } from '../../deploy/standalone/src/send/synthetic-study.ts';
import type { AcceptedInstance } from './run-send.ts';

export interface LoadOptions {
  readonly port: number;
  /** Side by side, each with instances of its own. */
  readonly associations: number;
  readonly seed: number;
  /** Rows and columns of 16 bits [64: 8 KB]. */
  readonly side?: number;
  /** Between an answer and the next instance of an association, ms [0]. */
  readonly pauseMs?: number;
}

/** One answer to one C-STORE, or the loss of its association (`status` undefined). */
export interface Answer {
  readonly sopInstanceUid: string;
  readonly status: number | undefined;
  readonly comment: string | undefined;
  readonly tookMs: number;
}

const REPEAT_AFTER_MS = 200;
const CONTEXTS = [{ id: 1, abstractSyntaxUid: syntheticSopClass({}), transferSyntaxUids: ['1.2.840.10008.1.2.1'] }];
/** Longer than any custody limit: an answer is waited for, not given up. */
const TIMEOUTS = { connectMs: 5_000, associateMs: 30_000, responseMs: 120_000 };
/** Of one study; the next ones go into another. */
const INSTANCES_OF_A_STUDY = 500;

export class SteadyLoad {
  /** Answered 0000. */
  readonly accepted: AcceptedInstance[] = [];
  readonly answers: Answer[] = [];
  readonly #options: LoadOptions;
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#running = Promise.all(Array.from({ length: options.associations }, (_, at) => this.#sendForEver(at)));
  }

  /** Answers other than 0000, associations lost included. */
  get refused(): Answer[] {
    return this.answers.filter(({ status }) => status !== 0);
  }

  /** Begins nothing new; resolves when what is under way was answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #sendForEver(at: number): Promise<void> {
    let association: Association | undefined;
    for (const instance of this.#instances(at)) {
      const dataSet = instance.dataSet;
      const digest = createHash('sha256').update(dataSet).digest('hex');
      for (let done = false; !done && !this.#stopped; ) {
        association = await this.#open(association);
        done = association !== undefined && (await this.#send(association, instance, dataSet));
        if (done) this.accepted.push({ sopInstanceUid: instance.sopInstanceUid, digest });
        else if (!this.#stopped) await pause(REPEAT_AFTER_MS);
      }
      if (this.#stopped) break;
      if (this.#options.pauseMs) await pause(this.#options.pauseMs);
    }
    await association?.release().catch(() => {});
  }

  async #open(before: Association | undefined): Promise<Association | undefined> {
    if (before?.open) return before;
    const { port } = this.#options;
    const implementation = { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME };
    const peer = { host: '127.0.0.1', port, callingAe: 'STEADY', calledAe: 'GATEWAY' };
    return associate({ ...peer, contexts: CONTEXTS, implementation, timeouts: TIMEOUTS }).catch(() => undefined);
  }

  async #send(association: Association, { sopClassUid, sopInstanceUid }: SyntheticInstance, bytes: Buffer): Promise<boolean> {
    const began = performance.now();
    const dataSet = (async function* () {
      yield bytes;
    })();
    const answer = await association.store({ contextId: 1, sopClassUid, sopInstanceUid, dataSet }).catch(() => undefined);
    if (answer === undefined) association.abort();
    this.answers.push({ sopInstanceUid, status: answer?.status, comment: answer?.comment, tookMs: performance.now() - began });
    return answer?.status === 0;
  }

  *#instances(at: number): Generator<SyntheticInstance> {
    const { seed, side = 64 } = this.#options;
    for (let study = 0; ; study++)
      yield* syntheticInstances({
        studies: 1,
        instances: INSTANCES_OF_A_STUDY,
        rows: side,
        columns: side,
        seed: seed * 1_000_000 + at * 10_000 + study,
      });
  }
}
