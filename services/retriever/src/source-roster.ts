// The sources of the gateway document, each with its own consumer; follows the document while running.
import type { Bucket } from '@causeway/shared/bus/bus';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import type { RetrievalSource } from '@causeway/shared/config/gateway-document';
import { describeError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';

export interface ServedSource {
  /** Gives back what is under way and stops. */
  stop(): Promise<void>;
}

export interface RosterParts {
  /** `settings` undefined: the source has left the document; what is still due from it must be answered. */
  readonly serve: (id: string, settings: RetrievalSource | undefined) => Promise<ServedSource>;
  /** Remembers every source that ever was, also over restarts. */
  readonly memory: Bucket;
  readonly log: Logger;
  readonly after: (delayMs: number, call: () => void) => void;
}

interface Place {
  readonly fingerprint: string;
  /** Each waits for the one before: a source never has two consumers in one process. */
  readonly served: Promise<ServedSource | undefined>;
}

const KEY = 'sources';
const AGAIN_AFTER_MS = 5_000;

export class SourceRoster {
  readonly #parts: RosterParts;
  readonly #places = new Map<string, Place>();
  #latest: Revision | undefined;
  #closed = false;
  #applying: Promise<void> = Promise.resolve();

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** Starts what is new, restarts what changed; nothing else is touched. Resolves when that is done. */
  apply(revision: Revision): Promise<void> {
    this.#latest = revision;
    this.#applying = this.#applying
      .then(() => this.#apply(revision))
      .catch((error: unknown) => {
        this.#parts.log.error({ reason: describeError(error) }, 'sources not applied, trying again');
        this.#again();
      });
    return this.#applying;
  }

  async stop(): Promise<void> {
    this.#closed = true;
    await this.#applying;
    await Promise.all([...this.#places.values()].map(async ({ served }) => (await served)?.stop()));
  }

  async #apply({ document }: Revision): Promise<void> {
    const configured = new Map(document.retrieval.sources.map((source) => [source.id, source]));
    const known = new Set([...configured.keys(), ...(await this.#remembered())]);
    await this.#remember(known);
    await Promise.all([...known].map((id) => this.#ensure(id, configured.get(id))));
  }

  #ensure(id: string, settings: RetrievalSource | undefined): Promise<unknown> {
    const fingerprint = JSON.stringify(settings ?? null);
    const before = this.#places.get(id);
    if (this.#closed || before?.fingerprint === fingerprint) return Promise.resolve();
    const place = { fingerprint, served: this.#replace(before?.served, id, settings) };
    this.#places.set(id, place);
    return place.served;
  }

  async #replace(
    before: Place['served'] | undefined,
    id: string,
    settings: RetrievalSource | undefined,
  ): Promise<ServedSource | undefined> {
    await (await before)?.stop();
    try {
      const served = await this.#parts.serve(id, settings);
      this.#parts.log.info({ source: id, configured: settings !== undefined }, 'source is served');
      return served;
    } catch (error) {
      this.#parts.log.error({ source: id, reason: describeError(error) }, 'source cannot be served, trying again');
      this.#places.delete(id);
      this.#again();
      return undefined;
    }
  }

  #again(): void {
    this.#parts.after(AGAIN_AFTER_MS, () => {
      if (!this.#closed && this.#latest !== undefined) void this.apply(this.#latest);
    });
  }

  async #remembered(): Promise<string[]> {
    const value = await this.#parts.memory.get(KEY);
    return value === undefined ? [] : (JSON.parse(Buffer.from(value).toString('utf8')) as string[]);
  }

  async #remember(known: ReadonlySet<string>): Promise<void> {
    const before = await this.#remembered();
    if ([...known].every((id) => before.includes(id))) return;
    await this.#parts.memory.put(KEY, Buffer.from(JSON.stringify([...known].sort())));
  }
}
