// One attribute read from a stored object: by keyword and by path, in the character set of the item that it stands in.
import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { objectKey } from '@causeway/shared/brands';
import { writeDataSet } from '@causeway/shared/dicom/part10/data-set-for-tests';
import { EXPLICIT_LITTLE } from '@causeway/shared/dicom/part10/element-header';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { readAttribute } from './read-attribute.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const text = (tag: number, vr: string, value: string) => ({ tag, vr, value: Buffer.from(value, 'latin1') });

const item = { elements: [text(0x00080005, 'CS', 'ISO_IR 144'), text(0x00080104, 'LO', '\xbb\xee\xda ')] };
const dataSet = writeDataSet(
  [
    text(0x00080005, 'CS', 'ISO_IR 100'),
    text(0x00080080, 'LO', 'K\xf6ln  '),
    { tag: 0x00321064, vr: 'SQ', items: [item] },
    { tag: 0x00400275, vr: 'SQ', items: [{ elements: [text(0x00400007, 'LO', '\xfc ')] }] },
  ],
  EXPLICIT_LITTLE,
);
const bytes = Buffer.concat([encodeFileMeta({ sopClassUid: '1.2', sopInstanceUid: '1.2.3', transferSyntaxUid: EXPLICIT }), dataSet]);
const store = { get: async (_key, range) => Readable.from([bytes.subarray(range?.start ?? 0)]) } as Partial<ObjectStore> as ObjectStore;
const object = {
  objectKey: objectKey('received/2026/01/02/019b7d00-0000-7000-8000-000000000001.dcm'),
  size: bytes.length,
  digest: '',
  transferSyntaxUid: EXPLICIT,
};

for (const [name, expected] of [
  ['InstitutionName', 'Köln'],
  ['(0008,0080)', 'Köln'],
  ['00321064.00080104', 'Люк'],
  ['00400275.00400007', 'ü'],
  ['00321064.00080102', undefined],
  ['PatientID', undefined],
  ['NoSuchKeyword', undefined],
] as const)
  test(`${name} is ${expected ?? 'absent'}`, async () => assert.equal(await readAttribute(store, object, name), expected));
