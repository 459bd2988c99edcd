// Decodes raw values to text by Specific Character Set and VR (PS3.3 section C.12.1.1.2, PS3.5 sections 6.1 and 6.2). Never throws.
import { ASCII, BY_CHARACTER_SET, type CodeElement, codeElementOf, delimitersOf, ESCAPES, SETS_BY_REGISTRATION } from './character-sets.ts';
import { numbersText } from './number-text.ts';

const ESC = 0x1b;
/** One value whatever backslashes it holds; leading spaces say something (PS3.5 section 6.2). */
const SINGLE_VALUED = new Set(['LT', 'ST', 'UT', 'UR']);
const KEEPS_LEADING_SPACE = new Set(['LT', 'ST', 'UT', 'UC']);

/**
 * Text of a raw value (numbers: little endian). Padding is trimmed from each value, several values stay joined by a backslash; AT is 8 hex digits.
 * A set that is unknown is taken for ISO-IR 100; bytes that a set lacks become U+FFFD. Binary values (OB, OW, SQ, ...) give ''.
 */
export function decodeText(value: Buffer, vr: string, specificCharacterSet: readonly string[]): string {
  const numbers = numbersText(value, vr);
  if (numbers !== undefined) return numbers;
  const text = BY_CHARACTER_SET.has(vr) ? decodeBytes(value, vr, specificCharacterSet) : value.toString('latin1');
  const values = SINGLE_VALUED.has(vr) ? [text] : text.split('\\');
  const padding = KEEPS_LEADING_SPACE.has(vr) ? /[\0 ]+$/ : /^[\0 ]+|[\0 ]+$/g;
  return values.map((one) => one.replace(padding, '')).join('\\');
}

/** Text as the bytes have it, padding included. */
function decodeBytes(bytes: Buffer, vr: string, specificCharacterSet: readonly string[]): string {
  if (isPlainAscii(bytes)) return bytes.toString('latin1');
  const sets = specificCharacterSet.map((term) => codeElementOf(term) ?? ASCII);
  const first = sets[0] ?? ASCII;
  if (first.whole) return decodeBy(first, bytes);
  const extended = sets.length > 1 || bytes.includes(ESC) || first.pairs === true;
  return extended ? new ExtendedDecoder(sets, vr).decode(bytes) : decodeBy(first, bytes);
}

function isPlainAscii(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte >= 0x80 || byte === ESC) return false;
  return true;
}

const decoders = new Map<string, InstanceType<typeof TextDecoder>>();

/** Bytes as the decoder of the set reads them; what it lacks becomes U+FFFD. */
export function decodeBy({ label }: CodeElement, bytes: Buffer): string {
  // Not by TextDecoder, for which latin1 is windows-1252.
  if (label === 'latin1') return bytes.toString('latin1');
  if (!decoders.has(label)) decoders.set(label, new TextDecoder(label));
  return decoders.get(label)!.decode(bytes);
}

/** Code extensions of ISO 2022: escape sequences put sets into G0 (bytes below 0x80) and G1 (the others). */
class ExtendedDecoder {
  readonly #initialG1: CodeElement;
  readonly #delimiters: string;
  #g0: CodeElement = ASCII;
  #g1: CodeElement;

  constructor(sets: readonly CodeElement[], vr: string) {
    // Some senders never escape to the one set that they use.
    const inG1 = sets.filter((set) => set !== ASCII && !set.pairs);
    const [first] = sets;
    this.#initialG1 = first !== undefined && first !== ASCII && !first.pairs ? first : (inG1[0] ?? ASCII);
    this.#g1 = this.#initialG1;
    this.#delimiters = delimitersOf(vr);
  }

  decode(bytes: Buffer): string {
    let text = '';
    for (let at = 0; at < bytes.length; ) {
      const escaped = bytes[at] === ESC ? this.#escape(bytes, at + 1) : 0;
      if (escaped > 0) {
        at += escaped;
        continue;
      }
      const end = this.#runEnd(bytes, at);
      text += this.#decodeRun(bytes.subarray(at, end));
      at = end;
    }
    return text;
  }

  /** Bytes of the sequence, ESC included; 0: none that we know. */
  #escape(bytes: Buffer, at: number): number {
    const following = bytes.toString('latin1', at, at + 3);
    const known = ESCAPES.find(({ sequence }) => following.startsWith(sequence));
    if (known === undefined) return 0;
    const set = SETS_BY_REGISTRATION.get(known.registration)!;
    if (known.area === 'g0') this.#g0 = set;
    else this.#g1 = set;
    return 1 + known.sequence.length;
  }

  /** A run is bytes of one area without an escape; a delimiter is a run of its own, which sets both areas back (PS3.5 section 6.1.2.5.3). */
  #runEnd(bytes: Buffer, from: number): number {
    if (this.#isDelimiter(bytes[from]!)) return from + 1;
    const high = bytes[from]! >= 0x80;
    let at = from + 1;
    while (at < bytes.length && bytes[at] !== ESC && bytes[at]! >= 0x80 === high && !this.#isDelimiter(bytes[at]!)) at++;
    return at;
  }

  /** In a set of pairs the same byte is half a character; only control characters end a line there. */
  #isDelimiter(byte: number): boolean {
    return (byte < 0x20 || !this.#g0.pairs) && this.#delimiters.includes(String.fromCharCode(byte));
  }

  #decodeRun(run: Buffer): string {
    if (run.length === 1 && this.#isDelimiter(run[0]!)) {
      this.#g0 = ASCII;
      this.#g1 = this.#initialG1;
      return run.toString('latin1');
    }
    if (run[0]! >= 0x80) return decodeBy(this.#g1, run);
    return this.#g0.pairs ? decodePairs(this.#g0, run) : run.toString('latin1');
  }
}

/** 7-bit pairs of G0 as the 8-bit bytes of EUC; what is no pair is kept as it is. */
function decodePairs(set: CodeElement, run: Buffer): string {
  const bytes: number[] = [];
  for (let at = 0; at < run.length; ) {
    const [first, second] = [run[at]!, run[at + 1] ?? 0];
    if (first > 0x20 && second > 0x20) {
      if (set.prefix !== undefined) bytes.push(set.prefix);
      bytes.push(first | 0x80, second | 0x80);
      at += 2;
    } else {
      bytes.push(first);
      at += 1;
    }
  }
  return decodeBy(set, Buffer.from(bytes));
}
