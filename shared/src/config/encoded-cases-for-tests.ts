// For tests: bytes of data sets in, endpoints of a hub out: character sets, padding, case, several values, items, byte layouts.
import type { DescribedElement } from '../dicom/part10/data-set-for-tests.ts';
import { BIG_ENDIAN, IMPLICIT } from './encoded-decision-for-tests.ts';
import { parseGatewayDocument } from './gateway-document.ts';

const bytes = (escaped: string): Buffer => Buffer.from(escaped.length % 2 === 0 ? escaped : `${escaped} `, 'latin1');
const utf8 = (text: string): Buffer => bytes(Buffer.from(text).toString('latin1'));

const hub = (id: string, mappingTag: string) => ({
  id,
  model: 'hub',
  match: [{ calledAe: id.toUpperCase() }],
  mappingTag,
  destinations: ['cloud'],
});
const HUBS = ['plain', 'item', 'deep', 'number', 'private', 'text'];
/** Each value is a rule of every hub. */
const site = (id: string, value: string, match = 'exact') => ({
  id,
  model: 'endpoint',
  rules: HUBS.map((at) => ({ hub: at, match, value })),
  destinations: ['cloud'],
});
const VALUES: Record<string, string> = {
  ms44: 'MS44',
  koeln: 'Krankenhaus Köln',
  lodz: 'Wîgry ąćę',
  luxembourg: 'Люкембург',
  arabic: 'قباني',
  greek: 'Διονυσιος',
  hebrew: 'שרון',
  turkish: 'Çavuşoğlu',
  thai: 'กไ',
  euro: 'Haus €',
  katakana: 'ﾔﾏﾀﾞ',
  xiaodong: '王小东',
  taipei: '王小東醫院',
  fourbyte: '乗\u{20000}',
  yamada: '山田病院',
  seoul: '서울병원',
  wangfu: '王府医院',
  mixed: 'Müller Люк ü',
  backslash: '乗 王',
  ward: '12',
  rows: '512',
  star: 'Station*7',
};
export const encodedDocument = parseGatewayDocument({
  facilities: [
    hub('plain', 'InstitutionName'),
    hub('item', '00321064.00080104'),
    hub('deep', '00400275.00321064.00080104'),
    hub('number', 'Rows'),
    hub('private', '(0009,1010)'),
    hub('text', 'InstitutionAddress'),
    ...Object.entries(VALUES).map(([id, value]) => site(id, value)),
    site('any-case', 'ЛЮКЕМБУРГ', 'ignore-case'),
    site('any-koeln', 'KRANKENHAUS KÖLN', 'ignore-case'),
    site('hospital', '*病院', 'wildcard'),
    site('street', 'Am Süd(bad|see)( \\d+)?', 'regex'),
  ],
  destinations: [{ id: 'cloud', kind: 'stow', url: 'https://cloud.example.org/dicom-web' }],
});

export interface EncodedCase {
  /** (0008,0005) as written; undefined: it is not there. */
  readonly set?: string;
  readonly elements: readonly DescribedElement[];
  /** Called AE title of the hub [PLAIN]. */
  readonly to?: string;
  /** Transfer syntax [explicit VR little endian]. */
  readonly syntax?: string;
  /** Ids of the endpoints that get it; none: it waits. */
  readonly endpoints: string;
}

const INSTITUTION = 0x00080080;
const name = (value: Buffer): DescribedElement[] => [{ tag: INSTITUTION, vr: 'LO', value }];
const plain = (set: string | undefined, escaped: string, endpoints: string): EncodedCase => ({
  set,
  elements: name(bytes(escaped)),
  endpoints,
});
const unicode = (text: string, endpoints: string): EncodedCase => ({ set: 'ISO_IR 192', elements: name(utf8(text)), endpoints });

const CODE_MEANING = 0x00080104;
const coded = (value: Buffer, set?: string): readonly DescribedElement[] => [
  ...(set === undefined ? [] : [{ tag: 0x00080005, vr: 'CS', value: bytes(set) }]),
  { tag: CODE_MEANING, vr: 'LO', value },
];
const items = (...elements: (readonly DescribedElement[])[]): DescribedElement => ({
  tag: 0x00321064,
  vr: 'SQ',
  items: elements.map((of) => ({ elements: of })),
});
const open = (element: DescribedElement): DescribedElement => ({
  ...element,
  open: true,
  items: element.items!.map((item) => ({ ...item, open: true })),
});
const requests = (...inner: DescribedElement[]): DescribedElement => ({ tag: 0x00400275, vr: 'SQ', items: [{ elements: inner }] });

const LUXEMBOURG = '\xbb\xee\xda\xd5\xdc\xd1\xe3\xe0\xd3';

