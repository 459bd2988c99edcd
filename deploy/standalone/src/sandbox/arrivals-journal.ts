// What arrived, in the order it was stored: the tests compare it with what was sent. Repeats are journalled too.
import { z } from 'zod';
import { LineLog } from './line-log.ts';
import type { StoredInstance } from './stored-instance.ts';

/** `size`: bytes of the file as sent; `digest`: of the data set; `repeat`: this content had arrived under this UID before. */
export const arrival = z.object({
  time: z.iso.datetime(),
  sopInstanceUid: z.string(),
  studyInstanceUid: z.string(),
  digest: z.string(),
  transferSyntaxUid: z.string(),
  size: z.int(),
  stowRequest: z.string(),
  repeat: z.boolean(),
});
export type Arrival = z.infer<typeof arrival>;

export class ArrivalsJournal {
  readonly #log: LineLog;
  readonly #known = new Set<string>();
  arrivals = 0;
  repeats = 0;

  private constructor(log: LineLog) {
    this.#log = log;
  }

  static async open(path: string): Promise<ArrivalsJournal> {
    const journal = new ArrivalsJournal(await LineLog.open(path, { durable: false }));
    for await (const line of journal.#log.read()) journal.#count(arrival.parse(line));
    return journal;
  }

  /** Written before the answer goes out. */
  async append(records: readonly StoredInstance[], stowRequest: string): Promise<void> {
    const time = new Date().toISOString();
    const lines = records.map(({ sopInstanceUid, studyInstanceUid, digest, transferSyntaxUid, size }): Arrival => {
      const repeat = this.#known.has(`${sopInstanceUid} ${digest}`);
      const line = { time, sopInstanceUid, studyInstanceUid, digest, transferSyntaxUid, size, stowRequest, repeat };
      this.#count(line);
      return line;
    });
    await this.#log.append(lines);
  }

  stream(): NodeJS.ReadableStream {
    return this.#log.stream();
  }

  /** Forgets what arrived; the archive keeps the instances. */
  async clear(): Promise<void> {
    await this.#log.clear();
    this.#known.clear();
    this.arrivals = 0;
    this.repeats = 0;
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #count(line: Arrival): void {
    this.#known.add(`${line.sopInstanceUid} ${line.digest}`);
    this.arrivals += 1;
    if (line.repeat) this.repeats += 1;
  }
}
