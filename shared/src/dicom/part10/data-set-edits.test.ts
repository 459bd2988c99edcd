// Elements changed in memory, at any depth, in every layout; and the record of it in the Original Attributes Sequence.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { DataSetEdits } from './data-set-edits.ts';
import { type DescribedElement, randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { type ElementEncoding, EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import { withOriginalAttributes } from './original-attributes.ts';

const LAYOUTS: [string, ElementEncoding][] = [
  ['implicit', IMPLICIT_LITTLE],
  ['explicit', EXPLICIT_LITTLE],
  ['big endian', EXPLICIT_BIG],
];
const text = (tag: number, vr: string, value: string): DescribedElement => ({ tag, vr, value: Buffer.from(value, 'latin1') });
const number16 = (tag: number, value: number): DescribedElement => ({ tag, vr: 'US', value: Buffer.from([value & 0xff, value >> 8]) });

function editsOf(elements: readonly DescribedElement[], encoding: ElementEncoding): DataSetEdits {
  return new DataSetEdits(new Map(elements.map((element) => [element.tag, writeDataSet([element], encoding)])), encoding);
}
/** Each tag's bytes after the changes; undefined: gone. */
const after = (edits: DataSetEdits) => new Map(edits.changes().map((change) => [change.tag, change.after]));
const written = (element: DescribedElement, encoding: ElementEncoding): Buffer => writeDataSet([element], encoding);

const CODE = (open: boolean, ...elements: DescribedElement[]): DescribedElement => ({
  tag: 0x00321064,
  vr: 'SQ',
  open,
  items: [{ open, elements }, { elements: [text(0x00080100, 'SH', 'OTHER ')] }],
});

for (const [name, encoding] of LAYOUTS)
  describe(`edits in ${name}`, () => {
    test('set writes the VR of the standard, padded; numbers in the byte order of the data set', () => {
      const edits = editsOf([text(0x00080080, 'LO', 'Old ')], encoding);
      edits.set([0x00080080], 'MS4');
      edits.set([0x00100010], 'Roe^Jane');
      edits.set([0x0020000d], '1.2.3');
      edits.set([0x00189073], '1.5');
      edits.set([0x00080115], '');
      assert.deepEqual(after(edits).get(0x00080080), written(text(0x00080080, 'LO', 'MS4 '), encoding));
      assert.deepEqual(after(edits).get(0x00100010), written(text(0x00100010, 'PN', 'Roe^Jane'), encoding));
      assert.deepEqual(after(edits).get(0x0020000d), written(text(0x0020000d, 'UI', '1.2.3\0'), encoding));
      const duration = Buffer.alloc(8);
      duration.writeDoubleLE(1.5);
      assert.deepEqual(after(edits).get(0x00189073), written({ tag: 0x00189073, vr: 'FD', value: duration }, encoding));
      assert.equal(edits.text([0x00189073]), '1.5');
    });

    test('what says the same already stays byte for byte', () => {
      const edits = editsOf([text(0x00080080, 'LO', ' MS44   ')], encoding);
      edits.set([0x00080080], 'MS44');
      assert.deepEqual(edits.changes(), []);
      edits.remove([0x00080081]);
      assert.deepEqual(edits.changes(), []);
    });

    for (const open of [false, true])
      test(`inside the first item of ${open ? 'an open' : 'a'} sequence an element is set, inserted and removed; the second item stays`, () => {
        const edits = editsOf([CODE(open, text(0x00080100, 'SH', 'OLD1'), number16(0x00280010, 7))], encoding);
        assert.equal(edits.text([0x00321064, 0x00080100]), 'OLD1');
        edits.set([0x00321064, 0x00080100], 'NEW');
        edits.set([0x00321064, 0x00080104], 'Chest');
        edits.remove([0x00321064, 0x00280010]);
        const expected = CODE(open, text(0x00080100, 'SH', 'NEW '), text(0x00080104, 'LO', 'Chest '));
        assert.deepEqual(after(edits).get(0x00321064), written(expected, encoding));
      });

    test('a sequence that is missing, or has no item, is made for what is set, and not for what is removed', () => {
      const one = (items: DescribedElement['items']): DescribedElement => ({ tag: 0x00321064, vr: 'SQ', items });
      for (const standing of [[], [one([])]]) {
        const edits = editsOf(standing, encoding);
        edits.remove([0x00321064, 0x00080104]);
        assert.deepEqual(edits.changes(), []);
        edits.set([0x00321064, 0x00080100], 'NEW');
        assert.deepEqual(after(edits).get(0x00321064), written(one([{ elements: [text(0x00080100, 'SH', 'NEW ')] }]), encoding));
      }
    });

    test('a group length inside an item is made true', () => {
      const length = (bytes: number): DescribedElement => ({ tag: 0x00080000, vr: 'UL', value: Buffer.from([bytes, 0, 0, 0]) });
      const edits = editsOf([CODE(false, length(12), text(0x00080100, 'SH', 'OLD1'))], encoding);
      edits.set([0x00321064, 0x00080100], 'LONGER');
      assert.deepEqual(after(edits).get(0x00321064), written(CODE(false, length(14), text(0x00080100, 'SH', 'LONGER')), encoding));
    });

    test('the character set of the item, of the data set, or none decides how a value is read and written', () => {
      const edits = editsOf(
        [text(0x00080005, 'CS', 'ISO_IR 100'), CODE(true, text(0x00080005, 'CS', 'ISO_IR 192'), text(0x00080104, 'LO', '\xc3\xbc'))],
        encoding,
      );
      assert.equal(edits.text([0x00321064, 0x00080104]), 'ü');
      edits.set([0x00321064, 0x00080104], 'öö');
      edits.set([0x00080080], 'Köln');
      assert.deepEqual(after(edits).get(0x00080080), written(text(0x00080080, 'LO', 'K\xf6ln'), encoding));
      assert.equal(edits.text([0x00321064, 0x00080104]), 'öö');
      assert.throws(() => edits.set([0x00080080], 'Люк'), /character set of the data set \(ISO_IR 100\)/);
    });

    test('a change that is made again on what it made changes nothing', () => {
      const edits = editsOf([CODE(true, text(0x00080100, 'SH', 'OLD1'))], encoding);
      edits.set([0x00321064, 0x00080100], 'NEW');
      const again = new DataSetEdits(new Map([[0x00321064, after(edits).get(0x00321064)!]]), encoding);
      again.set([0x00321064, 0x00080100], 'NEW');
      assert.deepEqual(again.changes(), []);
    });

    test('a private element is set only in a block that a creator reserves, and with a VR that is known', () => {
      const edits = editsOf([text(0x00090010, 'LO', 'ACME'), text(0x00091010, 'LO', 'old '), text(0x00191010, 'LO', 'old ')], encoding);
      assert.throws(() => edits.set([0x00091011], 'new'), /VR is not known/);
      if (encoding.explicit) {
        edits.set([0x00091010], 'new');
        assert.deepEqual(after(edits).get(0x00091010), written(text(0x00091010, 'LO', 'new '), encoding));
        assert.throws(() => edits.set([0x00191010], 'new'), /no private creator/);
      }
      edits.remove([0x00191010]);
      assert.equal(after(edits).get(0x00191010), undefined);
    });

    test('the item of Original Attributes has what changed as it was, and says who, when and why', () => {
      const institution = text(0x00080080, 'LO', ' Old');
      const creator = text(0x00090010, 'LO', 'ACME');
      const own = text(0x00091010, 'LO', 'private ');
      const edits = editsOf([institution, creator, own], encoding);
      edits.set([0x00080080], 'MS44');
      edits.set([0x00100021], 'NORTH');
      edits.remove([0x00091010]);
      const modification = {
        ...{ changes: edits.changes(), creators: [written(creator, encoding)], at: '2026-01-31T23:59:59.120Z' },
        ...{ system: 'CAUSEWAY', source: 'OLD_CT', specificCharacterSet: [] },
      };
      const previous = [institution, creator, own, text(0x00100021, 'LO', '')];
      const item = (source: string) => ({
        elements: [
          { tag: 0x04000550, vr: 'SQ', items: [{ elements: previous }] },
          text(0x04000562, 'DT', '20260131235959.120+0000 '),
          text(0x04000563, 'LO', 'CAUSEWAY'),
          text(0x04000564, 'LO', source),
          text(0x04000565, 'CS', 'COERCE'),
        ],
      });
      const sequence = (open: boolean, ...items: NonNullable<DescribedElement['items']>): DescribedElement => ({
        tag: 0x04000561,
        vr: 'SQ',
        open,
        items,
      });
      assert.deepEqual(withOriginalAttributes(undefined, modification, encoding), written(sequence(false, item('OLD_CT')), encoding));
      for (const open of [false, true]) {
        const earlier = written(sequence(open, { open: true, elements: [text(0x04000563, 'LO', 'OTHER ')] }), encoding);
        const expected = sequence(open, { open: true, elements: [text(0x04000563, 'LO', 'OTHER ')] }, item(''));
        const extended = withOriginalAttributes(earlier, { ...modification, source: 'ÄÖ' }, encoding);
        assert.deepEqual(extended, written(expected, encoding));
      }
    });
  });

test('a sequence that is written as UN is read, and refused to be changed', () => {
  const inside = writeDataSet([text(0x00080100, 'SH', 'CODE')], IMPLICIT_LITTLE);
  const value = Buffer.concat([Buffer.from('feff00e0', 'hex'), Buffer.from([inside.length, 0, 0, 0]), inside]);
  const edits = editsOf([{ tag: 0x00321064, vr: 'UN', value }], EXPLICIT_LITTLE);
  assert.equal(edits.text([0x00321064, 0x00080100]), 'CODE');
  assert.throws(() => edits.set([0x00321064, 0x00080100], 'NEW'), /written as UN/);
});

test('2,000 random elements with bytes broken at random are read, changed, or refused with an error of ours', () => {
  const random = seededRandom(5);
  const outcomes = { changed: 0, refused: 0 };
  for (let round = 0; round < 2000; round++) {
    const [, encoding] = LAYOUTS[round % 3]!;
    const elements = randomDataSet(random).map((element) => [element.tag, written(element, encoding)] as const);
    for (const [, bytes] of elements)
      if (random() < 0.5 && bytes.length > 0) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
    const edits = new DataSetEdits(new Map(elements), encoding);
    for (const [tag] of elements)
      try {
        edits.text([tag]);
        edits.set([tag, 0x00080100], 'X');
        edits.remove([tag, 0x00100010]);
        outcomes.changed += 1;
      } catch (error) {
        assert.ok(['UnfitValue', 'DicomParseError'].includes((error as Error).name), String(error));
        outcomes.refused += 1;
      }
  }
  assert.ok(outcomes.changed > 100 && outcomes.refused > 100, JSON.stringify(outcomes));
});