export const encodedCases: [title: string, encoded: EncodedCase][] = [
  ['ASCII without a character set', plain(undefined, 'MS44', 'ms44')],
  ['ISO_IR 100', plain('ISO_IR 100', 'Krankenhaus K\xf6ln', 'koeln any-koeln')],
  ['ISO_IR 101', plain('ISO_IR 101', 'W\xeegry \xb1\xe6\xea', 'lodz')],
  ['ISO_IR 144', plain('ISO_IR 144', LUXEMBOURG, 'luxembourg any-case')],
  ['ISO_IR 127', plain('ISO_IR 127', '\xe2\xc8\xc7\xe6\xea', 'arabic')],
  ['ISO_IR 126', plain('ISO_IR 126', '\xc4\xe9\xef\xed\xf5\xf3\xe9\xef\xf2', 'greek')],
  ['ISO_IR 138', plain('ISO_IR 138', '\xf9\xf8\xe5\xef', 'hebrew')],
  ['ISO_IR 148', plain('ISO_IR 148', '\xc7avu\xfeo\xf0lu', 'turkish')],
  ['ISO_IR 166', plain('ISO_IR 166', '\xa1\xe4', 'thai')],
  ['ISO_IR 203', plain('ISO_IR 203', 'Haus \xa4', 'euro')],
  ['ISO_IR 13', plain('ISO_IR 13', '\xd4\xcf\xc0\xde', 'katakana')],
  ['ISO_IR 192', unicode('Krankenhaus Köln', 'koeln any-koeln')],
  ['ISO_IR 192 with decomposed accents', unicode('Krankenhaus Ko\u0308ln', 'koeln any-koeln')],
  ['ISO_IR 192 in Chinese', unicode('王小東醫院', 'taipei')],
  ['ISO_IR 192 beyond the basic plane', unicode('乗\u{20000}', 'fourbyte')],
  ['GB18030', plain('GB18030', '\xcd\xf5\xd0\xa1\xb6\xab', 'xiaodong')],
  ['GBK', plain('GBK', '\xcd\xf5\xd0\xa1\xb6\xab', 'xiaodong')],
  ['GB18030 with a trail byte 5C, which delimits nothing', plain('GB18030', '\x81\x5c \xcd\xf5', 'backslash')],
  ['ISO 2022 IR 87', plain('\\ISO 2022 IR 87', '\x1b$B;3EDIB1!\x1b(B', 'yamada hospital')],
  ['ISO 2022 IR 87 with ASCII around it', plain('\\ISO 2022 IR 87', 'A \x1b$BIB1!\x1b(B', 'hospital')],
  ['ISO 2022 IR 13 and 87', plain('ISO 2022 IR 13\\ISO 2022 IR 87', '\x1b$B;3EDIB1!\x1b(J', 'yamada hospital')],
  ['ISO 2022 IR 149', plain('\\ISO 2022 IR 149', '\x1b$)C\xbc\xad\xbf\xef\xba\xb4\xbf\xf8', 'seoul')],
  ['ISO 2022 IR 149 of senders that never escape', plain('\\ISO 2022 IR 149', '\xbc\xad\xbf\xef\xba\xb4\xbf\xf8', 'seoul')],
  ['ISO 2022 IR 58', plain('\\ISO 2022 IR 58', '\x1b$)A\xcd\xf5\xb8\xae\xd2\xbd\xd4\xba', 'wangfu')],
  ['ISO 2022 IR 100 and 144, switched', plain('ISO 2022 IR 100\\ISO 2022 IR 144', 'M\xfcller \x1b-L\xbb\xee\xda \x1b-A\xfc', 'mixed')],
  ['a misspelt term', plain('ISO-IR 144', LUXEMBOURG, 'luxembourg any-case')],
  ['no character set, and bytes of ISO_IR 100', plain(undefined, 'Krankenhaus K\xf6ln', 'koeln any-koeln')],
  ['UTF-8 that says ISO_IR 100 is another value', { set: 'ISO_IR 100', elements: name(utf8('Krankenhaus Köln')), endpoints: '' }],
  ['ISO_IR 100 that says UTF-8 is another value', plain('ISO_IR 192', 'Krankenhaus K\xf6ln', '')],
  ['Cyrillic bytes that say ISO_IR 100 are another value', plain('ISO_IR 100', LUXEMBOURG, '')],
  ['Cyrillic capitals fit ignoring case only', plain('ISO_IR 144', '\xbb\xce\xba\xb5\xbc\xb1\xc3\xc0\xb3', 'any-case')],
  ['Latin capitals fit ignoring case only', plain('ISO_IR 100', 'KRANKENHAUS K\xd6LN', 'any-koeln')],

  ['padded with spaces', plain(undefined, 'MS44    ', 'ms44')],
  ['padded with NUL', plain(undefined, 'MS44\0\0', 'ms44')],
  ['with leading spaces', plain(undefined, '  MS44', 'ms44')],
  ['padded in UTF-8', unicode('Krankenhaus Köln   ', 'koeln any-koeln')],
  ['only padding', plain(undefined, '    ', '')],
  ['empty', plain(undefined, '', '')],
  ['absent', { elements: [], endpoints: '' }],
  ['capitals count', plain(undefined, 'ms44', '')],
  ['several values, one of them padded', plain(undefined, 'MS99\\MS44 \\MS45', 'ms44')],
  [
    'several values in two scripts',
    { set: 'ISO_IR 192', elements: name(utf8('王小东\\Люкембург')), endpoints: 'luxembourg xiaodong any-case' },
  ],
  ['a star in a value is a star', plain(undefined, 'Station*7', 'star')],
  ['a star in a value stands for nothing else', plain(undefined, 'Station 7', '')],
  ['longer than what is kept of a value', plain(undefined, `MS44${'x'.repeat(4000)}`, '')],
  ['padding longer than what is kept of a value', plain(undefined, `MS44${' '.repeat(4000)}`, 'ms44')],

  ['in an item', { to: 'ITEM', elements: [items(coded(bytes('MS44')))], endpoints: 'ms44' }],
  ['in an item of undefined length', { to: 'ITEM', elements: [open(items(coded(bytes('MS44'))))], endpoints: 'ms44' }],
  ['in the second item, which nobody asks', { to: 'ITEM', elements: [items(coded(bytes('MS99')), coded(bytes('MS44')))], endpoints: '' }],
  ['in a sequence without items', { to: 'ITEM', elements: [items()], endpoints: '' }],
  ['beside the item', { to: 'ITEM', elements: [{ tag: CODE_MEANING, vr: 'LO', value: bytes('MS44') }], endpoints: '' }],
  [
    'in an item with a set of its own',
    { to: 'ITEM', set: 'ISO_IR 100', elements: [items(coded(bytes(LUXEMBOURG), 'ISO_IR 144'))], endpoints: 'luxembourg any-case' },
  ],
  [
    'in an item, by the set of the data set',
    { to: 'ITEM', set: 'GB18030', elements: [items(coded(bytes('\xcd\xf5\xd0\xa1\xb6\xab')))], endpoints: 'xiaodong' },
  ],
  ['two items deep', { to: 'DEEP', elements: [requests(items(coded(bytes('MS44'))))], endpoints: 'ms44' }],
  [
    'two items deep, by the set of the nearest item',
    { to: 'DEEP', set: 'ISO_IR 100', elements: [requests(items(coded(utf8('王小东'), 'ISO_IR 192')))], endpoints: 'xiaodong' },
  ],
  ['one item deep instead of two', { to: 'DEEP', elements: [items(coded(bytes('MS44')))], endpoints: '' }],

  ['implicit VR', { ...plain('ISO_IR 144', LUXEMBOURG, 'luxembourg any-case'), syntax: IMPLICIT }],
  ['implicit VR, in an item', { to: 'ITEM', syntax: IMPLICIT, elements: [items(coded(bytes('MS44')))], endpoints: 'ms44' }],
  ['big endian', { ...plain('GB18030', '\xcd\xf5\xd0\xa1\xb6\xab', 'xiaodong'), syntax: BIG_ENDIAN }],
  ['big endian, two items deep', { to: 'DEEP', syntax: BIG_ENDIAN, elements: [requests(items(coded(bytes('MS44'))))], endpoints: 'ms44' }],
  ['a binary number', { to: 'NUMBER', elements: [{ tag: 0x00280010, vr: 'US', value: Buffer.from([0, 2]) }], endpoints: 'rows' }],
  [
    'a binary number, big endian',
    { to: 'NUMBER', syntax: BIG_ENDIAN, elements: [{ tag: 0x00280010, vr: 'US', value: Buffer.from([0, 2]) }], endpoints: 'rows' },
  ],
  [
    'a private attribute',
    {
      to: 'PRIVATE',
      elements: [
        { tag: 0x00090010, vr: 'LO', value: bytes('MAKER ') },
        { tag: 0x00091010, vr: 'SH', value: bytes('12') },
      ],
      endpoints: 'ward',
    },
  ],
  [
    'a private attribute of unknown VR',
    {
      to: 'PRIVATE',
      set: 'ISO_IR 144',
      elements: [{ tag: 0x00091010, vr: 'UN', value: bytes(LUXEMBOURG) }],
      endpoints: 'luxembourg any-case',
    },
  ],
  [
    'a text of one value, by expression',
    { to: 'TEXT', set: 'ISO_IR 100', elements: [{ tag: 0x00080081, vr: 'ST', value: bytes('Am S\xfcdsee 12') }], endpoints: 'street' },
  ],
  [
    'a text of one value that goes on',
    { to: 'TEXT', set: 'ISO_IR 100', elements: [{ tag: 0x00080081, vr: 'ST', value: bytes('Am S\xfcdsee 12, B') }], endpoints: '' },
  ],
];
