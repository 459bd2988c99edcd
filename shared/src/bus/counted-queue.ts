// How long a queue is, without asking JetStream for every message: what it said a moment ago, and what this process has published since.

/** So long an answer is taken for true where the limit is near. Another process may publish meanwhile: by so much a limit can be passed. */
const FRESH_FOR_MS = 250;
/** So long where the limit is far. */
const TRUSTED_FOR_MS = 30_000;
/** Far: less than this part of the room that there was has been used. Eight processes that publish at a time stay within the limit. */
const FAR_PART = 1 / 8;

export class CountedQueue {
  readonly #ask: () => Promise<number>;
  readonly #now: () => number;
  #answer: { count: number; at: number } | undefined;
  #published = 0;
  #underWay = 0;
  #asking: Promise<void> | undefined;

  /** `ask` resolves with the messages there are; `now` in ms, only differences count. */
  constructor(ask: () => Promise<number>, now: () => number) {
    this.#ask = ask;
    this.#now = now;
  }

  /** Never too low by what this process did. */
  get count(): number {
    return (this.#answer?.count ?? 0) + this.#published + this.#underWay;
  }

  /** Resolves when `count` is good enough to be compared with the limit. With JetStream away it stays what it was: the publication will tell. */
  async look(limit: number): Promise<void> {
    if (this.#answer !== undefined) {
      const age = this.#now() - this.#answer.at;
      if (age < FRESH_FOR_MS) return;
      const used = this.#published + this.#underWay;
      if (age < TRUSTED_FOR_MS && used < (limit - this.#answer.count) * FAR_PART) return;
    }
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    await this.#asking;
  }

  /** A publication begins; call what is returned when it has ended. */
  enter(): (isPublished: boolean) => void {
    this.#underWay += 1;
    return (isPublished) => {
      this.#underWay -= 1;
      if (isPublished) this.#published += 1;
    };
  }

  async #askOnce(): Promise<void> {
    // What ends while the question is under way may be in the answer or not: it is counted, perhaps twice, until the next one.
    const before = this.#published;
    const count = await this.#ask().catch(() => undefined);
    if (count !== undefined) this.#published -= before;
    this.#answer = { count: count ?? this.#answer?.count ?? 0, at: this.#now() };
  }
}
