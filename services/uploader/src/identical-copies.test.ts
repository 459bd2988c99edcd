// Which copies are confirmed with the first, which are really sent, and that none is lost when the first fails.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newReceiptId } from '@causeway/shared/brands';
import { TransientError } from '@causeway/shared/errors';
import { type Delivery, type DeliveryDue, deliveryIdOf } from '@causeway/shared/events/delivery';
import { dueOf, memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { CopyMark } from './delivery-records.ts';
import { IdenticalCopies } from './identical-copies.ts';

const store = memoryStore();
const first = newDelivery(store, { edge: 2 });
const CONFIRMED_AT = Date.parse('2026-02-01T12:00:00Z');
const markAt = (confirmedAt: number): CopyMark => ({
  ...{ receiptId: first.instance.receiptId, confirmation: 'stow 200', digest: first.instance.digest },
  confirmedAt: new Date(confirmedAt).toISOString(),
});
const MARK = markAt(CONFIRMED_AT);

function copyOf(changes: Partial<Delivery['instance']> = {}, more: Partial<Delivery> = {}): Delivery {
  const receiptId = newReceiptId();
  return { ...first, id: deliveryIdOf(receiptId, first.destination), instance: { ...first.instance, receiptId, ...changes }, ...more };
}
const dueAt = (delivery: Delivery, ms: number, generation = 0): DeliveryDue => ({
  ...dueOf(delivery, generation),
  occurredAt: new Date(ms).toISOString(),
});

/** Two processes may share `marks`. */
function newCopies(
  marks = new Map<string, CopyMark>(),
  settings: { id: string; kind: 'stow'; url?: string } = { id: 'archive', kind: 'stow' },
) {
  const records = {
    copy: async (key: string) => marks.get(key),
    markCopy: async (key: string, mark: CopyMark) => void marks.set(key, mark),
  };
  return new IdenticalCopies({ records, settings });
}

describe('a copy', () => {
  it('that was due before the first was confirmed is known as delivered, in every process; one that came after it is not', async () => {
    const marks = new Map<string, CopyMark>();
    await newCopies(marks).mark(dueOf(first), MARK);
    const elsewhere = newCopies(marks);
    assert.deepEqual(await elsewhere.confirmedSince(dueAt(copyOf(), CONFIRMED_AT - 60_000)), MARK);
    for (const ms of [CONFIRMED_AT - 1999, CONFIRMED_AT, CONFIRMED_AT + 1, CONFIRMED_AT + 86_400_000])
      assert.equal(await elsewhere.confirmedSince(dueAt(copyOf(), ms)), undefined, `${ms - CONFIRMED_AT} ms after it`);
  });

  it('is no copy with other content, another UID, another encoding, from or to somebody else, or to another place', async () => {
    const marks = new Map<string, CopyMark>();
    await newCopies(marks).mark(dueOf(first), MARK);
    const { instance } = first;
    const object = { objectKey: instance.objectKey, size: 1, digest: 'a'.repeat(64), transferSyntaxUid: '1.2' };
    const others = [
      copyOf({ digest: 'b'.repeat(64) }),
      copyOf({ sopInstanceUid: '1.2.3' }),
      copyOf({}, { compressed: object }),
      copyOf({}, { coerced: object }),
      copyOf({}, { facility: 'north' }),
      copyOf({}, { destination: 'other' }),
      copyOf({ association: { ...instance.association, callingAe: 'OTHER' } }),
    ];
    const early = CONFIRMED_AT - 60_000;
    for (const [place, other] of others.entries())
      assert.equal(await newCopies(marks).confirmedSince(dueAt(other, early)), undefined, `${place}`);
    const moved = newCopies(marks, { id: 'archive', kind: 'stow', url: 'https://new.example.org' });
    assert.equal(await moved.confirmedSince(dueAt(copyOf(), early)), undefined);
  });

  it('that a person set in motion again, or that was retrieved, is really sent', async () => {
    const marks = new Map<string, CopyMark>();
    const copies = newCopies(marks);
    await copies.mark(dueOf(first), MARK);
    const early = CONFIRMED_AT - 60_000;
    assert.equal(await copies.confirmedSince(dueAt(copyOf(), early, 1)), undefined);
    assert.equal(await copies.confirmedSince(dueAt(copyOf({}, { retrievalId: 'r' }), early)), undefined);
  });

  it('is sent when the marks are out of reach', async () => {
    const broken = () => Promise.reject(new TransientError('no broker'));
    const copies = new IdenticalCopies({ records: { copy: broken, markCopy: broken }, settings: { id: 'archive', kind: 'stow' } });
    assert.equal(await copies.confirmedSince(dueOf(first)), undefined);
  });
});

describe('copies under way in one process', () => {
  /** A turn whose sending ends as told. */
  const turnOf = () => {
    const sent = Promise.withResolvers<CopyMark | undefined>();
    const turn = { begun: 0, as: undefined as CopyMark | undefined };
    const send = () => {
      turn.begun += 1;
      return sent.promise;
    };
    const confirmAs = async (mark: CopyMark) => {
      turn.as = mark;
    };
    return { sent, turn, sending: { copy: undefined, send, confirmAs } };
  };

  it('are confirmed with the first, once each', async () => {
    const copies = newCopies();
    const [one, two, three] = [turnOf(), turnOf(), turnOf()] as const;
    const all = [one, two, three].map(({ sending }) => copies.inTurn(dueOf(copyOf()), sending));
    one.sent.resolve(MARK);
    await Promise.all(all);
    assert.deepEqual(
      [one, two, three].map(({ turn }) => [turn.begun, turn.as]),
      [
        [1, undefined],
        [0, MARK],
        [0, MARK],
      ],
    );
    const later = turnOf();
    later.sent.resolve(MARK);
    await copies.inTurn(dueOf(copyOf()), later.sending);
    assert.equal(later.turn.begun, 1, 'what comes after it is sent');
  });

  it('go themselves, one after the other, when those before failed for good', async () => {
    const copies = newCopies();
    const [one, two, three] = [turnOf(), turnOf(), turnOf()] as const;
    const all = [one, two, three].map(({ sending }) => copies.inTurn(dueOf(copyOf()), sending));
    one.sent.resolve(undefined);
    await all[0];
    two.sent.resolve(undefined);
    three.sent.resolve(MARK);
    await Promise.all(all);
    assert.deepEqual(
      [one, two, three].map(({ turn }) => turn.begun),
      [1, 1, 1],
    );
  });

  it('come back with the delay of the first when that has to be tried again', async () => {
    const copies = newCopies();
    const [one, two] = [turnOf(), turnOf()] as const;
    const all = [one, two].map(({ sending }) => copies.inTurn(dueOf(copyOf()), sending));
    one.sent.reject(new TransientError('HTTP 503', { retryAfterMs: 7000 }));
    const [leading, following] = await Promise.allSettled(all);
    assert.equal(leading!.status, 'rejected');
    assert.ok(following!.status === 'rejected' && following.reason instanceof TransientError && following.reason.retryAfterMs === 7000);
    assert.equal(two.turn.begun, 0);
    const again = turnOf();
    again.sent.resolve(MARK);
    await copies.inTurn(dueOf(copyOf()), again.sending);
    assert.equal(again.turn.begun, 1);
  });
});
