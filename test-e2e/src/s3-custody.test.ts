// The real receiver before an S3 store that misbehaves: 0000 only for what lies whole in the bucket and is announced, A700 within limits.custody for everything else.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import type { ObjectKey } from '@causeway/shared/brands';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import type { Fault } from '@causeway/shared/object-store/s3-fault-proxy-for-tests';
import { type FaultyS3, startFaultyS3 } from '@causeway/shared/object-store/s3-faulty-store-for-tests';
import { storeByDcmjs } from './dcmjs-peer.ts';
import { type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

const SUCCESS = 0x0000;
const OUT_OF_RESOURCES = 0xa700;
const CUSTODY_MS = 3_000;
/** A machine that is busy with other tests answers late; a receiver that waited for the store's own limits would take a minute with the large object. */
const SLACK_MS = 15_000;
const BODY = /^PUT \S+received/;
const FAULTS: Record<string, Fault> = {
  '503 SlowDown': { kind: 'answer', status: 503, code: 'SlowDown' },
  '403 AccessDenied': { kind: 'answer', status: 403, code: 'AccessDenied' },
  'no answer': { kind: 'silent' },
  'resets in the middle': { kind: 'reset', afterBytes: 50_000 },
  'lost answers': { kind: 'lose-answer' },
  'altered bytes': { kind: 'alter' },
};

describe('a receiver on an S3 store that misbehaves', () => {
  let scratch: string;
  let s3: FaultyS3;
  let receiver: ReceiverUnderTest;
  let files: { small: SyntheticFile; large: SyntheticFile };

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-s3-custody-'));
    s3 = await startFaultyS3({ keeps: 'memory' });
    const env = { ...s3.server.environment('faults'), CAUSEWAY_S3_ENDPOINT: s3.proxy.endpoint, CAUSEWAY_S3_SPOOL: join(scratch, 'spool') };
    // What slow storing means for new associations is another test's.
    const document = { limits: { custody: `${CUSTODY_MS}ms` }, admission: { storeLatencyAbove: '10m' } };
    receiver = await startReceiver({ document, env });
    const one = { studies: 1, instances: 1 };
    const [small] = await makeSyntheticFiles(scratch, { ...one, seed: 1, rows: 512, columns: 512 });
    const [large] = await makeSyntheticFiles(scratch, { ...one, seed: 2, rows: 5_000, columns: 5_000 });
    files = { small: small!, large: large! };
  });
  after(async () => {
    await receiver?.stop();
    await s3?.stop();
    await rm(scratch, { recursive: true, force: true });
  });
  afterEach(() => s3.proxy.behave());

  /** Those that were answered 0000. */
  const kept = new Set<ObjectKey>();
  /** Beside them: an object whose request broke may appear late, and is taken away again some seconds later. */
  const others = async (): Promise<ObjectKey[]> =>
    (await Array.fromAsync(s3.truth.list('received/'))).map(({ key }) => key).filter((key) => !kept.has(key));
  const announced = async (): Promise<number> => (await receiver.bus.backlog('RECEIVED')).messages;

  /** 0000: one more object, with the digest of what was sent, and one more event. */
  async function isTaken(file: SyntheticFile): Promise<void> {
    const before = await announced();
    assert.equal(await storeByDcmjs(receiver.port, file.path), SUCCESS);
    const added = await until('one object more', async () => {
      const [first, ...more] = await others();
      return more.length === 0 && first;
    });
    kept.add(added);
    const bytes = Buffer.concat(await Array.fromAsync(await s3.truth.get(added)));
    const sent = await readFile(file.path);
    assert.equal(digestOf(bytes), digestOf(sent));
    assert.equal(await announced(), before + 1);
  }

  for (const which of ['small', 'large'] as const)
    for (const [name, fault] of Object.entries(FAULTS))
      it(`${which} object, ${name}: A700 in time, nothing announced, nothing left; and then it is taken`, async () => {
        const before = await announced();
        s3.proxy.behave({ matching: BODY, fault });
        const began = performance.now();
        assert.equal(await storeByDcmjs(receiver.port, files[which].path), OUT_OF_RESOURCES);
        const tookMs = performance.now() - began;
        assert.ok(tookMs < CUSTODY_MS + SLACK_MS, `${tookMs} ms`);
        assert.equal(await announced(), before);
        s3.proxy.behave();
        await until('nothing is left of it', async () => (await others()).length === 0 && (await s3.incompleteUploads()) === 0);
        await isTaken(files[which]);
      });

  it('waits out a single bad moment: 0000', async () => {
    for (const fault of Object.values(FAULTS).filter(({ kind }) => kind !== 'silent' && kind !== 'answer')) {
      s3.proxy.behave({ matching: BODY, fault, times: 1 });
      await isTaken(files.small);
    }
  });

  it('is not ready while the store is away, and ready again when it is back', async () => {
    const ready = async () => (await fetch(`${receiver.opsUrl}/health/ready`)).ok;
    await s3.proxy.refuse();
    await until('not ready', async () => !(await ready()));
    assert.equal(await storeByDcmjs(receiver.port, files.small.path), OUT_OF_RESOURCES);
    await s3.proxy.listen();
    await until('ready', ready);
    await isTaken(files.small);
  });
});

function digestOf(file: Buffer): string {
  return createHash('sha256')
    .update(file.subarray(parseFileMeta(file)!.dataSetOffset))
    .digest('hex');
}
