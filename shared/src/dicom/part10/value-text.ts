// From text to the value of an element: what each VR may hold (PS3.5 section 6.2, table 6.2-1), and its bytes.
import { encodeText } from './charset-encode.ts';

/** What cannot be written into a data set, in words without the value itself. */
export class UnfitValue extends Error {
  override readonly name = 'UnfitValue';
}

interface TextForm {
  /** Of one value; of one component group for PN. */
  readonly most?: number;
  readonly fits?: RegExp;
  readonly help?: string;
  /** One value whatever backslashes it holds, and lines in it. */
  readonly isText?: boolean;
}

const DATE = /^(\d{8})?$/;
const TIME = /^(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?$/;
const DATE_TIME = /^(\d{4}(\d{2}(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?)?$/;

const TEXTS: Readonly<Record<string, TextForm>> = {
  AE: { most: 16 },
  AS: { fits: /^(\d{3}[DWMY])?$/, help: 'an age such as 045Y' },
  CS: { most: 16, fits: /^[A-Z0-9 _]*$/, help: 'capital letters, digits, space and underscore' },
  DA: { fits: DATE, help: 'a date such as 20260131' },
  DS: { most: 16, fits: /^ *([+-]?(\d+(\.\d*)?|\.\d+)([Ee][+-]?\d+)?)? *$/, help: 'a decimal number' },
  DT: { most: 26, fits: DATE_TIME, help: 'a date and time such as 20260131235959' },
  IS: { most: 12, fits: /^ *([+-]?\d+)? *$/, help: 'a whole number' },
  LO: { most: 64 },
  LT: { most: 10_240, isText: true },
  PN: { most: 64 },
  SH: { most: 16 },
  ST: { most: 1024, isText: true },
  TM: { fits: TIME, help: 'a time such as 235959' },
  UC: {},
  UI: { most: 64, fits: /^[0-9.]*$/, help: 'digits and dots' },
  UR: { fits: /^[\x21-\x7e]*$/, help: 'an address', isText: true },
  UT: { isText: true },
};

interface NumberForm {
  readonly bytes: number;
  readonly least?: bigint;
  readonly most?: bigint;
  readonly write: (value: Buffer, at: number, text: string) => void;
}

const whole = (bytes: number, signed: boolean): NumberForm => ({
  bytes,
  least: signed ? -(2n ** BigInt(8 * bytes - 1)) : 0n,
  most: 2n ** BigInt(8 * bytes - (signed ? 1 : 0)) - 1n,
  write: (value, at, text) => {
    // The two's complement of a negative number is its unsigned form.
    for (let index = 0, rest = BigInt.asUintN(8 * bytes, BigInt(text)); index < bytes; index++, rest >>= 8n)
      value[at + index] = Number(rest & 0xffn);
  },
});

const NUMBERS: Readonly<Record<string, NumberForm>> = {
  US: whole(2, false),
  SS: whole(2, true),
  UL: whole(4, false),
  SL: whole(4, true),
  UV: whole(8, false),
  SV: whole(8, true),
  FL: { bytes: 4, write: (value, at, text) => value.writeFloatLE(Number(text), at) },
  FD: { bytes: 8, write: (value, at, text) => value.writeDoubleLE(Number(text), at) },
};

/** Whether text can become a value of this VR at all. */
export const isWritableVr = (vr: string): boolean => Object.hasOwn(TEXTS, vr) || Object.hasOwn(NUMBERS, vr);

const valuesOf = (vr: string, text: string): string[] => (TEXTS[vr]?.isText ? [text] : text.split('\\'));

/** Why the text is no value of this VR (several values joined by a backslash); undefined: it is one. */
export function valueProblem(vr: string, text: string): string | undefined {
  if (!isWritableVr(vr)) return `must be an attribute that holds text or numbers (VR ${vr})`;
  const number = NUMBERS[vr];
  const judge = number === undefined ? (value: string) => textProblem(vr, value) : (value: string) => numberProblem(number, value);
  return text === ''
    ? undefined
    : valuesOf(vr, text)
        .map(judge)
        .find((problem) => problem !== undefined);
}

function textProblem(vr: string, value: string): string | undefined {
  const { most, fits, help, isText } = TEXTS[vr]!;
  // Texts have ends of lines and pages and tabs in them; ESC is nowhere: it is for us to write.
  if (/\p{Cc}/u.test(isText ? value.replace(/[\r\n\f\t]/g, '') : value)) return `must not hold control characters (VR ${vr})`;
  if (fits !== undefined && !fits.test(value)) return `must be ${help} (VR ${vr})`;
  const lengths = (vr === 'PN' ? value.split('=') : [value]).map((part) => [...part].length);
  if (most !== undefined && Math.max(...lengths) > most) return `must have at most ${most} characters (VR ${vr})`;
  return undefined;
}

function numberProblem({ least, most }: NumberForm, value: string): string | undefined {
  if (least === undefined || most === undefined)
    return Number.isFinite(Number.parseFloat(value)) && !Number.isNaN(Number(value)) ? undefined : 'must be a number';
  if (!/^-?\d{1,20}$/.test(value)) return 'must be a whole number';
  return BigInt(value) < least || BigInt(value) > most ? `must be from ${least} to ${most}` : undefined;
}

/** The bytes of the value, numbers little endian, not padded. Throws UnfitValue: no value of this VR, or characters that the data set's character set lacks. */
export function encodeValue(text: string, vr: string, specificCharacterSet: readonly string[]): Buffer {
  const problem = valueProblem(vr, text);
  if (problem !== undefined) throw new UnfitValue(problem);
  const number = NUMBERS[vr];
  if (number !== undefined) return numberBytes(number, text === '' ? [] : text.split('\\'));
  const bytes = encodeText(text, vr, specificCharacterSet);
  if (bytes !== undefined) return bytes;
  const set = specificCharacterSet.join('\\') || 'none, which means ASCII';
  throw new UnfitValue(`the character set of the data set (${set.slice(0, 64)}) has no place for a character of the value`);
}

function numberBytes(form: NumberForm, values: string[]): Buffer {
  const bytes = Buffer.alloc(form.bytes * values.length);
  for (const [index, value] of values.entries()) form.write(bytes, index * form.bytes, value);
  return bytes;
}
