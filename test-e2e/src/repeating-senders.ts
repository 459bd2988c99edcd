// Modalities of the usual kind, in this process: study after study, an association each; an instance that failed is sent once more after 2 s, then given up.
import { type Outcome, sendInstances } from '../../deploy/standalone/src/send/send-instances.ts';
import { syntheticInstances, syntheticSopClass } from '../../deploy/standalone/src/send/synthetic-study.ts';
import type { AcceptedInstance } from './run-send.ts';

export interface RepeatingSendersOptions {
  readonly port: number;
  /** Side by side. */
  readonly senders: number;
  /** Of each study, that is of each association. */
  readonly instances: number;
  readonly seed: number;
  /** Rows and columns of 16 bits [64: 8 KB]. */
  readonly side?: number;
}

export class RepeatingSenders {
  readonly outcomes: Outcome[] = [];
  readonly #options: RepeatingSendersOptions;
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor(options: RepeatingSendersOptions) {
    this.#options = options;
    this.#running = Promise.all(Array.from({ length: options.senders }, (_, at) => this.#sendStudies(at)));
  }

  get accepted(): AcceptedInstance[] {
    return this.outcomes
      .filter(({ accepted }) => accepted)
      .map(({ instance, digest }) => ({ sopInstanceUid: instance.sopInstanceUid, digest: digest ?? '' }));
  }

  /** Neither accepted at first nor at the repeat. */
  get failed(): Outcome[] {
    return this.outcomes.filter(({ accepted }) => !accepted);
  }

  /** Accepted at the repeat. */
  get repeated(): Outcome[] {
    return this.outcomes.filter(({ accepted, attempts }) => accepted && attempts > 1);
  }

  /** Finishes the studies under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #sendStudies(at: number): Promise<void> {
    const { port, instances, seed, side = 64 } = this.#options;
    const contexts = [{ sopClassUid: syntheticSopClass({}), transferSyntaxUid: '1.2.840.10008.1.2.1' }];
    const peer = { host: '127.0.0.1', port, calledAe: 'GATEWAY', callingAe: `SENDER${at}` };
    for (let study = 0; !this.#stopped; study++) {
      const made = syntheticInstances({ studies: 1, instances, rows: side, columns: side, seed: seed * 1_000_000 + at * 10_000 + study });
      const toSend = made.map((instance) => ({ ...instance, byteLength: instance.byteLength, open: () => inOnePiece(instance.dataSet) }));
      await sendInstances(toSend, { peer, contexts, associations: 1, retries: 1, onOutcome: (outcome) => this.outcomes.push(outcome) });
    }
  }
}

async function* inOnePiece(dataSet: Buffer): AsyncGenerator<Buffer> {
  yield dataSet;
}
