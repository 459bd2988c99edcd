// Rows of one batch, by key: what several facts say of one row is merged in memory, so that it is written once.

export class MergedRows<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #merge: (a: Row, b: Row) => Row;

  constructor(merge: (a: Row, b: Row) => Row) {
    this.#merge = merge;
  }

  add(key: string, row: Row): void {
    const known = this.#rows.get(key);
    this.#rows.set(key, known === undefined ? row : this.#merge(known, row));
  }

  /** By key: two ledgers that write the same rows then wait for each other instead of locking each other out. */
  sorted(): Row[] {
    return [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row);
  }
}
