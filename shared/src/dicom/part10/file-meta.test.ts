// Group 2 written and read back, of others' making, damaged, and in pieces.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { EXPLICIT_LITTLE } from './element-header.ts';
import { encodeFileMeta, type FileMeta, parseFileMeta, readFileMeta } from './file-meta.ts';
import { DicomParseError } from './parse-error.ts';

const UIDS = { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3', transferSyntaxUid: '1.2.840.10008.1.2.1' };
const META: FileMeta = {
  ...UIDS,
  sourceAe: 'CT1',
  sendingAe: 'CT1',
  receivingAe: 'GATEWAY',
  sourceAddress: '10.1.2.3',
  sendingAddress: '10.1.2.3',
  receivingAddress: '10.1.2.4',
  privateInformationCreatorUid: '1.2.3.4',
  privateInformation: Buffer.from('info'),
};
const group2 = (elements: [number, string, string][]): Buffer =>
  Buffer.concat([
    Buffer.alloc(128),
    Buffer.from('DICM'),
    writeDataSet(
      elements.map(([tag, vr, text]) => ({ tag, vr, value: Buffer.from(text, 'latin1') })),
      EXPLICIT_LITTLE,
    ),
  ]);
const REQUIRED: [number, string, string][] = [
  [0x00020002, 'UI', '1.2\0'],
  [0x00020003, 'UI', '1.2.3\0'],
  [0x00020010, 'UI', '1.2.840.10008.1.2\0'],
];
const ul = (length: number): string => String.fromCharCode(length & 0xff, length >> 8, 0, 0);

test('what is written is read back, and the data set begins behind it', () => {
  const bytes = encodeFileMeta(META);
  assert.deepEqual(parseFileMeta(bytes), { meta: META, dataSetOffset: bytes.length });
  assert.deepEqual(parseFileMeta(Buffer.concat([encodeFileMeta(UIDS), Buffer.alloc(50)])), {
    meta: UIDS,
    dataSetOffset: encodeFileMeta(UIDS).length,
  });
});

test('preamble, prefix, group length, version and implementation stand where PS3.10 section 7.1 puts them', () => {
  const bytes = encodeFileMeta(UIDS);
  assert.ok(bytes.subarray(0, 128).every((byte) => byte === 0));
  assert.equal(bytes.toString('latin1', 128, 132), 'DICM');
  assert.deepEqual(bytes.subarray(132, 140), Buffer.from('02000000554c0400', 'hex'));
  assert.equal(bytes.readUInt32LE(140), bytes.length - 144);
  assert.deepEqual(bytes.subarray(144, 158), Buffer.from('020001004f4200000200000000 01'.replaceAll(' ', ''), 'hex'));
  assert.match(bytes.toString('latin1'), /UI..2\.25\.\d+.*SH..CAUSEWAY/s);
  assert.equal(bytes.length % 2, 0);
});

test('an AE title from the network cannot break its element: 16 characters, and none that AE forbids', () => {
  const { meta } = parseFileMeta(
    encodeFileMeta({ ...UIDS, sourceAe: 'A\\B\u0000\n\u00e4', sendingAe: '12345678901234567890', receivingAe: '  ' }),
  )!;
  assert.deepEqual([meta.sourceAe, meta.sendingAe, meta.receivingAe], ['A_B___', '1234567890123456', undefined]);
});

test('a stray group 2 at the start of the data set is left to the data set', () => {
  const bytes = encodeFileMeta(UIDS);
  const read = parseFileMeta(Buffer.concat([bytes, group2(REQUIRED).subarray(132)]));
  assert.equal(read?.dataSetOffset, bytes.length);
});

test('a missing or wrong group length is made up for by the first other group', () => {
  const rest = Buffer.from('0800050043530000', 'hex');
  for (const lengths of [[], [[0x00020000, 'UL', ul(5)]], [[0x00020000, 'UL', ul(9999)]]] as [number, string, string][][]) {
    const bytes = group2([...lengths, ...REQUIRED]);
    assert.equal(parseFileMeta(Buffer.concat([bytes, rest]))?.dataSetOffset, bytes.length);
  }
});

test('every shorter head asks for more', () => {
  const bytes = encodeFileMeta(META);
  for (let length = 0; length < bytes.length; length++) assert.equal(parseFileMeta(bytes.subarray(0, length)), undefined, `${length}`);
});

const REFUSED: [string, Buffer, RegExp][] = [
  ['no DICM prefix', Buffer.alloc(200), /no DICM prefix, at offset 128/],
  ['no transfer syntax', Buffer.concat([group2(REQUIRED.slice(0, 2)), Buffer.alloc(8)]), /lacks/],
  [
    'undefined length',
    Buffer.concat([group2([]), Buffer.from('020002014f420000ffffffff', 'hex')]),
    /undefined length in group 2.*\(0002,0102\)/,
  ],
  ['a value of 2 GB', Buffer.concat([group2([]), Buffer.from('020002014f420000ffffff7f', 'hex')]), /longer than 1048576 bytes/],
];
for (const [name, bytes, message] of REFUSED) {
  test(`group 2 with ${name} is refused`, () => assert.throws(() => parseFileMeta(bytes), { name: 'DicomParseError', message }));
}

test('a stream is read as far as needed and then destroyed', async () => {
  const bytes = encodeFileMeta(META);
  let given = 0;
  async function* pieces(): AsyncGenerator<Buffer> {
    for (let at = 0; ; at += 7) {
      given += 1;
      yield at < bytes.length ? bytes.subarray(at, at + 7) : Buffer.alloc(7);
    }
  }
  const source = Readable.from(pieces());
  const read = await readFileMeta(source);
  assert.deepEqual(read, { meta: META, dataSetOffset: bytes.length });
  assert.equal(source.destroyed, true);
  assert.ok(given <= bytes.length / 7 + 40);
  await assert.rejects(readFileMeta(Readable.from([bytes.subarray(0, 200)])), /file ends within group 2, at offset 200/);
});

test('5,000 mutated heads give a result, a wish for more, or a DicomParseError', () => {
  const random = seededRandom(99);
  const bytes = encodeFileMeta(META);
  for (let round = 0; round < 5_000; round++) {
    const mutated = Buffer.from(bytes);
    for (let flips = 0; flips < 3; flips++) mutated[128 + Math.floor(random() * (bytes.length - 128))] = Math.floor(random() * 256);
    try {
      const read = parseFileMeta(mutated);
      if (read !== undefined) assert.ok(read.dataSetOffset <= mutated.length && read.meta.transferSyntaxUid !== '');
    } catch (error) {
      assert.ok(error instanceof DicomParseError, String(error));
    }
  }
});
