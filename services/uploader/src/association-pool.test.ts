// Associations kept open: reused where they fit, opened anew for a missing context, never more than allowed, released when idle.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Association, AssociationRejected } from '@causeway/shared/dicom/dimse/scu';
import type { ProposedContext } from '@causeway/shared/dicom/upper-layer/association';
import { type AssociationNeed, AssociationPool } from './association-pool.ts';
import { FakeClock } from './fake-clock-for-tests.ts';
import { proposeContexts } from './presentation-contexts.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const MR = '1.2.840.10008.5.1.4.1.1.4';
const EXPLICIT = '1.2.840.10008.1.2.1';
const need = (sopClassUid = CT, callingAe = 'GW'): AssociationNeed => ({ callingAe, sopClassUid, transferSyntaxUid: EXPLICIT });

class FakeAssociation implements Association {
  readonly accepted = new Map();
  readonly refused = new Map();
  readonly proposed: ProposedContext[];
  open = true;
  constructor(proposed: ProposedContext[]) {
    this.proposed = proposed;
  }
  async echo() {
    return { status: 0 };
  }
  async store() {
    return { status: 0 };
  }
  readonly roles = [];
  reportEvent = () => Promise.reject(new Error('the uploader reports no events'));
  requestAction = () => Promise.reject(new Error('the pool requests nothing'));
  async release() {
    this.open = false;
  }
  abort() {
    this.open = false;
  }
}

function newPool(options: { concurrency?: number; upcoming?: AssociationNeed[]; room?: number } = {}) {
  const clock = new FakeClock();
  const made: FakeAssociation[] = [];
  const pool = new AssociationPool({
    concurrency: () => options.concurrency ?? 2,
    clock,
    upcoming: () => options.upcoming ?? [],
    open: async (_, contexts) => {
      const open = made.filter((association) => association.open).length;
      if (open >= (options.room ?? Infinity)) throw new AssociationRejected({ result: 2, source: 3, reason: 2 });
      made.push(new FakeAssociation(contexts));
      return made.at(-1)!;
    },
  });
  return { pool, clock, made };
}
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('AssociationPool', () => {
  it('gives the same association to the next instance', async () => {
    const { pool, made } = newPool();
    const first = await pool.take(need());
    pool.give(first);
    assert.equal(await pool.take(need()), first);
    assert.equal(made.length, 1);
  });

  it('proposes at once what will be needed soon, so that mixed work needs one association', async () => {
    const { pool, made } = newPool({ upcoming: [need(MR)] });
    pool.give(await pool.take(need(CT)));
    pool.give(await pool.take(need(MR)));
    assert.equal(made.length, 1);
  });

  it('associates anew with the old contexts and the new one when one is missing', async () => {
    const { pool, made } = newPool({ concurrency: 1 });
    pool.give(await pool.take(need(CT)));
    pool.give(await pool.take(need(MR)));
    assert.deepEqual(
      made.map(({ open }) => open),
      [false, true],
    );
    assert.deepEqual(new Set(made[1]!.proposed.map(({ abstractSyntaxUid }) => abstractSyntaxUid)), new Set([CT, MR]));
    pool.give(await pool.take(need(CT)));
    assert.equal(made.length, 2);
  });

  it('keeps calling AE titles apart', async () => {
    const { pool, made } = newPool();
    pool.give(await pool.take(need(CT, 'NORTH')));
    const other = await pool.take(need(CT, 'SOUTH'));
    assert.equal(other.callingAe, 'SOUTH');
    assert.equal(made.length, 2);
  });

  it('never has more open than allowed: the next waits until one is given back', async () => {
    const { pool, made } = newPool({ concurrency: 1 });
    const first = await pool.take(need());
    let second: unknown;
    void pool.take(need()).then((session) => (second = session));
    await settled();
    assert.equal(second, undefined);
    pool.give(first);
    await settled();
    assert.equal(second, first);
    assert.equal(made.length, 1);
  });

  it('shares what it has when the peer has no room for one more, and asks again a minute later', async () => {
    const options = { concurrency: 3, room: 1 };
    const { pool, clock, made } = newPool(options);
    const first = await pool.take(need());
    const second = pool.take(need());
    await settled();
    pool.give(first);
    assert.equal(await second, first);
    options.room = 3;
    const third = pool.take(need());
    await settled();
    assert.equal(made.length, 1);
    clock.advance(60_000);
    pool.give(first);
    await third;
    const fourth = await pool.take(need());
    assert.notEqual(fourth, first);
    assert.equal(made.length, 2);
  });

  it('passes the refusal on when there is no other association', async () => {
    const { pool } = newPool({ room: 0 });
    await assert.rejects(pool.take(need()), AssociationRejected);
  });

  it('releases an association that nobody used for a while, and drops one that the peer ended', async () => {
    const { pool, clock, made } = newPool();
    pool.give(await pool.take(need()));
    clock.advance(5000);
    assert.equal(made[0]!.open, false);
    const next = await pool.take(need());
    pool.give(next);
    made[1]!.open = false;
    assert.notEqual(await pool.take(need()), next);
  });
});

describe('proposeContexts', () => {
  it('proposes odd ids in ascending order, one syntax each, and Implicit VR Little Endian for each class beside', () => {
    const proposed = proposeContexts([need(CT), need(MR), need(CT)]);
    assert.deepEqual(
      proposed.map(({ id, abstractSyntaxUid, transferSyntaxUids }) => [id, abstractSyntaxUid, ...transferSyntaxUids]),
      [
        [1, CT, EXPLICIT],
        [3, MR, EXPLICIT],
        [5, CT, '1.2.840.10008.1.2'],
        [7, MR, '1.2.840.10008.1.2'],
      ],
    );
  });

  it('proposes at most 128, the first needs first', () => {
    const proposed = proposeContexts(Array.from({ length: 300 }, (_, n) => need(`1.2.${n + 1}`)));
    assert.equal(proposed.length, 128);
    assert.deepEqual([proposed.at(-1)!.id, proposed.at(-1)!.abstractSyntaxUid], [255, '1.2.128']);
  });
});
