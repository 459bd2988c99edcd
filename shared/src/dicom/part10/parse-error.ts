// What every reader of data sets throws: where it stopped and why, never what it read.

/** (gggg,eeee) of a tag number. */
export function tagText(tag: number): string {
  const hex = tag.toString(16).toUpperCase().padStart(8, '0');
  return `(${hex.slice(0, 4)},${hex.slice(4)})`;
}

/** The bytes are not a data set of the transfer syntax they are said to be in. `offset`: bytes from the start of what was read; `tag`: the element concerned. */
export class DicomParseError extends Error {
  override readonly name = 'DicomParseError';
  readonly offset: number;
  readonly tag?: number;
  constructor(what: string, at: { offset: number; tag?: number }) {
    super(`${what}, at offset ${at.offset}${at.tag === undefined ? '' : `, element ${tagText(at.tag)}`}`);
    this.offset = at.offset;
    this.tag = at.tag;
  }
}
