// Text of known byte sequences: the examples of PS3.5 Annexes H, I, J and K, single-byte sets, padding, numbers, and garbage.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText } from './charset.ts';
import { seededRandom } from './data-set-for-tests.ts';

const bytes = (escaped: string): Buffer => Buffer.from(escaped, 'latin1');

const PERSON_NAMES: [string, string[], Buffer, string][] = [
  [
    'H.3.1 Japanese, escapes to JIS X 0208',
    ['', 'ISO 2022 IR 87'],
    bytes('Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B'),
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
  ],
  [
    'H.3.2 Japanese with JIS X 0201 and JIS X 0208',
    ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
    bytes('\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J'),
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
  ],
  [
    'I.2 Korean, escapes in each component',
    ['', 'ISO 2022 IR 149'],
    bytes('Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf'),
    'Hong^Gildong=洪^吉洞=홍^길동',
  ],
  [
    'Korean of senders that escape once, or never',
    ['', 'ISO 2022 IR 149'],
    bytes('Hong^Gildong=\x1b$)C\xfb\xf3^\xd1\xce\xd4\xd7=\xc8\xab^\xb1\xe6\xb5\xbf'),
    'Hong^Gildong=洪^吉洞=홍^길동',
  ],
  ['J.3 Chinese in UTF-8', ['ISO_IR 192'], Buffer.from('Wang^XiaoDong=王^小東='), 'Wang^XiaoDong=王^小東='],
  ['J.4 Chinese in GB18030', ['GB18030'], bytes('Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab='), 'Wang^XiaoDong=王^小东='],
  [
    'K.2 Chinese with escapes to GB 2312',
    ['', 'ISO 2022 IR 58'],
    bytes('Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab='),
    'Zhang^XiaoDong=张^小东=',
  ],
  ['JIS X 0212 in G0', ['', 'ISO 2022 IR 159'], bytes('\x1b$(D\x30\x21\x1b(B^A'), '丂^A'],
  ['8-bit sets switched by escapes', ['ISO 2022 IR 100', 'ISO 2022 IR 144'], bytes('M\xfcller^\x1b-L\xbb\xee\xda^\xfc'), 'Müller^Люк^ü'],
];
for (const [name, set, value, text] of PERSON_NAMES) {
  test(`person name: ${name}`, () => assert.equal(decodeText(value, 'PN', set), text));
}

const SINGLE_BYTE: [string, Buffer, string][] = [
  ['ISO_IR 100', bytes('Krankenhaus K\xf6ln'), 'Krankenhaus Köln'],
  ['ISO_IR 101', bytes('W\xeegry \xb1\xe6\xea'), 'Wîgry ąćę'],
  ['ISO_IR 109', bytes('\xd8'), 'Ĝ'],
  ['ISO_IR 110', bytes('\xe0\xec'), 'āė'],
  ['ISO_IR 144', bytes('\xbb\xee\xda\xd5\xdc\xd1\xe3\xe0\xd3'), 'Люкембург'],
  ['ISO_IR 127', bytes('\xe2\xc8\xc7\xe6\xea'), 'قباني'],
  ['ISO_IR 126', bytes('\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2'), 'Διονυσιος'],
  ['ISO_IR 138', bytes('\xf9\xf8\xe5\xef'), 'שרון'],
  ['ISO_IR 148', bytes('\xc7avu\xfeo\xf0lu'), 'Çavuşoğlu'],
  ['ISO_IR 166', bytes('\xa1\xe4'), 'กไ'],
  ['ISO_IR 203', bytes('\xa4'), '€'],
  ['ISO_IR 13', bytes('\xd4\xcf\xc0\xde'), 'ﾔﾏﾀﾞ'],
  ['GBK', bytes('\xcd\xf5'), '王'],
];
for (const [set, value, text] of SINGLE_BYTE) {
  test(`one value of ${set}`, () => assert.equal(decodeText(value, 'LO', [set]), text));
}

test('a trail byte 5C is half a character, not a delimiter of values', () => {
  for (const set of ['GB18030', 'GBK']) assert.equal(decodeText(bytes('\x81\x5c\\\xcd\xf5'), 'LO', [set]), '乗\\王');
});

