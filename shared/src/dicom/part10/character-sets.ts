// The table of character sets: defined terms, decoders and escape sequences (PS3.3 section C.12.1.1.2, PS3.5 section 6.1.2.5 and Annexes H to K).

/**
 * How one code element turns bytes to text. `label`: encoding of the WHATWG Encoding standard that holds ASCII in G0 and the set in G1.
 * `pairs`: the set is in G0 as two 7-bit bytes a character; as 8-bit bytes, behind `prefix`, they are what `label` decodes.
 */
export interface CodeElement {
  readonly label: string;
  readonly pairs?: boolean;
  readonly prefix?: number;
  /** The term allows no code extensions: an ESC among its bytes is none. */
  readonly whole?: boolean;
  /** Characters that `label` decodes, but that the registered set does not have: never written. */
  readonly lacks?: string;
}

export const ASCII: CodeElement = { label: 'latin1' };

/** Sets by their ISO registration number, as in the terms ISO_IR 100 and ISO 2022 IR 100. */
export const SETS_BY_REGISTRATION: ReadonlyMap<number, CodeElement> = new Map([
  [6, ASCII],
  [100, { label: 'latin1' }],
  [101, { label: 'iso-8859-2' }],
  [109, { label: 'iso-8859-3' }],
  [110, { label: 'iso-8859-4' }],
  [144, { label: 'iso-8859-5' }],
  [127, { label: 'iso-8859-6' }],
  // The registration is that of 1987, the label the edition of 2003.
  [126, { label: 'iso-8859-7', lacks: '€₯ͺ' }],
  [138, { label: 'iso-8859-8', lacks: '\u200e\u200f' }],
  [148, { label: 'iso-8859-9' }],
  [203, { label: 'iso-8859-15' }],
  [166, { label: 'windows-874' }],
  // JIS X 0201 is the single-byte part of Shift_JIS.
  [13, { label: 'shift_jis' }],
  [87, { label: 'euc-jp', pairs: true }],
  [159, { label: 'euc-jp', pairs: true, prefix: 0x8f }],
  [149, { label: 'euc-kr' }],
  [58, { label: 'gbk' }],
  [192, { label: 'utf-8', whole: true }],
]);

/** Sets without code extensions, by term; the misspelt ones are met in practice. */
export const SETS_BY_NAME: ReadonlyMap<string, CodeElement> = new Map([
  ['GB18030', { label: 'gb18030', whole: true }],
  ['GBK', { label: 'gbk', whole: true }],
  ['GB2312', { label: 'gbk', whole: true }],
  ['UTF8', { label: 'utf-8', whole: true }],
  ['ISO88591', { label: 'latin1' }],
  ['LATIN1', { label: 'latin1' }],
]);

/** The set that a defined term stands for; also reads terms as they are misspelt: ISO-IR 100, ISO_IR_100, ISO2022 IR 87. undefined: unknown. */
export function codeElementOf(term: string): CodeElement | undefined {
  const registration = /IR[ _-]?(\d{1,3})$/.exec(term)?.[1];
  if (registration !== undefined) return SETS_BY_REGISTRATION.get(Number(registration));
  return term === '' ? ASCII : SETS_BY_NAME.get(term.replace(/[ _-]/g, ''));
}

/** VRs that Specific Character Set governs (PS3.5 section 6.1.2.2); UN may hold any of them. */
export const BY_CHARACTER_SET: ReadonlySet<string> = new Set(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UN', 'UT']);

/** Before these both areas are set back to the first set (PS3.5 section 6.1.2.5.3). */
export const delimitersOf = (vr: string): string => (vr === 'PN' ? '\\^=\r\n\f\t' : '\\\r\n\f\t');

/** What follows ESC (PS3.3 tables C.12-3 and C.12-4), longest first where one begins another. */
export const ESCAPES: readonly { readonly sequence: string; readonly area: 'g0' | 'g1'; readonly registration: number }[] = [
  { sequence: '$(D', area: 'g0', registration: 159 },
  { sequence: '$)C', area: 'g1', registration: 149 },
  { sequence: '$)A', area: 'g1', registration: 58 },
  { sequence: '$B', area: 'g0', registration: 87 },
  { sequence: '$@', area: 'g0', registration: 87 },
  { sequence: '(B', area: 'g0', registration: 6 },
  { sequence: '(J', area: 'g0', registration: 6 },
  { sequence: ')I', area: 'g1', registration: 13 },
  { sequence: '-A', area: 'g1', registration: 100 },
  { sequence: '-B', area: 'g1', registration: 101 },
  { sequence: '-C', area: 'g1', registration: 109 },
  { sequence: '-D', area: 'g1', registration: 110 },
  { sequence: '-F', area: 'g1', registration: 126 },
  { sequence: '-G', area: 'g1', registration: 127 },
  { sequence: '-H', area: 'g1', registration: 138 },
  { sequence: '-L', area: 'g1', registration: 144 },
  { sequence: '-M', area: 'g1', registration: 148 },
  { sequence: '-T', area: 'g1', registration: 166 },
  { sequence: '-b', area: 'g1', registration: 203 },
];
