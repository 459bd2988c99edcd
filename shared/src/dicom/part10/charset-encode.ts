// Encodes text by Specific Character Set, the way back of charset.ts (PS3.3 section C.12.1.1.2, PS3.5 section 6.1). What a set lacks is never replaced.
import { ASCII, BY_CHARACTER_SET, type CodeElement, codeElementOf, delimitersOf, ESCAPES, SETS_BY_REGISTRATION } from './character-sets.ts';
import { bytesByCharacter } from './code-tables.ts';

const ESC = '\x1b';
const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/**
 * The bytes of the text, unpadded; undefined when the set of the data set has no place for one of its characters. `specificCharacterSet`: defined terms,
 * as DataSetScan has them. VRs that the set does not govern take ASCII only.
 */
export function encodeText(text: string, vr: string, specificCharacterSet: readonly string[]): Buffer | undefined {
  if (isAscii(text)) return Buffer.from(text, 'latin1');
  if (!BY_CHARACTER_SET.has(vr)) return undefined;
  const sets = specificCharacterSet.map(codeElementOf);
  const [first] = sets;
  if (first?.label === 'utf-8') return Buffer.from(text, 'utf8');
  const composed = text.normalize('NFC');
  if (first?.whole || (sets.length === 1 && first !== undefined && !first.pairs)) return encodeBy(first, composed);
  return new ExtendedEncoder(sets, vr).encode(composed);
}

/** ASCII and one set, which needs no escape. */
function encodeBy(set: CodeElement, text: string): Buffer | undefined {
  const table = bytesByCharacter(set);
  const pieces: Buffer[] = [];
  for (const character of text) {
    const bytes = isAscii(character) ? Buffer.from(character, 'latin1') : table(character);
    if (bytes === undefined) return undefined;
    pieces.push(bytes);
  }
  return Buffer.concat(pieces);
}

/** Code extensions of ISO 2022: each character in the set that is in use, else in the first of the data set's that has it. */
class ExtendedEncoder {
  readonly #sets: readonly CodeElement[];
  readonly #delimiters: string;
  readonly #initialG1: CodeElement;
  /** ISO 646 as the first set has it: JIS X 0201 has its own (PS3.5 section H.1). */
  readonly #toAscii: string;
  readonly #pieces: Buffer[] = [];
  #g0: CodeElement = ASCII;
  #g1: CodeElement;

  constructor(sets: readonly (CodeElement | undefined)[], vr: string) {
    this.#sets = sets.filter((set) => set !== undefined && set !== ASCII) as CodeElement[];
    const [first = ASCII] = sets;
    this.#initialG1 = first.pairs ? ASCII : first;
    this.#g1 = this.#initialG1;
    this.#delimiters = delimitersOf(vr);
    this.#toAscii = first === SETS_BY_REGISTRATION.get(13) ? '(J' : '(B';
  }

  encode(text: string): Buffer | undefined {
    for (const character of text) {
      if (isAscii(character)) this.#ascii(character);
      else if (!this.#inG1(character, this.#g1) && !this.#switched(character)) return undefined;
    }
    this.#leaveG0();
    return Buffer.concat(this.#pieces);
  }

  #ascii(character: string): void {
    this.#leaveG0();
    this.#pieces.push(Buffer.from(character, 'latin1'));
    if (this.#delimiters.includes(character)) this.#g1 = this.#initialG1;
  }

  /** Before a delimiter, and at the end, G0 holds ASCII again (PS3.5 section 6.1.2.5.3). */
  #leaveG0(): void {
    if (this.#g0 === ASCII) return;
    this.#escape(this.#toAscii);
    this.#g0 = ASCII;
  }

  #inG1(character: string, set: CodeElement): boolean {
    const bytes = set === ASCII ? undefined : bytesByCharacter(set)(character);
    if (bytes === undefined) return false;
    this.#pieces.push(bytes);
    return true;
  }

  #switched(character: string): boolean {
    for (const set of this.#sets) {
      const bytes = bytesByCharacter(set)(character);
      const sequence = ESCAPES.find(({ registration }) => SETS_BY_REGISTRATION.get(registration) === set)?.sequence;
      if (bytes === undefined || sequence === undefined) continue;
      if (set.pairs ? this.#g0 !== set : this.#g1 !== set) this.#escape(sequence);
      if (set.pairs) this.#g0 = set;
      else this.#g1 = set;
      this.#pieces.push(bytes);
      return true;
    }
    return false;
  }

  #escape(sequence: string): void {
    this.#pieces.push(Buffer.from(ESC + sequence, 'latin1'));
  }
}