test('both areas go back to the first set behind a backslash, and behind ^ and = in person names only', () => {
  const set = ['ISO 2022 IR 100', 'ISO 2022 IR 144'];
  assert.equal(decodeText(bytes('\x1b-L\xbb\\\xfc'), 'LO', set), 'Л\\ü');
  assert.equal(decodeText(bytes('\x1b-L\xbb^\xfc'), 'LO', set), 'Л^ќ');
  assert.equal(decodeText(bytes('\x1b-L\xbb\r\n\xfc'), 'LT', set), 'Л\r\nü');
});

test('the end of a line ends a set of pairs that was not switched back', () => {
  assert.equal(decodeText(bytes('\x1b$B;3\r\nABCD'), 'LT', ['', 'ISO 2022 IR 87']), '山\r\nABCD');
});

test('misspelt terms are understood, unknown ones are taken for ISO-IR 100, and so is a missing one', () => {
  assert.equal(decodeText(bytes('\xbb'), 'LO', ['ISO-IR 144']), 'Л');
  assert.equal(decodeText(Buffer.from('ü'), 'LO', ['UTF-8']), 'ü');
  assert.equal(decodeText(bytes('\xfc'), 'LO', ['KLINGON']), 'ü');
  assert.equal(decodeText(bytes('\xfc'), 'LO', []), 'ü');
});

test('bytes that the set lacks become replacement characters', () => {
  assert.equal(decodeText(bytes('A\xff\xfeB'), 'LO', ['ISO_IR 192']), 'A\ufffd\ufffdB');
});

test('padding goes from each value; leading spaces stay in texts, and a text is one value', () => {
  assert.equal(decodeText(bytes(' A \\ B\0'), 'LO', []), 'A\\B');
  assert.equal(decodeText(bytes(' A \\ B '), 'LT', []), ' A \\ B');
  assert.equal(decodeText(bytes('1.2.3\0\0'), 'UI', []), '1.2.3');
  assert.equal(decodeText(bytes('1.2.3  '), 'UI', []), '1.2.3');
  assert.equal(decodeText(bytes('ORIGINAL\\PRIMARY '), 'CS', ['ISO_IR 192']), 'ORIGINAL\\PRIMARY');
  assert.equal(decodeText(bytes(' 12 \\-3'), 'IS', []), '12\\-3');
});

test('binary numbers become decimal text, tags 8 hex digits, bulk data nothing', () => {
  const hex = (text: string): Buffer => Buffer.from(text, 'hex');
  assert.equal(decodeText(hex('0100ffff'), 'US', []), '1\\65535');
  assert.equal(decodeText(hex('ffff'), 'SS', []), '-1');
  assert.equal(decodeText(hex('ffffffff'), 'UL', []), '4294967295');
  assert.equal(decodeText(hex('feffffff'), 'SL', []), '-2');
  assert.equal(decodeText(hex('ffffffffffffffff'), 'UV', []), '18446744073709551615');
  assert.equal(decodeText(hex('ffffffffffffffff'), 'SV', []), '-1');
  assert.equal(decodeText(hex('0000c03f'), 'FL', []), '1.5');
  assert.equal(decodeText(hex('000000000000f83f'), 'FD', []), '1.5');
  assert.equal(decodeText(hex('08001800'), 'AT', []), '00080018');
  assert.equal(decodeText(hex('010002'), 'US', []), '1');
  assert.equal(decodeText(hex('01020304'), 'OW', []), '');
});

test('20,000 random values of random sets never throw, and nothing is lost in plain ASCII', () => {
  const random = seededRandom(7);
  const sets = [
    '',
    'ISO 2022 IR 87',
    'ISO 2022 IR 149',
    'ISO_IR 192',
    'GB18030',
    'ISO 2022 IR 13',
    'ISO 2022 IR 159',
    'ISO 2022 IR 58',
    'ISO_IR 100',
  ];
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  for (let round = 0; round < 20_000; round++) {
    const set = Array.from({ length: Math.floor(random() * 4) }, () => pick(sets));
    const value = Buffer.from(
      Array.from({ length: Math.floor(random() * 30) }, () => (random() < 0.2 ? 0x1b : Math.floor(random() * 256))),
    );
    decodeText(value, pick(['PN', 'LO', 'LT', 'UN', 'US', 'AT', 'UI', 'XX']), set);
    assert.equal(decodeText(bytes(`x${round}`), 'SH', set), `x${round}`);
  }
});
