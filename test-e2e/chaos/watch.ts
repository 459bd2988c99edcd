// What is known while a run goes on: what was accepted and has not arrived yet, and when instances were accepted. From it comes how long a fault was felt.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { ArrivedRecord } from './compare.ts';
import type { SentLine } from './modalities.ts';

const LOOK_EVERY_MS = 250;

export class Watch {
  readonly arrived: ArrivedRecord[] = [];
  readonly #journals: Journal[];
  readonly #everythingAt: string;
  readonly #there = new Set<string>();
  /** Accepted and not there yet, oldest first: when it was accepted. */
  readonly #outstanding = new Map<string, number>();
  readonly #acceptedAt: number[] = [];
  readonly #timer: NodeJS.Timeout;

  /** `journals`: path by name of the archive; every accepted instance has to come to `everythingAt`. */
  constructor(journals: Readonly<Record<string, string>>, everythingAt: string) {
    this.#journals = Object.entries(journals).map(([archive, path]) => new Journal(archive, path));
    this.#everythingAt = everythingAt;
    this.#timer = setInterval(() => this.look(), LOOK_EVERY_MS);
  }

  sent({ accepted, sopInstanceUid, digest }: SentLine): void {
    if (!accepted) return;
    const now = performance.now();
    this.#acceptedAt.push(now);
    const what = `${sopInstanceUid} ${digest}`;
    if (!this.#there.has(what)) this.#outstanding.set(what, now);
  }

  get outstanding(): number {
    return this.#outstanding.size;
  }

  get accepted(): number {
    return this.#acceptedAt.length;
  }

  /** Whether everything that was accepted by then has arrived. */
  isDrained(acceptedBy: number): boolean {
    const [oldest] = this.#outstanding.values();
    return oldest === undefined || oldest > acceptedBy;
  }

  /** Whether an instance was accepted after that moment. */
  acceptsSince(moment: number): boolean {
    return (this.#acceptedAt.at(-1) ?? 0) > moment;
  }

  /** The moment itself where none was. */
  firstAcceptedAfter(moment: number): number {
    return this.#acceptedAt.find((accepted) => accepted > moment) ?? moment;
  }

  /** The longest time between two accepted instances from one moment to another, ms. */
  longestGap(from: number, to: number): number {
    const moments = [from, ...this.#acceptedAt.filter((moment) => moment > from && moment < to), to];
    return Math.max(...moments.slice(1).map((moment, at) => moment - moments[at]!));
  }

  /** Reads what the journals have more. */
  look(): void {
    for (const journal of this.#journals)
      for (const record of journal.more()) {
        this.arrived.push(record);
        if (record.archive !== this.#everythingAt) continue;
        const what = `${record.sopInstanceUid} ${record.digest}`;
        this.#there.add(what);
        this.#outstanding.delete(what);
      }
  }

  close(): void {
    clearInterval(this.#timer);
    for (const journal of this.#journals) journal.close();
  }
}

/** An archive's journal, read as it grows. A half line at its end is read again when it is whole; after a kill it may have gone. */
class Journal {
  readonly #archive: string;
  readonly #file: number;
  #read = 0;

  constructor(archive: string, path: string) {
    this.#archive = archive;
    this.#file = openSync(path, 'r');
  }

  more(): ArrivedRecord[] {
    const left = fstatSync(this.#file).size - this.#read;
    if (left <= 0) return [];
    const bytes = Buffer.alloc(left);
    const count = readSync(this.#file, bytes, 0, left, this.#read);
    const whole = bytes.subarray(0, count).lastIndexOf(0x0a) + 1;
    this.#read += whole;
    const lines = bytes.subarray(0, whole).toString('utf8').split('\n');
    return lines.filter((line) => line !== '').map((line) => ({ ...(JSON.parse(line) as ArrivedRecord), archive: this.#archive }));
  }

  close(): void {
    closeSync(this.#file);
  }
}
