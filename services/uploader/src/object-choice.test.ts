// Which object a destination gets: compressed first where it may be, and never what coercion was to correct.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectKey } from '@causeway/shared/brands';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { ObjectRef } from '@causeway/shared/events/instance';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import { derivationAfterRefusal, derivationWantedFirst, objectChoices, type WantedForm } from './object-choice.ts';

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
    const choices = objectChoices({ ...delivery, ...objects }, { images });
    assert.deepEqual(
      choices.map(({ objectKey: key }) => key),
      keys,
    );
  });

const [IMPLICIT, EXPLICIT, BIG, DEFLATED] = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2', '1.2.840.10008.1.2.1.99'];
const [JPEG, MPEG4, PRIVATE] = ['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.102', '1.3.4.5'];
const AS_RECEIVED: WantedForm = { images: 'as-received' };
const UNCOMPRESSED: WantedForm = { images: 'uncompressed' };
const CONVERT: WantedForm = { images: 'compressed', implicitVr: 'convert' };
const SEND: WantedForm = { images: 'compressed', implicitVr: 'send' };
type Profile = ReturnType<typeof derivationWantedFirst>;

/** Received in; what the destination wants; made before anything is sent; made once the received syntax was refused. */
const DERIVATIONS: [syntax: string, form: WantedForm, first: Profile, afterRefusal: Profile][] = [
  [EXPLICIT, UNCOMPRESSED, undefined, undefined],
  [EXPLICIT, CONVERT, undefined, undefined],
  [IMPLICIT, UNCOMPRESSED, undefined, 'explicit-little'],
  [IMPLICIT, SEND, undefined, 'explicit-little'],
  [IMPLICIT, CONVERT, 'explicit-little', 'explicit-little'],
  [BIG, CONVERT, 'explicit-little', 'explicit-little'],
  [BIG, AS_RECEIVED, undefined, 'explicit-little'],
  [DEFLATED, UNCOMPRESSED, 'explicit-little', 'explicit-little'],
  [DEFLATED, CONVERT, undefined, 'explicit-little'],
  [JPEG, AS_RECEIVED, undefined, 'uncompressed'],
  [JPEG, CONVERT, undefined, 'uncompressed'],
  [JPEG, UNCOMPRESSED, 'uncompressed', 'uncompressed'],
  [MPEG4, UNCOMPRESSED, 'uncompressed', 'uncompressed'],
  [PRIVATE, UNCOMPRESSED, undefined, undefined],
];
for (const [syntax, form, first, afterRefusal] of DERIVATIONS)
  test(`received in ${syntax}, ${JSON.stringify(form)}: ${first ?? 'nothing'} is made first, ${afterRefusal ?? 'nothing'} after a refusal, and only once`, () => {
    const received: Delivery = { ...delivery, instance: { ...delivery.instance, transferSyntaxUid: syntax } };
    assert.equal(derivationWantedFirst(received, form), first);
    assert.equal(derivationAfterRefusal(received), afterRefusal);
    const impossible: Delivery = { ...received, derivation: { profile: 'uncompressed', reason: 'no decoder' } };
    assert.deepEqual([derivationWantedFirst(impossible, form), derivationAfterRefusal(impossible)], [undefined, undefined]);
    assert.deepEqual(
      objectChoices(impossible, form).map(({ objectKey: key }) => key),
      [received.instance.objectKey],
    );
    const object = made('uncompressed-1');
    const done: Delivery = { ...received, compressed, derivation: { profile: 'uncompressed', object } };
    assert.deepEqual([derivationWantedFirst(done, form), derivationAfterRefusal(done)], [undefined, undefined]);
    assert.deepEqual(
      objectChoices(done, form).map(({ objectKey: key }) => key),
      [object.objectKey, received.instance.objectKey],
    );
  });

test('implicitVr: convert never offers the implicit original behind a compressed object until it is known that it cannot be converted', () => {
  const implicit: Delivery = { ...delivery, compressed, instance: { ...delivery.instance, transferSyntaxUid: IMPLICIT } };
  assert.equal(derivationWantedFirst(implicit, CONVERT), undefined);
  assert.deepEqual(objectChoices(implicit, CONVERT), [compressed]);
  assert.equal(objectChoices(implicit, SEND).length, 2);
  assert.equal(objectChoices({ ...implicit, derivation: { profile: 'explicit-little', reason: 'no' } }, CONVERT).length, 2);
});
