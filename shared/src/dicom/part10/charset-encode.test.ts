// Text to bytes: the examples of PS3.5 Annexes H to K come out as the standard prints them, every set's characters survive the round trip.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SETS_BY_REGISTRATION } from './character-sets.ts';
import { decodeText } from './charset.ts';
import { encodeText } from './charset-encode.ts';
import { seededRandom } from './data-set-for-tests.ts';

const EXAMPLES: [name: string, set: string[], text: string, bytes: string][] = [
  ['France', ['ISO_IR 100'], 'Buc^Jérôme', 'Buc^J\xe9r\xf4me'],
  ['Germany', ['ISO_IR 100'], 'Äneas^Rüdiger', '\xc4neas^R\xfcdiger'],
  ['Russia', ['ISO_IR 144'], 'Люкceмбypг', '\xbb\xee\xdace\xdc\xd1yp\xd3'],
  ['Arabic', ['ISO_IR 127'], 'قباني^لنزار', '\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1'],
  ['Greek', ['ISO_IR 126'], 'Διονυσιος', '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2'],
  ['Hebrew', ['ISO_IR 138'], 'שרון^דבורה', '\xf9\xf8\xe5\xef^\xe3\xe1\xe5\xf8\xe4'],
  ['Thai', ['ISO_IR 166'], 'กไ', '\xa1\xe4'],
  [
    'H.3.1',
    ['', 'ISO 2022 IR 87'],
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
    'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B',
  ],
  [
    'H.3.2',
    ['ISO 2022 IR 13', 'ISO 2022 IR 87'],
    'ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう',
    '\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J',
  ],
  [
    'I.2',
    ['', 'ISO 2022 IR 149'],
    'Hong^Gildong=洪^吉洞=홍^길동',
    'Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf',
  ],
  ['J.4', ['GB18030'], 'Wang^XiaoDong=王^小东=', 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab='],
  ['GBK', ['GBK'], 'Wang^XiaoDong=王^小东=', 'Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab='],
  ['K.2', ['', 'ISO 2022 IR 58'], 'Zhang^XiaoDong=张^小东=', 'Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab='],
  ['several 8-bit sets', ['ISO 2022 IR 100', 'ISO 2022 IR 144'], 'Müller^Люк^ü', 'M\xfcller^\x1b-L\xbb\xee\xda^\xfc'],
  ['JIS X 0212', ['', 'ISO 2022 IR 87', 'ISO 2022 IR 159'], '丂^A', '\x1b$(D\x30\x21\x1b(B^A'],
  ['a line end sets back', ['', 'ISO 2022 IR 149'], '김\n희', '\x1b$)C\xb1\xe8\n\x1b$)C\xc8\xf1'],
];
for (const [name, set, text, bytes] of EXAMPLES)
  test(`${name}: ${text} is written as the standard has it`, () => {
    const written = encodeText(text, 'PN', set);
    assert.deepEqual(written, Buffer.from(bytes, 'latin1'));
    assert.equal(decodeText(written!, 'PN', set), text);
  });

test('UTF-8 takes everything, and ASCII fits every set, an unknown one too', () => {
  assert.deepEqual(encodeText('Wang^XiaoDong=王^小東=', 'PN', ['ISO_IR 192']), Buffer.from('Wang^XiaoDong=王^小東='));
  for (const set of [[], ['ISO_IR 6'], ['KLINGON'], ['GB18030'], ['', 'ISO 2022 IR 87']])
    assert.deepEqual(encodeText('MS44', 'LO', set), Buffer.from('MS44'));
});

test('what a set lacks is refused, never replaced', () => {
  for (const [text, set] of [
    ['ü', []],
    ['ü', ['']],
    ['ü', ['ISO_IR 6']],
    ['ü', ['KLINGON']],
    ['Л', ['ISO_IR 100']],
    ['€', ['ISO_IR 126']],
    ['€', ['ISO_IR 148']],
    ['€', ['ISO_IR 166']],
    ['ü', ['', 'ISO 2022 IR 149']],
    ['山', ['ISO_IR 13']],
    ['東', ['', 'ISO 2022 IR 58']],
    ['😀', ['GBK']],
  ] as [string, string[]][])
    assert.equal(encodeText(text, 'LO', set), undefined, `${text} in ${set}`);
});

test('a VR that the set does not govern takes ASCII only', () => {
  assert.equal(encodeText('ü', 'CS', ['ISO_IR 192']), undefined);
  assert.equal(encodeText('ü', 'UR', ['ISO_IR 192']), undefined);
});

test('accents that are written apart are composed for a set that has the composed letter only', () => {
  assert.deepEqual(encodeText('Ru\u0308diger', 'PN', ['ISO_IR 100']), Buffer.from('R\xfcdiger', 'latin1'));
});

test('GB18030 has every character: 20,000 random ones survive', () => {
  const random = seededRandom(3);
  for (let round = 0; round < 20_000; round++) {
    const point = Math.floor(random() * 0x10ffff);
    const text = String.fromCodePoint(point);
    // Surrogates are no characters; a few private ones WHATWG's decoder maps elsewhere; combining ones change what is before them.
    if (!/^[\p{L}\p{N}\p{S}]$/u.test(text) || text.normalize('NFC') !== text) continue;
    assert.equal(decodeText(encodeText(text, 'LO', ['GB18030'])!, 'LO', ['GB18030']), text, point.toString(16));
  }
});

test('whatever ISO 2022 writes is read again as it was: 5,000 random texts of random sets', () => {
  const random = seededRandom(4);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const alphabet = [...'aZ^=\\ öüéЛюкΔιשאกไﾔﾏ山田太郎やま洪吉길동张小东丂'];
  const terms = [...SETS_BY_REGISTRATION.keys()]
    .filter((registration) => registration !== 192)
    .map((registration) => `ISO 2022 IR ${registration}`);
  let written = 0;
  for (let round = 0; round < 5000; round++) {
    const set = [pick(['', ...terms]), ...Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(terms))];
    const text = `x${Array.from({ length: Math.floor(random() * 12) }, () => pick(alphabet)).join('')}x`.replace(/ *\\ */g, '\\');
    const bytes = encodeText(text, 'PN', set);
    if (bytes === undefined) continue;
    written += 1;
    assert.equal(decodeText(bytes, 'PN', set), text, JSON.stringify(set));
  }
  assert.ok(written > 1000, `${written} texts could be written`);
});
