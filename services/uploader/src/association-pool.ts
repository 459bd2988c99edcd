// The open associations of one DIMSE destination: kept for the next instance, opened anew when a context is missing, never more than allowed.
import { type Association, AssociationRejected } from '@causeway/shared/dicom/dimse/scu';
import type { ProposedContext } from '@causeway/shared/dicom/upper-layer/association';
import type { Clock } from './circuit-breaker.ts';
import { type ContextNeed, contextKey, proposeContexts } from './presentation-contexts.ts';

export interface AssociationNeed extends ContextNeed {
  readonly callingAe: string;
}

/** One association with what it negotiated. */
export interface Session {
  readonly association: Association;
  readonly callingAe: string;
  /** By contextKey. */
  readonly contexts: ReadonlyMap<string, number>;
}

export interface PoolOptions {
  /** Associations at a time; may change. */
  readonly concurrency: () => number;
  readonly open: (callingAe: string, contexts: ProposedContext[]) => Promise<Association>;
  /** What else will be needed soon, most urgent first. */
  readonly upcoming: () => readonly AssociationNeed[];
  /** Proposed on every association, whatever is sent [nothing]. */
  readonly always?: readonly ContextNeed[];
  /** How long an association is kept without work, ms [5000]. */
  readonly idleMs?: number;
  readonly clock: Clock;
}

/** Long enough to bridge the gaps within a study, short enough not to hold one of a PACS's few associations. */
const IDLE_MS = 5_000;
/** After the peer refused a further association for lack of room, so long no further one is asked for. */
const FULL_FOR_MS = 60_000;
/** More contexts than one association can propose are not worth remembering. */
const MAX_REMEMBERED = 128;

export class AssociationPool {
  readonly #options: PoolOptions;
  readonly #idle = new Map<Session, { cancel(): void }>();
  readonly #busy = new Set<Session>();
  #opening = 0;
  #full: { at: number; until: number } | undefined;
  /** Contexts negotiated before: proposed again, so that mixed work does not end in a new association for each instance. */
  readonly #used = new Map<string, AssociationNeed>();
  #waiting: (() => void)[] = [];

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** A session that negotiated the context (accepted or refused). Waits while all are taken. Throws what `open` throws. */
  async take(need: AssociationNeed): Promise<Session> {
    for (;;) {
      const fitting = this.#takeIdle((session) => session.callingAe === need.callingAe && session.contexts.has(contextKey(need)));
      if (fitting !== undefined) return fitting;
      if (this.#count >= this.#allowed) await this.#makeRoom();
      else {
        const opened = await this.#tryOpen(need);
        if (opened !== undefined) return opened;
      }
    }
  }

  /** Gives a session back: kept while it is open, for a while. */
  give(session: Session): void {
    this.#busy.delete(session);
    if (session.association.open) {
      this.#idle.set(
        session,
        this.#options.clock.after(this.#options.idleMs ?? IDLE_MS, () => void this.#release(session)),
      );
    }
    this.#wake();
  }

  async releaseIdle(): Promise<void> {
    await Promise.all([...this.#idle.keys()].map((session) => this.#release(session)));
  }

  abortAll(): void {
    for (const session of [...this.#busy, ...this.#idle.keys()]) session.association.abort();
  }

  get #count(): number {
    return this.#busy.size + this.#idle.size + this.#opening;
  }

  get #allowed(): number {
    const { concurrency, clock } = this.#options;
    if (this.#full !== undefined && clock.now() >= this.#full.until) this.#full = undefined;
    return Math.min(concurrency(), this.#full?.at ?? Number.POSITIVE_INFINITY);
  }

  #takeIdle(fits: (session: Session) => boolean): Session | undefined {
    for (const [session, timer] of this.#idle) {
      const gone = !session.association.open;
      if (!gone && !fits(session)) continue;
      timer.cancel();
      this.#idle.delete(session);
      if (gone) continue;
      this.#busy.add(session);
      return session;
    }
    return undefined;
  }

  /** Ends an idle association that nobody needs as it is, or waits until one is given back. */
  async #makeRoom(): Promise<void> {
    const [victim] = this.#idle.keys();
    if (victim !== undefined) await this.#release(victim);
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
  }

  async #release(session: Session): Promise<void> {
    this.#idle.get(session)?.cancel();
    if (!this.#idle.delete(session)) return;
    // A release that fails leaves a dead connection, which is as well.
    await session.association.release().catch(() => session.association.abort());
    this.#wake();
  }

  /** undefined: the peer has no room for one more beside those we have; the caller waits for one of them. */
  async #tryOpen(need: AssociationNeed): Promise<Session | undefined> {
    this.#opening += 1;
    try {
      const session = await this.#open(need);
      this.#busy.add(session);
      return session;
    } catch (error) {
      const others = this.#busy.size + this.#idle.size;
      if (!(error instanceof AssociationRejected && error.transient && others > 0)) throw error;
      this.#full = { at: others, until: this.#options.clock.now() + FULL_FOR_MS };
      return undefined;
    } finally {
      this.#opening -= 1;
      this.#wake();
    }
  }

  async #open(need: AssociationNeed): Promise<Session> {
    const { upcoming, always = [] } = this.#options;
    const { callingAe } = need;
    const beside = always.map((context) => ({ ...context, callingAe }));
    const wanted = [need, ...beside, ...upcoming(), ...this.#used.values()].filter((one) => one.callingAe === callingAe);
    const proposed = proposeContexts(wanted);
    this.#remember(wanted);
    const association = await this.#options.open(callingAe, proposed);
    const contexts = new Map(
      proposed.map(({ id, abstractSyntaxUid, transferSyntaxUids: [transferSyntaxUid] }) => [
        contextKey({ sopClassUid: abstractSyntaxUid, transferSyntaxUid: transferSyntaxUid! }),
        id,
      ]),
    );
    return { association, callingAe, contexts };
  }

  #remember(needs: readonly AssociationNeed[]): void {
    for (const need of needs.slice(0, MAX_REMEMBERED)) {
      const key = `${need.callingAe} ${contextKey(need)}`;
      this.#used.delete(key);
      this.#used.set(key, need);
    }
    for (const key of [...this.#used.keys()].slice(0, Math.max(0, this.#used.size - MAX_REMEMBERED))) this.#used.delete(key);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
