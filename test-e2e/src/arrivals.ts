// What arrived at the sandbox archive, told by its journal; and waiting for it.
import { setTimeout as pause } from 'node:timers/promises';
import { until } from './wait-for-fact.ts';

export interface Arrival {
  readonly sopInstanceUid: string;
  readonly digest: string;
  readonly transferSyntaxUid: string;
  readonly size: number;
}

const journalUrl = (sandboxUrl: string): string => sandboxUrl.replace(/\/dicom-web$/, '/sandbox/arrivals');

/** Each arrival in order, repeats included. */
export async function arrivalsAt(sandboxUrl: string): Promise<Arrival[]> {
  const text = await (await fetch(journalUrl(sandboxUrl))).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Arrival);
}

/** Resolves when every UID has arrived; rejects with the first ones missing when that takes too long. */
export async function untilArrived(sandboxUrl: string, sopInstanceUids: Iterable<string>, withinMs = 120_000): Promise<Arrival[]> {
  const wanted = new Set(sopInstanceUids);
  const deadline = performance.now() + withinMs;
  for (;;) {
    const arrivals = await arrivalsAt(sandboxUrl).catch(() => []);
    const there = new Set(arrivals.map(({ sopInstanceUid }) => sopInstanceUid));
    const missing = [...wanted].filter((uid) => !there.has(uid));
    if (missing.length === 0) return arrivals;
    if (performance.now() > deadline)
      throw new Error(`${missing.length} of ${wanted.size} did not arrive, e.g. ${missing.slice(0, 3).join(', ')}`);
    await pause(200);
  }
}

/** Resolves when every data set has arrived as it was sent, byte for byte (`digest`: SHA-256 of it). */
export async function untilArrivedUnchanged(
  sandboxUrl: string,
  sent: readonly Pick<Arrival, 'sopInstanceUid' | 'digest'>[],
): Promise<void> {
  await until(`${sent.length} instances in the archive, unchanged`, async () => {
    const there = new Set((await arrivalsAt(sandboxUrl)).map(({ sopInstanceUid, digest }) => `${sopInstanceUid} ${digest}`));
    return sent.every(({ sopInstanceUid, digest }) => there.has(`${sopInstanceUid} ${digest}`));
  });
}
