// Tests wait for facts, never for times: looks until the fact is there, and says what was missing when it does not come.
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_EVERY_MS = 100;

/** Resolves with the first answer that is neither undefined nor false. An error while looking counts as not yet; the last one is told. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  withinMs = 60_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    let failure: unknown;
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`, { cause: failure });
    await pause(LOOK_EVERY_MS);
  }
}
