// How much one user, and all of them together, may search and read at a time.
import { HttpProblem } from '../http-problem.ts';
import { TriesPerAddress } from '../tries-per-address.ts';

/** A viewer asks for each instance of a study by itself, several at a time. */
const MOST_AT_A_TIME = 32;
const MOST_OF_A_USER = 8;
const PACE = { burst: 2_000, everyMs: 5, addresses: 1_000 };
const AGAIN_AFTER_SECONDS = 1;

export class ReadingLimits {
  readonly #pace = new TriesPerAddress(PACE);
  readonly #ofUser = new Map<string, number>();
  #underWay = 0;

  /** Returns how to end what begins now. Throws 429 when the user asks too fast, 503 when too much is under way. */
  begin(user: string, now: number): () => void {
    const waitMs = this.#pace.take(user, now);
    if (waitMs > 0) throw tooMuch(429, 'Too many requests of one user.', Math.ceil(waitMs / 1000));
    const own = this.#ofUser.get(user) ?? 0;
    if (own >= MOST_OF_A_USER || this.#underWay >= MOST_AT_A_TIME)
      throw tooMuch(503, 'Too much is being read at the moment.', AGAIN_AFTER_SECONDS);
    this.#count(user, 1);
    let isOver = false;
    return () => {
      if (!isOver) this.#count(user, -1);
      isOver = true;
    };
  }

  #count(user: string, by: 1 | -1): void {
    this.#underWay += by;
    const own = (this.#ofUser.get(user) ?? 0) + by;
    if (own === 0) this.#ofUser.delete(user);
    else this.#ofUser.set(user, own);
  }
}

const tooMuch = (status: 429 | 503, detail: string, seconds: number): HttpProblem =>
  new HttpProblem(status, { error: 'too-much', detail, whatToDo: 'Wait, then ask again; fewer at a time.' }, seconds);

/** Who read which study: told once in a while for each user and study, not once for each of a thousand images. */
export class ReadingAudit {
  readonly #toldAt = new Map<string, number>();

  /** Whether it is to be told now. */
  isNew(user: string, study: string, now: number): boolean {
    const key = `${user} ${study}`;
    const told = this.#toldAt.get(key);
    if (told !== undefined && now - told < AUDIT_EVERY_MS) return false;
    this.#toldAt.delete(key);
    this.#toldAt.set(key, now);
    if (this.#toldAt.size > MOST_REMEMBERED) this.#toldAt.delete(this.#toldAt.keys().next().value!);
    return true;
  }
}

const AUDIT_EVERY_MS = 15 * 60_000;
/** The longest known is forgotten first, and told again then. */
const MOST_REMEMBERED = 10_000;
