// Restarts a service that runs but does not answer: a process that hangs ends nothing by itself.
import { setTimeout as pause } from 'node:timers/promises';
import type { Say } from './terminal.ts';

export interface WatchedService {
  readonly name: string;
  /** Answers 200 while the process can do anything at all; says nothing about what it depends on. */
  readonly liveUrl: string;
  readonly restart: () => Promise<void>;
}

export interface LivenessOptions {
  readonly services: readonly WatchedService[];
  readonly say: Say;
  readonly everyMs?: number;
  /** Far longer than any pause of a loaded machine: a restart costs open associations. */
  readonly silentMs?: number;
}

const EVERY_MS = 5_000;
const SILENT_MS = 60_000;

/** Runs until the signal aborts. */
export async function watchLiveness(options: LivenessOptions, signal: AbortSignal): Promise<void> {
  await Promise.all(options.services.map((service) => watchOne(service, options, signal)));
}

async function watchOne(service: WatchedService, options: LivenessOptions, signal: AbortSignal): Promise<void> {
  const { say, everyMs = EVERY_MS, silentMs = SILENT_MS } = options;
  let heardAt = performance.now();
  while (!signal.aborted) {
    if (await answers(service.liveUrl, everyMs)) heardAt = performance.now();
    if (performance.now() - heardAt > silentMs) {
      say(`${service.name} has not answered for ${silentMs / 1000} s: restarting it`);
      await service.restart();
      heardAt = performance.now();
    }
    await pause(everyMs, undefined, { signal }).catch(() => {});
  }
}

async function answers(url: string, timeoutMs: number): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
