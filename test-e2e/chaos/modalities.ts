// The modalities of a run: several sites side by side, studies small and large, fast and slow, some that break off in the middle. Each repeats a failed instance once after two
// seconds, then gives it up; what became of each is written down.
import { createHash } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { type Outcome, sendInstances } from '../../deploy/standalone/src/send/send-instances.ts';
import { type SyntheticInstance, syntheticInstances, syntheticSopClass } from '../../deploy/standalone/src/send/synthetic-study.ts';
import { CANARY_ATTRIBUTES } from '../src/canary-instances.ts';
import { CLINIC, STAT_SENDER } from './documents.ts';

/** One C-STORE with its repeat, as the sender saw it. */
export interface SentLine {
  readonly at: string;
  readonly sender: string;
  readonly sopInstanceUid: string;
  /** SHA-256 of the data set, whether it was sent whole or not. */
  readonly digest: string;
  /** Of its pixel data alone. */
  readonly pixelDigest: string;
  readonly accepted: boolean;
  readonly status: string;
  readonly attempts: number;
  /** Its sender broke off in the middle, or before the answer: it may be there or not. */
  readonly brokenOff?: true;
}

interface Modality {
  readonly name: string;
  readonly calledAe: string;
  readonly callingAe: string;
  readonly institution?: string;
  /** Instances of a study, that is of an association. */
  readonly instances: number;
  /** Rows and columns of 16 bits. */
  readonly side: number;
  /** Before each instance, ms. */
  readonly pauseMs: number;
  /** The data set in so many pieces, with a pause between them, ms. */
  readonly trickle?: { readonly pieces: number; readonly pauseMs: number };
}

/** Some 12 instances a second: what two cores do beside everything else that runs. */
const MODALITIES: readonly Modality[] = [
  { name: 'north-ct', calledAe: 'NORTH', callingAe: 'NORTH_CT', instances: 12, side: 64, pauseMs: 400 },
  { name: 'north-mr', calledAe: 'NORTH', callingAe: 'NORTH_MR', instances: 40, side: 128, pauseMs: 500 },
  { name: 'north-stat', calledAe: 'NORTH', callingAe: STAT_SENDER, instances: 3, side: 64, pauseMs: 800 },
  { name: 'south-ct', calledAe: 'SOUTH', callingAe: 'SOUTH_CT', instances: 8, side: 128, pauseMs: 500 },
  { name: 'south-large', calledAe: 'SOUTH', callingAe: 'SOUTH_CR', instances: 2, side: 1_700, pauseMs: 4_000 },
  { name: 'hub-clinic', calledAe: 'HUB', callingAe: 'HUB_1', institution: CLINIC, instances: 10, side: 96, pauseMs: 500 },
  { name: 'hub-other', calledAe: 'HUB', callingAe: 'HUB_2', institution: 'ELSEWHERE', instances: 10, side: 64, pauseMs: 500 },
  { name: 'slow-1', calledAe: 'NORTH', callingAe: 'SLOW_1', instances: 60, side: 64, pauseMs: 900, trickle: { pieces: 4, pauseMs: 150 } },
  { name: 'slow-2', calledAe: 'SOUTH', callingAe: 'SLOW_2', instances: 60, side: 64, pauseMs: 900, trickle: { pieces: 4, pauseMs: 150 } },
];
const BREAKS_OFF: Modality = { name: 'breaks-off', calledAe: 'NORTH', callingAe: 'BREAKS_OFF', instances: 1, side: 128, pauseMs: 2_500 };
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
const TIMEOUTS = { connectMs: 5_000, associateMs: 10_000, responseMs: 30_000 };

export interface ModalitiesOptions {
  readonly host: string;
  readonly port: number;
  readonly seed: number;
  /** One JSON line for each instance. */
  readonly log: string;
  readonly onSent: (line: SentLine) => void;
}

export class Modalities {
  readonly lines: SentLine[] = [];
  readonly #options: ModalitiesOptions;
  readonly #log: WriteStream;
  readonly #running: Promise<unknown>;
  #stopped = false;

  constructor(options: ModalitiesOptions) {
    this.#options = options;
    this.#log = createWriteStream(options.log);
    this.#running = Promise.all([...MODALITIES.map((modality, at) => this.#sendStudies(modality, at)), this.#breakOff(MODALITIES.length)]);
  }

