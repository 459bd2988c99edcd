// The destinations of the gateway document, each served by its own worker and consumers; follows the document while running.
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { describeError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';
import type { Clock } from './circuit-breaker.ts';
import { contextOf, type DestinationContext, type DestinationSettings } from './destination-settings.ts';

/** One destination being served. */
export interface ServedDestination {
  /** Gives back what waits, ends what is under way, stops consuming. */
  stop(): Promise<void>;
  /** Cuts what is under way. */
  abort(): void;
}

export type ServeDestination = (settings: DestinationSettings, context: DestinationContext) => Promise<ServedDestination>;

export interface RosterParts {
  readonly serve: ServeDestination;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Place {
  /** Of everything the service of this destination was built from. */
  readonly fingerprint: string;
  /** The latest start or stop; each waits for the one before, so that two workers never serve one destination in one process. */
  readonly served: Promise<ServedDestination | undefined>;
}

/** These hold for what is under way (send-limits.ts), or concern others: they start nothing anew. */
const FOLLOWED_LIVE = { bandwidth: undefined, window: undefined, queued: undefined };
const AGAIN_AFTER_MS = 5_000;

export class DestinationRoster {
  readonly #parts: RosterParts;
  readonly #places = new Map<string, Place>();
  #latest: Revision | undefined;
  #closed = false;

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** Starts what is new, restarts what changed, stops what left; nothing else is touched. */
  apply(revision: Revision): void {
    if (this.#closed) return;
    this.#latest = revision;
    const wanted = new Map(revision.document.destinations.map((settings) => [settings.id, settings]));
    for (const id of this.#places.keys()) if (!wanted.has(id)) this.#remove(id);
    for (const settings of wanted.values()) this.#ensure(settings, contextOf(revision.document, settings.id));
  }

  async drain(graceMs: number): Promise<void> {
    this.#closed = true;
    const places = [...this.#places.values()].map(({ served }) => served);
    const stopped = Promise.all(places.map(async (served) => await (await served)?.stop()));
    const timer = this.#parts.clock.after(graceMs, () => {
      for (const served of places) void served.then((destination) => destination?.abort());
    });
    await stopped;
    timer.cancel();
  }

  #ensure(settings: DestinationSettings, context: DestinationContext): void {
    const { titles, coercion } = context;
    const builtFrom = [
      { ...settings, ...FOLLOWED_LIVE },
      settings.kind === 'dimse' ? titles : null,
      coercion.rules.length > 0 ? coercion : null,
    ];
    const fingerprint = JSON.stringify(builtFrom);
    const before = this.#places.get(settings.id);
    if (before?.fingerprint === fingerprint) return;
    const place = { fingerprint, served: this.#replace(before?.served, settings, context) };
    this.#places.set(settings.id, place);
    void place.served.then((served) => {
      if (served === undefined) this.#parts.clock.after(AGAIN_AFTER_MS, () => this.#again(settings.id, place));
    });
  }

  async #replace(
    before: Place['served'] | undefined,
    settings: DestinationSettings,
    context: DestinationContext,
  ): Promise<ServedDestination | undefined> {
    await (await before)?.stop();
    if (this.#closed) return undefined;
    try {
      const served = await this.#parts.serve(settings, context);
      this.#parts.log.info({ destination: settings.id }, 'destination is served');
      return served;
    } catch (error) {
      this.#parts.log.error({ destination: settings.id, reason: describeError(error) }, 'destination cannot be served, trying again');
      return undefined;
    }
  }

  /** Unless the document has changed the place meanwhile. */
  #again(id: string, place: Place): void {
    if (this.#places.get(id) !== place) return;
    this.#places.delete(id);
    if (this.#latest !== undefined) this.apply(this.#latest);
  }

  #remove(id: string): void {
    const { served } = this.#places.get(id)!;
    const gone = served.then((destination) => destination?.stop()).then(() => undefined);
    // Kept until it has stopped: the same id may come back before that.
    const place = { fingerprint: '', served: gone };
    this.#places.set(id, place);
    void gone.then(() => {
      if (this.#places.get(id) === place) this.#places.delete(id);
      this.#parts.log.info({ destination: id }, 'destination left: no longer served');
    });
  }
}
