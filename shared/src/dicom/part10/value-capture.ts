// Keeps the wanted values of a scan, each up to a limit, whatever chunks they come in.

/** Values that were asked for. The first one found at a path stays. */
export class ValueCapture {
  readonly values = new Map<string, Buffer>();
  readonly vrs = new Map<string, string>();
  readonly truncated = new Set<string>();
  readonly #limit: number;
  #value = Buffer.alloc(0);
  #filled = 0;
  /** Bytes of the numbers to turn to little endian when the value is complete; 1: none. */
  #swapUnit = 1;
  /** Bytes of the value under way that have not come yet. */
  missing = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Begins a value that is known by these paths; returns how many of its bytes are to be taken. */
  begin(paths: readonly string[], value: { length: number; vr: string; swapUnit: number }): number {
    if (this.values.has(paths[0]!)) return 0;
    this.missing = Math.min(value.length, this.#limit);
    this.#value = Buffer.alloc(this.missing);
    this.#filled = 0;
    this.#swapUnit = value.swapUnit;
    for (const path of paths) {
      this.values.set(path, this.#value);
      this.vrs.set(path, value.vr);
      if (value.length > this.#limit) this.truncated.add(path);
    }
    return this.missing;
  }

  /** Takes from `at` what the value lacks; returns the bytes taken. */
  take(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#value, this.#filled, at, Math.min(chunk.length, at + this.missing));
    this.#filled += taken;
    this.missing -= taken;
    if (this.missing === 0 && this.#swapUnit > 1) reverseUnits(this.#value, this.#swapUnit);
    return taken;
  }

  clear(): void {
    this.values.clear();
    this.vrs.clear();
    this.truncated.clear();
    this.missing = 0;
  }
}

/** Big endian numbers to little endian, in place; a last incomplete unit stays as it is. */
function reverseUnits(value: Buffer, unit: number): void {
  for (let at = 0; at + unit <= value.length; at += unit) value.subarray(at, at + unit).reverse();
}
