// Which object a destination gets: compressed first where it may be, and never what coercion was to correct.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectKey } from '@causeway/shared/brands';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { ObjectRef } from '@causeway/shared/events/instance';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import { objectChoices } from './object-choice.ts';

const delivery: Delivery = newDelivery(memoryStore());
const made = (name: string): ObjectRef => ({
  ...{ objectKey: objectKey(`derived/${delivery.instance.receiptId}/${name}.dcm`), size: 1 },
  ...{ digest: delivery.instance.digest, transferSyntaxUid: '1.2.840.10008.1.2.1' },
});
const [compressed, coerced] = [made('jpeg2000-lossless-1'), made('coerced-1')];
const received = delivery.instance.objectKey;

const CASES: [images: 'compressed' | 'as-received' | 'uncompressed', objects: Partial<Delivery>, keys: string[]][] = [
  ['compressed', {}, [received]],
  ['compressed', { compressed }, [compressed.objectKey, received]],
  ['compressed', { compressed, coerced }, [compressed.objectKey, coerced.objectKey]],
  ['compressed', { coerced }, [coerced.objectKey]],
  ['as-received', { compressed }, [received]],
  ['as-received', { compressed, coerced }, [coerced.objectKey]],
  ['uncompressed', { compressed, coerced }, [coerced.objectKey]],
];
for (const [images, objects, keys] of CASES)
  test(`images: ${images}, with ${Object.keys(objects).join(' and ') || 'nothing'} beside the received object`, () => {
    const choices = objectChoices({ ...delivery, ...objects }, images);
    assert.deepEqual(
      choices.map(({ objectKey: key }) => key),
      keys,
    );
  });
