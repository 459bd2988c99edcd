// Which object is sent, and what is sent instead when it is refused.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { objectKey } from '@causeway/shared/brands';
import type { Delivery } from '@causeway/shared/events/delivery';
import { JPEG_2000_LOSSLESS, memoryStore, newDelivery, storeObject, withCompressed } from './deliveries-for-tests.ts';
import { Attempts, type DueParcel } from './delivery-attempt.ts';
import { isSyntaxRefused, type Outcome, transient } from './delivery-outcome.ts';
import type { DestinationSettings } from './destination-settings.ts';
import { FakeClock } from './fake-clock-for-tests.ts';
import type { Parcel } from './sender.ts';

const NO_COERCION = { rules: [], system: 'CAUSEWAY' };
const delivered: Outcome = { kind: 'delivered', confirmation: 'stow 200' };
const syntaxRefused: Outcome = { kind: 'permanent', reason: 'Failure Reason C122', because: 'syntax' };

function newAttempts(answer: (parcel: Parcel) => Outcome, images: DestinationSettings['images'] = 'compressed') {
  const store = memoryStore();
  const clock = new FakeClock();
  const requests: string[][] = [];
  const sender = {
    send: async (parcels: readonly Parcel[]) => {
      requests.push(parcels.map(({ object }) => object.meta.transferSyntaxUid));
      return parcels.map(answer);
    },
  };
  return { attempts: new Attempts({ form: { images }, coercion: NO_COERCION, store, sender, clock }), store, requests, clock };
}

const dueParcel = (delivery: Delivery, lastTry = false): DueParcel => ({
  ...{ delivery, lastTry, lane: delivery.instance.lane, facility: 'none', alone: false, resend: false },
  size: delivery.instance.size,
  sopInstanceUid: delivery.instance.sopInstanceUid,
});
const isCompressed = ({ object }: Parcel): boolean => object.meta.transferSyntaxUid === JPEG_2000_LOSSLESS;
const ORIGINAL = '1.2.840.10008.1.2.1';
const JPEG = '1.2.840.10008.1.2.4.50';

