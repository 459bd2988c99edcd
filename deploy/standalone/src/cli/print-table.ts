// Rows as aligned columns; what came over the network moves no cursor.

export interface Column<Row> {
  readonly title: string;
  /** Numbers stand to the right. */
  readonly value: (row: Row) => string | number;
}

/** Of one cell; longer ones are cut. */
const MOST_CHARACTERS = 100;
const GAP = '  ';

/** Lines without a trailing newline; no rows: `none`. */
export function printTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], none: string): string {
  if (rows.length === 0) return none;
  const cells = rows.map((row) => columns.map(({ value }) => value(row)));
  const texts = [columns.map(({ title }) => title), ...cells.map((line) => line.map((cell) => plainText(String(cell))))];
  const widths = columns.map((_, at) => Math.max(...texts.map((line) => line[at]!.length)));
  const isRight = columns.map((_, at) => cells.every((line) => typeof line[at] === 'number'));
  const aligned = (text: string, at: number): string => (isRight[at] ? text.padStart(widths[at]!) : text.padEnd(widths[at]!));
  return texts.map((line) => line.map(aligned).join(GAP).trimEnd()).join('\n');
}

/** On one line, without control characters (a value of a header may hold an escape sequence), and not too long. */
export function plainText(text: string, most = MOST_CHARACTERS): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out
  const plain = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, ' ').trim();
  return plain.length > most ? `${plain.slice(0, most - 1)}…` : plain;
}
