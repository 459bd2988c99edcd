// What goes out is what came in: every byte of it, or the last one is withheld.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectMissing } from '@causeway/shared/errors';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import { DamagedObject, dataSetOf, openObject, wholeObject } from './outbound-object.ts';

const collect = async (source: AsyncIterable<Buffer>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(source));

describe('an outbound object', () => {
  it('is read whole, or as its data set alone, byte for byte', async () => {
    for (const edge of [2, 500]) {
      const store = memoryStore();
      const { instance, dataSet } = newDelivery(store, { edge });
      const object = await openObject(store, instance);
      assert.equal(object.meta.sopInstanceUid, instance.sopInstanceUid);
      assert.deepEqual(await collect(wholeObject(store, object)), store.objects.get(instance.objectKey));
      assert.deepEqual(await collect(dataSetOf(store, object)), dataSet);
    }
  });

  it('never yields its last bytes when any bit of the data set has changed', async () => {
    const store = memoryStore();
    const { instance, dataSet } = newDelivery(store, { edge: 300 });
    const bytes = store.objects.get(instance.objectKey)!;
    const object = await openObject(store, instance);
    for (const place of [bytes.length - dataSet.length, bytes.length - 30_000, bytes.length - 1]) {
      bytes[place]! ^= 0x10;
      for (const read of [wholeObject, dataSetOf]) {
        let last = 0;
        const reading = (async () => {
          for await (const chunk of read(store, object)) last += chunk.length;
        })();
        await assert.rejects(reading, DamagedObject);
        assert.ok(last < (read === dataSetOf ? dataSet.length : bytes.length));
      }
      bytes[place]! ^= 0x10;
    }
  });

  it('is refused at once when it is missing, cut, or of another syntax than recorded', async () => {
    const store = memoryStore();
    const { instance } = newDelivery(store);
    await assert.rejects(openObject(store, { ...instance, transferSyntaxUid: '1.2.840.10008.1.2' }), DamagedObject);
    const bytes = store.objects.get(instance.objectKey)!;
    store.objects.set(instance.objectKey, bytes.subarray(0, -1));
    await assert.rejects(openObject(store, instance), DamagedObject);
    store.objects.set(instance.objectKey, Buffer.alloc(bytes.length));
    await assert.rejects(openObject(store, instance), DamagedObject);
    store.objects.clear();
    await assert.rejects(openObject(store, instance), ObjectMissing);
  });
});
