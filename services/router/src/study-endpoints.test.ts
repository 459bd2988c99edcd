// The memory of studies: adds, never forgets by writing, names no study in its keys, asks as little as possible.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Bucket } from '@causeway/shared/bus/bus';
import { createStudyEndpoints } from './study-endpoints.ts';

function bucketInMemory(): Bucket & { values: Map<string, Uint8Array>; requests: string[] } {
  const values = new Map<string, Uint8Array>();
  const requests: string[] = [];
  return {
    values,
    requests,
    get: async (key) => {
      requests.push('get');
      return values.get(key);
    },
    put: async (key, value) => {
      requests.push('put');
      values.set(key, value);
    },
    delete: async () => {},
    watch: async () => ({ stop: () => {} }),
  };
}
const study = { studyInstanceUid: '1.2.840.99', hub: 'hub' };

describe('endpoints of studies', () => {
  it('are none before any is remembered', async () => assert.deepEqual(await createStudyEndpoints(bucketInMemory()).find(study), []));

  it('are found by another replica, and added to', async () => {
    const bucket = bucketInMemory();
    await createStudyEndpoints(bucket).remember(study, ['ms44']);
    await createStudyEndpoints(bucket).remember(study, ['ms45']);
    assert.deepEqual(await createStudyEndpoints(bucket).find(study), ['ms44', 'ms45']);
  });

  it('are kept apart by hub and by study', async () => {
    const studies = createStudyEndpoints(bucketInMemory());
    await studies.remember(study, ['ms44']);
    assert.deepEqual(await studies.find({ ...study, hub: 'other' }), []);
    assert.deepEqual(await studies.find({ ...study, studyInstanceUid: '1.2.840.9' }), []);
  });

  it('have keys that are fit for a bucket and name no study', async () => {
    const bucket = bucketInMemory();
    await createStudyEndpoints(bucket).remember(study, ['ms44']);
    assert.match([...bucket.values.keys()].join(), /^[0-9a-f]{32}\.hub$/);
  });

  it('cost one write for a study of a thousand instances', async () => {
    const bucket = bucketInMemory();
    const studies = createStudyEndpoints(bucket);
    for (let n = 0; n < 1000; n++) await studies.remember(study, ['ms44']);
    assert.deepEqual(bucket.requests, ['get', 'put']);
  });

  it('are written again after a write that failed', async () => {
    const bucket = bucketInMemory();
    const put = bucket.put;
    bucket.put = async () => Promise.reject(new Error('no connection'));
    const studies = createStudyEndpoints(bucket);
    await assert.rejects(studies.remember(study, ['ms44']));
    bucket.put = put;
    await studies.remember(study, ['ms44']);
    assert.deepEqual(await studies.find(study), ['ms44']);
  });
});
