// One object that cannot be reached, as on a bad block of a disk, holds up no other. When one after the other cannot, the store is away, and all of it waits.
import type { ObjectKey } from '@causeway/shared/brands';
import { describeError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';

const MOST_IN_A_ROW = 5;

export class Stumbles {
  readonly #log: Logger;
  #inARow = 0;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** What `work` resolves with; undefined when it failed. Throws what it threw when so many before it failed too. `work` is about the store alone. */
  async over<T>(objectKey: ObjectKey, work: () => Promise<T>): Promise<T | undefined> {
    try {
      const done = await work();
      this.#inARow = 0;
      return done;
    } catch (error) {
      this.#inARow += 1;
      if (this.#inARow >= MOST_IN_A_ROW) throw error;
      this.#log.error({ objectKey, reason: describeError(error) }, 'an object in the store cannot be reached: look at it');
      return undefined;
    }
  }
}
