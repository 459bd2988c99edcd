// Waits until the parts can do their work; tells what is missing while it takes long.
import { connect } from 'node:net';
import type { Say } from './terminal.ts';

const LOOK_EVERY_MS = 100;
const TELL_EVERY_MS = 15_000;
const REQUEST_TIMEOUT_MS = 5_000;

/** The stop was asked for while waiting. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** Tries `attempt` until it does not throw. Throws Interrupted when the signal aborts. */
export async function until(what: string, attempt: () => Promise<void>, context: { signal: AbortSignal; say: Say }): Promise<void> {
  let tellAt = Date.now() + TELL_EVERY_MS;
  for (;;) {
    if (context.signal.aborted) throw new Interrupted(what);
    const problem = await attempt().then(
      () => undefined,
      (error: Error) => error,
    );
    if (problem === undefined) return;
    if (Date.now() > tellAt) {
      context.say(`still waiting for ${what}: ${problem.message}`);
      tellAt = Date.now() + TELL_EVERY_MS;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

export function portAnswers(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

/** Throws with the page's own words when it does not say ready. */
export async function pageSaysReady(url: string): Promise<void> {
  const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url} answers ${response.status} ${text.slice(0, 500)}`);
}
