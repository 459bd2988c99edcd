// From characters to the bytes of a set: the decoder's own tables turned round when a set is first written. ASCII is not in them.
import { ASCII, type CodeElement } from './character-sets.ts';
import { decodeBy } from './charset.ts';

/** Bytes of one character; undefined: the set lacks it. */
export type CharacterTable = (character: string) => Buffer | undefined;

const tables = new Map<CodeElement, CharacterTable>();

export function bytesByCharacter(set: CodeElement): CharacterTable {
  let table = tables.get(set);
  if (table === undefined) {
    table = tableOf(set);
    tables.set(set, table);
  }
  return table;
}

function tableOf(set: CodeElement): CharacterTable {
  if (set === ASCII) return () => undefined;
  if (set.label === 'gb18030') return gb18030(set);
  const found = new Map<string, Buffer>();
  for (const bytes of codesOf(set)) add(found, { set, bytes, written: set.pairs ? bytes.subarray(-2).map((byte) => byte & 0x7f) : bytes });
  return (character) => (set.lacks?.includes(character) ? undefined : found.get(character));
}

interface Code {
  readonly set: CodeElement;
  /** What the decoder takes. */
  readonly bytes: Buffer;
  /** What stands in a data set. */
  readonly written: Uint8Array;
}

/** The first code of a character stays: later ones are duplicates that other decoders may not know. */
function add(found: Map<string, Buffer>, { set, bytes, written }: Code): void {
  const characters = [...decodeBy(set, bytes)];
  const [character] = characters;
  if (characters.length !== 1 || character === '\ufffd' || character! < '\x80' || found.has(character!)) return;
  found.set(character!, Buffer.from(written));
}

/** Sets of two bytes a character; all others have one. Within 94 x 94: what WHATWG's decoders know beyond is of no registered set. */
const DOUBLE_BYTE = new Set(['euc-jp', 'euc-kr', 'gbk']);

function* codesOf({ label, pairs, prefix, whole }: CodeElement): Generator<Buffer> {
  if (!pairs && !DOUBLE_BYTE.has(label)) {
    for (let byte = 0xa0; byte <= 0xff; byte++) yield Buffer.of(byte);
    return;
  }
  const [lead, trail] = whole ? [0x81, 0x40] : [0xa1, 0xa1];
  for (let first = lead; first <= 0xfe; first++)
    for (let second = trail; second <= 0xfe; second++)
      yield prefix === undefined ? Buffer.of(first, second) : Buffer.of(prefix, first, second);
}

/** Four-byte codes of the characters beyond the Basic Multilingual Plane follow each other from 0x90308130 on (GB 18030 section 4). */
const SUPPLEMENTARY = 189_000;
const BMP_FOUR_BYTES = 39_420;

function gb18030(set: CodeElement): CharacterTable {
  const found = new Map<string, Buffer>();
  for (const bytes of codesOf({ label: 'gbk', whole: true })) add(found, { set, bytes, written: bytes });
  for (let code = 0; code < BMP_FOUR_BYTES; code++) {
    const bytes = fourBytes(code);
    add(found, { set, bytes, written: bytes });
  }
  return (character) => {
    const point = character.codePointAt(0)!;
    return point >= 0x10000 ? fourBytes(SUPPLEMENTARY + point - 0x10000) : found.get(character);
  };
}

function fourBytes(code: number): Buffer {
  const digits = [Math.floor(code / 12_600), Math.floor(code / 1260) % 10, Math.floor(code / 10) % 126, code % 10];
  return Buffer.of(digits[0]! + 0x81, digits[1]! + 0x30, digits[2]! + 0x81, digits[3]! + 0x30);
}
