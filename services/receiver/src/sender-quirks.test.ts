// Defects of data sets: refused with what to do about it, or let pass where the sender's are tolerated; then stored as they came, under the right identity.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { Logger } from '@causeway/shared/logger';
import { answerTo, CT, dataSet, element, SOP_INSTANCE, world } from './receiving-world-for-tests.ts';
import type { Defect } from './sender-quirks.ts';

const MR = '1.2.840.10008.5.1.4.1.1.4';
const LONG_UID = `1.2.${'9'.repeat(60)}`;

/** An element whose value stands as it is, unpadded. */
function raw(tag: number, value: string): Buffer {
  const even = element(tag, 'UI', 'x'.repeat(value.length));
  Buffer.from(value, 'latin1').copy(even, 8);
  return even;
}

const REST = dataSet().subarray(element(0x00080016, 'UI', CT).length + element(0x00080018, 'UI', SOP_INSTANCE).length);
const of = (sopClass: string, sopInstance: string): Buffer =>
  Buffer.concat([raw(0x00080016, sopClass), raw(0x00080018, sopInstance), REST]);
const PADDED_CT = `${CT}\0`;
const PADDED_INSTANCE = `${SOP_INSTANCE}\0`;

interface Row {
  readonly name: string;
  readonly defect: Defect;
  readonly bytes: Buffer;
  readonly status: number;
  readonly comment: string;
  readonly identity: { sopClassUid: string; sopInstanceUid: string };
}

const SAME = { sopClassUid: CT, sopInstanceUid: SOP_INSTANCE };
const PADDING = 'is wrongly padded (tolerate: uid-padding)';
const ROWS: Row[] = [
  {
    name: 'a SOP Instance UID padded with a space',
    defect: 'uid-padding',
    bytes: of(PADDED_CT, `${SOP_INSTANCE} `),
    status: 0xa900,
    comment: `SOP Instance UID ${PADDING}`,
    identity: SAME,
  },
  {
    name: 'a SOP Class UID padded with three NULs',
    defect: 'uid-padding',
    bytes: of(`${CT}\0\0\0`, PADDED_INSTANCE),
    status: 0xa900,
    comment: `SOP Class UID ${PADDING}`,
    identity: SAME,
  },
  {
    name: 'a SOP Instance UID with spaces before it',
    defect: 'uid-padding',
    bytes: of(PADDED_CT, ` ${SOP_INSTANCE}`),
    status: 0xa900,
    comment: `SOP Instance UID ${PADDING}`,
    identity: SAME,
  },
  {
    name: 'group 2 inside the data set',
    defect: 'group2-in-dataset',
    bytes: Buffer.concat([element(0x00020010, 'UI', '1.2.840.10008.1.2.1'), dataSet()]),
    status: 0xc000,
    comment: 'group 2 in the data set (tolerate: group2-in-dataset)',
    identity: SAME,
  },
  {
    name: 'another SOP Instance UID than the command, as long as one can be',
    defect: 'uid-mismatch',
    bytes: of(PADDED_CT, LONG_UID),
    status: 0xa900,
    comment: "SOP Instance UID differs from the command's",
    identity: { sopClassUid: CT, sopInstanceUid: LONG_UID },
  },
  {
    name: 'another SOP Class UID than the command',
    defect: 'uid-mismatch',
    bytes: of(`${MR}\0`, PADDED_INSTANCE),
    status: 0xa900,
    comment: "SOP Class UID differs from the command's",
    identity: { sopClassUid: MR, sopInstanceUid: SOP_INSTANCE },
  },
];

