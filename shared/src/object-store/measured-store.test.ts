// Timing changes nothing of what a store does, and tells failures apart.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { objectKey } from '../brands.ts';
import { TransientError } from '../errors.ts';
import { scrape } from '../metrics/scrape-for-tests.ts';
import { measuredStore } from './measured-store.ts';
import type { ObjectStore, ObjectUpload } from './object-store.ts';

const KEY = objectKey('received/2026/01/05/0197a2b0-0000-7000-8000-000000000001.dcm');

it('passes everything through, and counts commits and failures by what they were', async () => {
  const calls: string[] = [];
  const upload: ObjectUpload = {
    write: (chunk) => void calls.push(`write ${chunk}`),
    patch: (position, bytes) => void calls.push(`patch ${position} ${bytes}`),
    commit: async () => ({ size: 3 }),
    discard: async () => void calls.push('discard'),
  };
  const store = {
    create: () => upload,
    stat: async () => undefined,
    get: async () => Promise.reject(new TransientError('the store does not answer')),
  } as unknown as ObjectStore;
  const { meter, text } = scrape();
  const measured = measuredStore(store, meter);
  const writing = measured.create(KEY);
  writing.write(Buffer.from('abc'));
  writing.patch(1, Buffer.from('x'));
  assert.deepEqual(await writing.commit(), { size: 3 });
  await writing.discard();
  assert.deepEqual(calls, ['write abc', 'patch 1 x', 'discard']);
  assert.equal(await measured.stat(KEY), undefined);
  await assert.rejects(measured.get(KEY), TransientError);
  assert.equal(measured.freeBytes, undefined, 'a store without a volume has no free space');
  const told = await text();
  assert.match(told, /^causeway_object_store_operation_duration_count\{operation="commit"\} 1$/m);
  assert.match(told, /^causeway_object_store_operation_duration_count\{operation="get",error_type="TransientError"\} 1$/m);
});
