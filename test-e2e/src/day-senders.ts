// The modalities of a day: associations that come and go, most of them orderly, some cut in the middle, refused, or no DICOM at all.
import { once } from 'node:events';
import { connect } from 'node:net';
import { type Association, AssociationRejected, associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { type DayInstance, type DayMix, digestOf } from './day-mix.ts';

export interface DayPlan {
  readonly port: number;
  readonly mix: DayMix;
  readonly instances: number;
  /** Side by side. */
  readonly associations: number;
  /** 0 to 1, repeatable. */
  readonly random: () => number;
  /** After each answer. */
  readonly progress: (answered: number) => Promise<void>;
}

export interface DayResult {
  /** Digest of the data set by SOP Instance UID, of those answered 0000; one that came twice is here once. */
  readonly accepted: Map<string, string>;
  /** Other answers, by status. */
  readonly refused: Map<number, number>;
  readonly associations: number;
  /** Cut in the middle of a data set. */
  readonly cut: number;
  /** Connections that were refused, or were no DICOM. */
  readonly strangers: number;
}

const MOST_OF_AN_ASSOCIATION = 120;
const CUT_SHARE = 0.03;
const STRANGER_SHARE = 0.05;
const TIMEOUTS = { connectMs: 30_000, associateMs: 30_000, responseMs: 120_000 };
const SUCCESS = 0;

export class DaySenders {
  readonly #plan: DayPlan;
  readonly #contexts;
  readonly #accepted = new Map<string, string>();
  readonly #refused = new Map<number, number>();
  #begun = 0;
  #answered = 0;
  #associations = 0;
  #cut = 0;
  #strangers = 0;

  constructor(plan: DayPlan) {
    this.#plan = plan;
    this.#contexts = plan.mix.contexts.map(({ sopClassUid, transferSyntaxUid }, index) => ({
      id: 2 * index + 1,
      abstractSyntaxUid: sopClassUid,
      transferSyntaxUids: [transferSyntaxUid],
    }));
  }

  async run(): Promise<DayResult> {
    await Promise.all(Array.from({ length: this.#plan.associations }, () => this.#work()));
    const [accepted, refused] = [this.#accepted, this.#refused];
    return { accepted, refused, associations: this.#associations, cut: this.#cut, strangers: this.#strangers };
  }

  /** One of each template; resolves with those that are refused. */
  async refusedTemplates(): Promise<DayInstance[]> {
    const association = await this.#associate('GATEWAY');
    const refused: DayInstance[] = [];
    for (const instance of this.#plan.mix.each()) {
      const { status } = await association.store(this.#operation(instance, inChunks(instance.dataSet)));
      if (status !== SUCCESS) refused.push(instance);
    }
    await association.release();
    return refused;
  }

  async #work(): Promise<void> {
    while (this.#begun < this.#plan.instances) {
      if (this.#plan.random() < STRANGER_SHARE) await this.#stranger();
      await this.#study();
    }
  }

  async #study(): Promise<void> {
    const association = await this.#associate('GATEWAY');
    this.#associations++;
    const count = 1 + Math.floor(this.#plan.random() ** 2 * MOST_OF_AN_ASSOCIATION);
    for (let n = 0; n < count && this.#begun < this.#plan.instances; n++) await this.#send(association);
    if (this.#plan.random() < CUT_SHARE) await this.#cutOff(association);
    else await association.release();
  }

  async #send(association: Association): Promise<void> {
    this.#begun++;
    const instance = this.#plan.mix.next(this.#plan.random());
    const { status } = await association.store(this.#operation(instance, inChunks(instance.dataSet)));
    if (status === SUCCESS) this.#accepted.set(instance.sopInstanceUid, digestOf(instance.dataSet));
    else this.#refused.set(status, (this.#refused.get(status) ?? 0) + 1);
    await this.#plan.progress(++this.#answered);
  }

  /** Half of a data set, then an abort: nothing of it may stay. */
  async #cutOff(association: Association): Promise<void> {
    this.#cut++;
    const instance = this.#plan.mix.next(this.#plan.random());
    const half = async function* () {
      yield instance.dataSet.subarray(0, instance.dataSet.length >> 1);
      association.abort();
    };
    await association.store(this.#operation(instance, half())).catch(() => {});
  }

  /** Refused for its called AE title, or a connection that says something else. */
  async #stranger(): Promise<void> {
    this.#strangers++;
    if (this.#plan.random() < 0.5) {
      await this.#associate('SOMEBODY').then(
        (association) => association.release(),
        (error) => {
          if (!(error instanceof AssociationRejected)) throw error;
        },
      );
      return;
    }
    const socket = connect(this.#plan.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.end('GET / HTTP/1.1\r\n\r\n');
    socket.resume();
    await once(socket, 'close');
  }

  #associate(calledAe: string): Promise<Association> {
    const implementation = { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME };
    const to = { host: '127.0.0.1', port: this.#plan.port, callingAe: 'DAY', calledAe };
    return associate({ ...to, contexts: this.#contexts, implementation, timeouts: TIMEOUTS });
  }

  #operation({ sopClassUid, sopInstanceUid, transferSyntaxUid }: DayInstance, dataSet: AsyncIterable<Buffer>) {
    const { id: contextId } = this.#contexts.find(
      (context) => context.abstractSyntaxUid === sopClassUid && context.transferSyntaxUids[0] === transferSyntaxUid,
    )!;
    return { contextId, sopClassUid, sopInstanceUid, dataSet };
  }
}

async function* inChunks(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 262_144) yield bytes.subarray(at, at + 262_144);
}