describe('Attempts', () => {
  it('sends the compressed object where there is one, the received one else, and says which arrived', async () => {
    const { attempts, store, requests } = newAttempts(() => delivered);
    const plain = newDelivery(store);
    const compressed = withCompressed(store, newDelivery(store), Buffer.alloc(100, 1));
    const results = await attempts.send([plain, compressed].map((delivery) => dueParcel(delivery)));
    assert.deepEqual(requests, [[ORIGINAL, JPEG_2000_LOSSLESS]]);
    assert.deepEqual(
      results.map(({ ref }) => ref.digest),
      [plain.instance.digest, compressed.compressed!.digest],
    );
  });

  it('sends as received when told to', async () => {
    const { attempts, store, requests } = newAttempts(() => delivered, 'as-received');
    await attempts.send([dueParcel(withCompressed(store, newDelivery(store), Buffer.alloc(100)))]);
    assert.deepEqual(requests, [[ORIGINAL]]);
  });

  it('sends the original when the syntax is refused, and offers that syntax again only after a while', async () => {
    const { attempts, store, requests, clock } = newAttempts((parcel) => (isCompressed(parcel) ? syntaxRefused : delivered));
    const send = () => attempts.send([dueParcel(withCompressed(store, newDelivery(store), Buffer.alloc(100)))]);
    const [first] = await send();
    assert.equal(first!.outcome.kind, 'delivered');
    await send();
    clock.advance(11 * 60_000);
    await send();
    assert.deepEqual(requests, [[JPEG_2000_LOSSLESS], [ORIGINAL], [ORIGINAL], [JPEG_2000_LOSSLESS], [ORIGINAL]]);
  });

  it('sends the original when the compressed object is missing or damaged', async () => {
    const { attempts, store, requests } = newAttempts(() => delivered);
    const missing = withCompressed(store, newDelivery(store), Buffer.alloc(100));
    store.objects.delete(missing.compressed!.objectKey);
    const [result] = await attempts.send([dueParcel(missing)]);
    assert.equal(result!.outcome.kind, 'delivered');
    assert.deepEqual(requests, [[ORIGINAL]]);
  });

  it('parks an instance whose only object is missing, without troubling the destination', async () => {
    const { attempts, store, requests } = newAttempts(() => delivered);
    const delivery = newDelivery(store);
    store.objects.clear();
    const [result] = await attempts.send([dueParcel(delivery)]);
    assert.ok(result!.outcome.kind === 'permanent' && result!.outcome.because === 'object');
    assert.deepEqual(requests, []);
  });

  it('parks with both reasons when the original is refused too', async () => {
    const { attempts, store } = newAttempts((parcel) =>
      isCompressed(parcel) ? syntaxRefused : { kind: 'permanent', reason: 'Failure Reason A900', because: 'instance' },
    );
    const [result] = await attempts.send([dueParcel(withCompressed(store, newDelivery(store), Buffer.alloc(100)))]);
    assert.ok(result!.outcome.kind === 'permanent');
    assert.equal(result!.outcome.reason, 'compressed: Failure Reason C122; original: Failure Reason A900');
  });

  it('parks a refusal of unknown meaning on the last try only, and after the original had its chance', async () => {
    const { attempts, store, requests } = newAttempts(() => ({ kind: 'refused', reason: 'C-STORE status 0110' }));
    const delivery = withCompressed(store, newDelivery(store), Buffer.alloc(100));
    assert.equal((await attempts.send([dueParcel(delivery)]))[0]!.outcome.kind, 'refused');
    assert.equal((await attempts.send([dueParcel(delivery, true)]))[0]!.outcome.kind, 'permanent');
    assert.deepEqual(requests, [[JPEG_2000_LOSSLESS], [JPEG_2000_LOSSLESS], [ORIGINAL]]);
  });

  it('keeps each outcome with its instance when some are resent and one has no object', async () => {
    const { attempts, store } = newAttempts((parcel) => (isCompressed(parcel) ? syntaxRefused : transient('HTTP 500', 'suspect')));
    const deliveries = [newDelivery(store), withCompressed(store, newDelivery(store), Buffer.alloc(9)), newDelivery(store)];
    store.objects.delete(deliveries[0]!.instance.objectKey);
    const results = await attempts.send(deliveries.map((delivery) => dueParcel(delivery)));
    assert.deepEqual(
      results.map(({ outcome, ref }) => [outcome.kind, ref.objectKey]),
      [
        ['permanent', deliveries[0]!.instance.objectKey],
        ['transient', deliveries[1]!.instance.objectKey],
        ['transient', deliveries[2]!.instance.objectKey],
      ],
    );
  });

  it('sends nothing that is known to be refused where another object can be made of it, but all else', async () => {
    const { attempts, store, requests } = newAttempts(({ object }) => (object.meta.transferSyntaxUid === JPEG ? syntaxRefused : delivered));
    const jpeg = () => dueParcel(newDelivery(store, { transferSyntaxUid: JPEG }));
    await attempts.send([jpeg()]);
    const results = await attempts.send([jpeg(), dueParcel(newDelivery(store)), jpeg()]);
    assert.deepEqual(requests, [[JPEG], [ORIGINAL]]);
    assert.deepEqual(
      results.map(({ outcome }) => [outcome.kind, isSyntaxRefused(outcome)]),
      [
        ['permanent', true],
        ['delivered', false],
        ['permanent', true],
      ],
    );
    const known = dueParcel({ ...jpeg().delivery, derivation: { profile: 'uncompressed', reason: 'no decoder' } });
    await attempts.send([known]);
    assert.deepEqual(requests.at(-1), [JPEG]);
  });

  it('sends what a derivation made, and the original when that is gone', async () => {
    const { attempts, store, requests } = newAttempts(() => delivered, 'uncompressed');
    const delivery = newDelivery(store, { transferSyntaxUid: JPEG });
    const { receiptId, sopInstanceUid } = delivery.instance;
    const key = objectKey(`derived/${receiptId}/uncompressed-1.dcm`);
    const object = storeObject(store, key, { dataSet: Buffer.alloc(10), sopInstanceUid, transferSyntaxUid: ORIGINAL });
    const derived = { ...delivery, derivation: { profile: 'uncompressed' as const, object } };
    const [first] = await attempts.send([dueParcel(derived)]);
    assert.equal(first!.ref.digest, object.digest);
    store.objects.delete(key);
    await attempts.send([dueParcel(derived)]);
    assert.deepEqual(requests, [[ORIGINAL], [JPEG]]);
  });
});
