// Guards one DataSetSink of a C-STORE or N-ACTION: writes in order, then either end or abort, once, and no success after a failed write.
import type { DataSetSink, DimseStatus } from './scp.ts';
import { isStored, STATUS } from './statuses.ts';

export type ReportFailure = (what: string, error: unknown) => void;

export class StoreReception {
  readonly #sink: DataSetSink;
  readonly #report: ReportFailure;
  readonly #failure: number;
  #isOver = false;
  #hasFailed = false;
  #pendingWrite: Promise<void> | undefined;

  /** `failure`: the status that is sent when the sink has none. */
  constructor(sink: DataSetSink, report: ReportFailure, failure: number = STATUS.outOfResources) {
    this.#sink = sink;
    this.#report = report;
    this.#failure = failure;
  }

  /** A promise if the sink needs time; it never rejects. After a failure the rest is dropped. */
  write(slice: Buffer): Promise<void> | undefined {
    if (this.#isOver || this.#hasFailed) return undefined;
    try {
      const written = this.#sink.write(slice);
      if (written === undefined) return undefined;
      this.#pendingWrite = this.#settle(written);
      return this.#pendingWrite;
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** Waits for the pending write, then asks the sink. Never rejects; `undefined`: aborted before the sink could be asked. */
  async end(): Promise<DimseStatus | undefined> {
    await this.#pendingWrite;
    if (this.#isOver) return undefined;
    this.#isOver = true;
    try {
      const status = await this.#sink.end();
      if (!this.#hasFailed || !isStored(status.status)) return status;
      return { status: this.#failure, comment: 'the data set could not be kept' };
    } catch (error) {
      this.#report('the end of a data set failed', error);
      return { status: this.#failure, comment: 'outcome unknown, send again' };
    }
  }

  /** A no-op once `end` reached the sink: what it began runs to its end. */
  abort(reason: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      this.#sink.abort(reason);
    } catch (error) {
      this.#report('the abort of a data set failed', error);
    }
  }

  async #settle(written: Promise<void>): Promise<void> {
    try {
      await written;
    } catch (error) {
      this.#fail(error);
    } finally {
      this.#pendingWrite = undefined;
    }
  }

  #fail(error: unknown): void {
    this.#hasFailed = true;
    this.#report('a data set could not be written, the rest of it is dropped', error);
  }
}
