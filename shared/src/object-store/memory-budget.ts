// Bytes that all uploads of a process may hold in memory together; beyond it each writes to its file before it takes more (invariant 4).

export class MemoryBudget {
  #free: number;
  constructor(bytes: number) {
    this.#free = bytes;
  }
  take(bytes: number): boolean {
    if (bytes > this.#free) return false;
    this.#free -= bytes;
    return true;
  }
  give(bytes: number): void {
    this.#free += bytes;
  }
}
