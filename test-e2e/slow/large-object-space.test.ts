// A data set larger than the disk: it is refused in the middle, long before the last byte of the disk, and leaves nothing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { CT_IMAGE_STORAGE, canaryInstance, EXPLICIT_LITTLE } from '../src/canary-instances.ts';
import { auditCustody } from '../src/custody-audit.ts';
import { type ReceiverUnderTest, startReceiver } from '../src/receiver-under-test.ts';
import { SmallDisk } from '../src/small-disk.ts';
import { until } from '../src/wait-for-fact.ts';

const MIB = 1024 ** 2;
const DISK_MIB = 256;
const WATERMARK_MIB = 150;
const OBJECT_BYTES = 400 * MIB;
/** Enough below the watermark that what is under way between sender and disk does not matter. */
const SENT_BELOW_WATERMARK = 20 * MIB;
/** Each 20 ms. */
const SLOW_BYTES = 64 * 1024;
const skip = process.getuid?.() === 0 ? false : 'needs root: it mounts a small file system';
if (skip) console.log(`skipped: ${skip}`);

describe('a data set larger than the disk', { skip }, () => {
  let disk: SmallDisk;
  let receiver: ReceiverUnderTest;
  before(async () => {
    disk = new SmallDisk(DISK_MIB);
    receiver = await startReceiver({
      objects: `${disk.folder}/objects`,
      document: { admission: { freeSpaceBelow: `${WATERMARK_MIB}MiB` } },
    });
  });
  after(async () => {
    await receiver?.stop();
    disk?.remove();
  });

  const store = async (dataSet: AsyncIterable<Buffer>, sopInstanceUid: string) => {
    const association = await associate({
      host: '127.0.0.1',
      port: receiver.port,
      callingAe: 'TESTER',
      calledAe: 'GATEWAY',
      contexts: [{ id: 1, abstractSyntaxUid: CT_IMAGE_STORAGE, transferSyntaxUids: [EXPLICIT_LITTLE] }],
      implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
      timeouts: { connectMs: 5_000, associateMs: 5_000, responseMs: 60_000 },
    });
    const status = await association.store({ contextId: 1, sopClassUid: CT_IMAGE_STORAGE, sopInstanceUid, dataSet });
    await association.release();
    return status;
  };

  /** Slow where the disk is below the watermark, until the receiver has said that it takes no more; then the rest. */
  async function* large(sopInstanceUid: string): AsyncGenerator<Buffer> {
    yield encodeElement({ tag: 0x00080016, vr: 'UI', value: Buffer.from(CT_IMAGE_STORAGE) });
    yield encodeElement({ tag: 0x00080018, vr: 'UI', value: Buffer.from(sopInstanceUid) });
    const header = encodeElement({ tag: 0x7fe00010, vr: 'OW', value: Buffer.alloc(0) });
    header.writeUInt32LE(OBJECT_BYTES, header.length - 4);
    yield header;
    for (let sent = 0; sent < OBJECT_BYTES; ) {
      const isSlow = disk.freeBytes < WATERMARK_MIB * MIB - SENT_BELOW_WATERMARK && !isRefused();
      if (isSlow) await pause(20);
      const chunk = Buffer.alloc(Math.min(isSlow ? SLOW_BYTES : MIB, OBJECT_BYTES - sent), 7);
      yield chunk;
      sent += chunk.length;
    }
  }
  const isRefused = (): boolean => /free space watermark of 150 MiB, after \d+ bytes of a data set/.test(receiver.log());

  it('is answered with A700, the disk keeps its reserve, and work goes on when the object is gone', async () => {
    let least = Number.POSITIVE_INFINITY;
    const watching = setInterval(() => {
      least = Math.min(least, disk.freeBytes);
    }, 20);
    const status = await store(large('1.2.3.4.5'), '1.2.3.4.5').finally(() => clearInterval(watching));
    assert.equal(status.status, 0xa700);
    assert.match(status.comment ?? '', /free space watermark of 150 MiB/);
    console.log(`least free space ${Math.round(least / MIB)} of ${DISK_MIB} MiB`);
    assert.ok(least > (WATERMARK_MIB - 100) * MIB);
    const small = canaryInstance();
    await until('the space is back and work is taken', async () => {
      const one = (async function* () {
        yield small.dataSet;
      })();
      return (await store(one, small.sopInstanceUid).catch(() => ({ status: -1 }))).status === 0;
    });
    const { events, orphans } = await auditCustody(receiver.bus, receiver.objects, []);
    assert.deepEqual([events.map(({ instance }) => instance.sopInstanceUid), orphans], [[small.sopInstanceUid], []]);
  });
});