describe('a data set with', () => {
  for (const { name, defect, bytes, status, comment } of ROWS)
    it(`${name} is refused with ${status.toString(16)} unless ${defect} is tolerated`, async () => {
      const others = (['uid-padding', 'group2-in-dataset', 'uid-mismatch'] as const).filter((one) => one !== defect);
      for (const tolerate of [undefined, others]) {
        const { sink, objects, published } = world({ tolerate });
        const answer = await answerTo(sink(), bytes);
        assert.deepEqual([answer.status, answer.comment], [status, comment]);
        assert.ok(answer.comment!.length <= 64);
        assert.deepEqual([objects.size, published.length], [0, 0]);
      }
    });

  for (const { name, defect, bytes, identity } of ROWS)
    it(`${name} is stored byte for byte, as what it says it is, where ${defect} is tolerated`, async () => {
      const { sink, objects, published } = world({ tolerate: [defect] });
      assert.equal((await answerTo(sink(), bytes)).status, 0x0000);
      const [object] = [...objects.values()];
      const { meta, dataSetOffset } = parseFileMeta(object!)!;
      assert.ok(object!.subarray(dataSetOffset).equals(bytes));
      const { sopClassUid, sopInstanceUid, digest, lane } = readCustodyMeta(meta)!;
      assert.deepEqual({ sopClassUid, sopInstanceUid }, identity);
      const { instance } = published[0]!.event;
      assert.deepEqual([instance.sopClassUid, instance.sopInstanceUid], [identity.sopClassUid, identity.sopInstanceUid]);
      assert.deepEqual([instance.digest, instance.lane, instance.size], [digest, lane, object!.length]);
    });
});

describe('a data set that is not what its command says', () => {
  it('is told in the log with its status and why: whoever looks after the modality needs it', async () => {
    const told: object[] = [];
    const log = { warn: (facts: object) => void told.push(facts), info: () => {} } as unknown as Logger;
    await answerTo(world({ log }).sink({ affectedSopInstanceUid: '1.2.3.5' }), dataSet());
    const [{ status, reason, sopInstanceUid }] = told as [Record<string, unknown>];
    assert.deepEqual([status, reason, sopInstanceUid], ['a900', "SOP Instance UID differs from the command's", '1.2.3.5']);
  });
});

describe('what is never let pass', () => {
  const everything: Defect[] = ['uid-padding', 'group2-in-dataset', 'uid-mismatch'];
  for (const [name, sopInstance, comment] of [
    ['an empty SOP Instance UID', '\0\0', 'SOP Instance UID is missing in the data set'],
    ['a SOP Instance UID that is none', 'not a uid', 'SOP Instance UID of the data set is not a UID'],
  ] as const)
    it(`${name}, whatever is tolerated`, async () => {
      const { sink, objects } = world({ tolerate: everything });
      const answer = await answerTo(sink(), of(PADDED_CT, sopInstance.padEnd(sopInstance.length + (sopInstance.length % 2))));
      assert.deepEqual([answer.status, answer.comment, objects.size], [0xa900, comment, 0]);
    });
});

describe('free space that becomes short while a data set arrives', () => {
  const SHORT = { limit: 'freeSpaceBelow', comment: 'storage is below its free space watermark of 1024 MiB' } as const;
  const large = Buffer.concat([dataSet(), element(0x7fe00010, 'OB', '').subarray(0, 6), Buffer.from([0, 0]), Buffer.alloc(4)]);

  it('refuses a large one in the middle, with what was stored taken away, and counts the limit', async () => {
    let asked = 0;
    const { sink, objects, uploads, limits, published } = world({ spaceRefusal: () => (++asked > 2 ? SHORT : undefined) });
    large.writeUInt32LE(16 * 1024 ** 2, large.length - 4);
    const answer = await answerTo(sink(), Buffer.concat([large, Buffer.alloc(16 * 1024 ** 2)]), 1024 ** 2);
    assert.deepEqual([answer.status, answer.comment], [0xa700, SHORT.comment]);
    assert.deepEqual([objects.size, uploads[0]!.discarded, published.length, limits], [0, true, 0, ['freeSpaceBelow']]);
  });

  it('lets a small one finish', async () => {
    const { sink, objects } = world({ spaceRefusal: () => SHORT });
    assert.equal((await answerTo(sink(), dataSet())).status, 0x0000);
    assert.equal(objects.size, 1);
  });
});