  /** Finishes the instance under way; what a study still has is not begun. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    await new Promise((resolve) => this.#log.end(resolve));
  }

  async #sendStudies(modality: Modality, at: number): Promise<void> {
    for (let study = 0; !this.#stopped; study++) {
      const { host, port } = this.#options;
      const peer = { host, port, calledAe: modality.calledAe, callingAe: modality.callingAe };
      const contexts = [{ sopClassUid: syntheticSopClass({}), transferSyntaxUid: EXPLICIT_LITTLE }];
      const began = performance.now();
      const digests = new Map<string, Digests>();
      const onOutcome = (outcome: Outcome) => this.#tell(modality, outcome, digests);
      await sendInstances(this.#toSend(modality, { at, study, digests }), { peer, contexts, associations: 1, retries: 1, onOutcome });
      // A study that failed at once, because nobody could be reached.
      if (performance.now() - began < modality.pauseMs) await pause(modality.pauseMs);
    }
  }

  *#toSend(modality: Modality, { at, study, digests }: { at: number; study: number; digests: Map<string, Digests> }) {
    for (const instance of this.#instances(modality, { at, study })) {
      if (this.#stopped) return;
      const dataSet = instance.dataSet;
      digests.set(instance.sopInstanceUid, digestsOf(dataSet, modality));
      yield { ...instance, byteLength: instance.byteLength, open: () => inPieces(dataSet, modality) };
    }
  }

  #instances({ instances, side, institution }: Modality, { at, study }: { at: number; study: number }): Generator<SyntheticInstance> {
    const seed = this.#options.seed * 1_000_000 + at * 10_000 + study;
    return syntheticInstances({
      studies: 1,
      instances,
      rows: side,
      columns: side,
      seed,
      attributes: CANARY_ATTRIBUTES,
      ...(institution === undefined ? {} : { institution }),
    });
  }

  #tell({ name }: Modality, { instance, accepted, status, attempts }: Outcome, digests: ReadonlyMap<string, Digests>): void {
    // What comes after nobody could be reached, twice, is not begun; the next study is.
    if (attempts === 0) return;
    const { sopInstanceUid } = instance;
    this.#write({
      at: new Date().toISOString(),
      sender: name,
      sopInstanceUid,
      ...digests.get(sopInstanceUid)!,
      accepted,
      status,
      attempts,
    });
  }

  #write(line: SentLine): void {
    this.lines.push(line);
    this.#log.write(`${JSON.stringify(line)}\n`);
    this.#options.onSent(line);
  }

  /** In turn: half of a data set and an abort, and all of it and an abort instead of waiting for the answer. */
  async #breakOff(at: number): Promise<void> {
    for (let study = 0; !this.#stopped; study++) {
      await pause(BREAKS_OFF.pauseMs);
      const [instance] = this.#instances(BREAKS_OFF, { at, study });
      const { sopInstanceUid, dataSet } = instance!;
      const status = await this.#sendAndAbort(instance!, dataSet.subarray(0, study % 2 === 0 ? dataSet.length >> 1 : dataSet.length)).catch(
        (error: Error) => error.message,
      );
      const line = { sender: BREAKS_OFF.name, sopInstanceUid, ...digestsOf(dataSet, BREAKS_OFF), accepted: false, status, attempts: 1 };
      this.#write({ at: new Date().toISOString(), ...line, brokenOff: true });
    }
  }

  async #sendAndAbort({ sopClassUid, sopInstanceUid }: SyntheticInstance, bytes: Buffer): Promise<string> {
    const { host, port } = this.#options;
    const contexts = [{ id: 1, abstractSyntaxUid: sopClassUid, transferSyntaxUids: [EXPLICIT_LITTLE] }];
    const implementation = { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME };
    const peer = { host, port, calledAe: BREAKS_OFF.calledAe, callingAe: BREAKS_OFF.callingAe };
    const association = await associate({ ...peer, contexts, implementation, timeouts: TIMEOUTS });
    const cut = async function* () {
      yield bytes;
      association.abort();
    };
    await association.store({ contextId: 1, sopClassUid, sopInstanceUid, dataSet: cut() });
    return 'aborted';
  }
}

type Digests = Pick<SentLine, 'digest' | 'pixelDigest'>;
const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
/** The pixel data end the data set. */
const digestsOf = (dataSet: Buffer, { side }: Modality): Digests => ({
  digest: digestOf(dataSet),
  pixelDigest: digestOf(dataSet.subarray(dataSet.length - side * side * 2)),
});

async function* inPieces(dataSet: Buffer, { pauseMs, trickle }: Modality): AsyncGenerator<Buffer> {
  await pause(pauseMs * (0.5 + Math.random()));
  if (trickle === undefined) return yield dataSet;
  const step = Math.ceil(dataSet.length / trickle.pieces);
  for (let at = 0; at < dataSet.length; at += step) {
    yield dataSet.subarray(at, at + step);
    await pause(trickle.pauseMs);
  }
}
