// Data sets as senders really write them: a scan goes on where the meaning is plain.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DescribedElement, writeDataSet } from './data-set-for-tests.ts';
import { type DataSetScan, DataSetScanner } from './data-set-scanner.ts';
import { EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';

const IMPLICIT = '1.2.840.10008.1.2';
const EXPLICIT = '1.2.840.10008.1.2.1';

function scan(bytes: Buffer, options: { transferSyntaxUid?: string; wanted: string[] }): DataSetScan {
  const scanner = new DataSetScanner({ transferSyntaxUid: EXPLICIT, ...options });
  scanner.write(bytes);
  return scanner.end() as DataSetScan;
}

const one = (tag: number, vr: string, text: string): DescribedElement => ({ tag, vr, value: Buffer.from(text) });
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('an element that is wanted as a sequence but holds something else is passed over', () => {
  const bytes = writeDataSet([one(0x00091010, 'UN', 'no sequence here'), one(0x00100020, 'LO', 'ID')], IMPLICIT_LITTLE);
  const found = scan(bytes, { transferSyntaxUid: IMPLICIT, wanted: ['0009101000091011', '00100020'] });
  assert.deepEqual([found.values.has('0009101000091011'), found.values.get('00100020')?.toString()], [false, 'ID']);
});

test('so is one that is too short to hold an item', () => {
  const bytes = writeDataSet([one(0x00091010, 'UN', 'tiny'), one(0x00100020, 'LO', 'ID')], EXPLICIT_LITTLE);
  assert.equal(
    scan(bytes, { wanted: ['0009101000091011', '00100020'] })
      .values.get('00100020')
      ?.toString(),
    'ID',
  );
});

test('delimiters at the end of an item and a sequence that have a length are passed over', () => {
  const item = Buffer.concat([writeDataSet([one(0x00080100, 'SH', 'CODE')], EXPLICIT_LITTLE), hex('feff0de0 00000000')]);
  const itemHeader = hex('feff00e0 00000000');
  itemHeader.writeUInt32LE(item.length, 4);
  const value = Buffer.concat([itemHeader, item, hex('feffdde0 00000000'), itemHeader, item]);
  const bytes = Buffer.concat([
    writeDataSet([{ tag: 0x00321064, vr: 'SQ', items: [] }], EXPLICIT_LITTLE),
    value,
    writeDataSet([one(0x00400007, 'LO', 'STEP')], EXPLICIT_LITTLE),
  ]);
  bytes.writeUInt32LE(value.length, 8);
  const found = scan(bytes, { wanted: ['0032106400080100', '00400007'] });
  assert.deepEqual(
    found.elements.map(({ tag }) => tag),
    [0x00321064, 0x00400007],
  );
  assert.equal(found.values.get('0032106400080100')?.toString(), 'CODE');
  assert.equal(found.values.get('00400007')?.toString(), 'STEP');
});

test('what only the second item has is not found, whether items have a length or not', () => {
  for (const open of [true, false]) {
    const items = [
      { open, elements: [one(0x00080100, 'SH', 'A ')] },
      { open, elements: [one(0x00080104, 'LO', 'SECOND')] },
    ];
    const bytes = writeDataSet([{ tag: 0x00321064, vr: 'SQ', open, items }], EXPLICIT_LITTLE);
    assert.deepEqual([...scan(bytes, { wanted: ['0032106400080104', '0032106400080100'] }).values.keys()], ['0032106400080100']);
  }
});
