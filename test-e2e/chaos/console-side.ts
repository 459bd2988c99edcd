// What an operator does during a run: a document applied, failed deliveries tried again. Either console will do, and after a failover one signs in again.
import { setTimeout as pause } from 'node:timers/promises';
import { type ConsoleClient, signIn } from '../src/console-client.ts';

const AGAIN_AFTER_MS = 2_000;
/** A console whose machine is cut off never answers. */
const ANSWERS_WITHIN_MS = 15_000;

/** Another try would fare no better. */
class Refused extends Error {}

export interface WorkView {
  readonly held: number;
  readonly quarantined: number;
  readonly failed: number;
  readonly open: number;
  readonly parked: number;
}

export class ConsoleSide {
  readonly #urls: readonly string[];
  readonly #password: string;
  #client: ConsoleClient | undefined;
  #at = 0;

  constructor(urls: readonly string[], password: string) {
    this.#urls = urls;
    this.#password = password;
  }

  /** As long as it takes, until the signal: consoles and their database may be away. */
  async apply(document: object, comment: string, signal?: AbortSignal): Promise<void> {
    await this.#untilDone(async (client) => {
      const { status, body } = await client.send('PUT', '/api/configuration', { document, comment });
      if (status === 400 || status === 422) throw new Refused(`the document was answered ${status}: ${JSON.stringify(body)}`);
      if (status !== 200) throw new Error(`the document was answered ${status}`);
    }, signal);
  }

  async retryFailed(signal?: AbortSignal): Promise<void> {
    await this.#untilDone((client) => client.send('POST', '/api/deliveries/retry', { state: 'failed' }), signal);
  }

  get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return this.#untilDone((client) => client.get<T>(path), signal);
  }

  async #untilDone<T>(work: (client: ConsoleClient) => Promise<T>, signal?: AbortSignal): Promise<T> {
    for (;;) {
      try {
        this.#client ??= await inTime(signIn(this.#urls[this.#at % this.#urls.length]!, this.#password));
        return await inTime(work(this.#client));
      } catch (error) {
        this.#client = undefined;
        this.#at++;
        if (signal?.aborted || error instanceof Refused) throw error;
        await pause(AGAIN_AFTER_MS);
      }
    }
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  const late = pause(ANSWERS_WITHIN_MS, undefined, { ref: false }).then(() => Promise.reject(new Error('no answer in time')));
  return Promise.race([work, late]);
}
