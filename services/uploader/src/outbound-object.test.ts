// What goes out is what came in: every byte of it, or the last one is withheld.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ObjectMissing } from '@causeway/shared/errors';
import type { ObjectRef } from '@causeway/shared/events/instance';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import { DamagedObject, dataSetOf, openObject, wholeObject } from './outbound-object.ts';

const collect = async (source: AsyncIterable<Buffer>): Promise<Buffer> => Buffer.concat(await Array.fromAsync(source));

describe('an outbound object', () => {
  it('is read whole, or as its data set alone, byte for byte', async () => {
    for (const edge of [2, 500]) {
      const store = memoryStore();
      const { instance, dataSet } = newDelivery(store, { edge });
      const object = await openObject(store, instance, instance);
      assert.equal(object.meta.sopInstanceUid, instance.sopInstanceUid);
      assert.deepEqual(await collect(wholeObject(store, object)), store.objects.get(instance.objectKey));
      assert.deepEqual(await collect(dataSetOf(store, object)), dataSet);
    }
  });

  it('never yields its last bytes when any bit of the data set has changed', async () => {
    const store = memoryStore();
    const { instance, dataSet } = newDelivery(store, { edge: 300 });
    const bytes = store.objects.get(instance.objectKey)!;
    const object = await openObject(store, instance, instance);
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

  it('is refused at once when it is missing or cut', async () => {
    const store = memoryStore();
    const { instance } = newDelivery(store);
    const bytes = store.objects.get(instance.objectKey)!;
    store.objects.set(instance.objectKey, bytes.subarray(0, -1));
    await assert.rejects(openObject(store, instance, instance), DamagedObject);
    store.objects.clear();
    await assert.rejects(openObject(store, instance, instance), ObjectMissing);
  });

  it('yields nothing when its group 2 cannot be read, or is that of another object or syntax than recorded', async () => {
    const store = memoryStore();
    const { instance } = newDelivery(store);
    const other = newDelivery(store, { sopClassUid: '1.2.840.10008.5.1.4.1.1.2' }).instance;
    const bytes = store.objects.get(instance.objectKey)!;
    const wrong: [ObjectRef, typeof instance, Buffer][] = [
      [{ ...instance, transferSyntaxUid: '1.2.840.10008.1.2' }, instance, bytes],
      [instance, { ...instance, sopInstanceUid: other.sopInstanceUid }, bytes],
      [instance, { ...instance, sopClassUid: other.sopClassUid }, bytes],
      [instance, instance, Buffer.alloc(bytes.length)],
    ];
    for (const [ref, identity, stored] of wrong) {
      store.objects.set(instance.objectKey, stored);
      const object = await openObject(store, ref, identity);
      for (const read of [wholeObject, dataSetOf]) await assert.rejects(read(store, object).next(), DamagedObject);
    }
  });
});
