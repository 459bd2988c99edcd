// The most memory that each process of the cluster was seen with.
import type { KeptProcess } from './kept-process.ts';

const LOOK_EVERY_MS = 3_000;
const MIB = 1024 ** 2;

export class MemoryWatch {
  readonly #most = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(processes: readonly KeptProcess[]) {
    this.#timer = setInterval(() => {
      for (const { name, residentBytes } of processes) this.#most.set(name, Math.max(this.#most.get(name) ?? 0, residentBytes));
    }, LOOK_EVERY_MS);
  }

  /** MiB by name. */
  stop(): Record<string, number> {
    clearInterval(this.#timer);
    return Object.fromEntries([...this.#most].map(([name, bytes]) => [name, Math.round(bytes / MIB)]));
  }
}
