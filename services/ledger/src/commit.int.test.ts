// The ledger's part of storage commitment on a real PostgreSQL and a real folder of objects: taken once, decided in time, told until heard.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { commitmentKey, type ObjectKey, uuidV7 } from '@causeway/shared/brands';
import type { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { type CommitmentDetail, findCommitment } from '@causeway/shared/database/commitment-queries';
import { claimDueCommitments, retryCommitment, reviveCommitments } from '@causeway/shared/database/commitment-rows';
import {
  actedFact,
  confirmedFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { ObjectMissing } from '@causeway/shared/errors';
import { type Commitment, type CommitmentAnswer, commitmentAnswer, commitmentResult } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import type { FactOf } from '@causeway/shared/events/facts';
import type { Instance } from '@causeway/shared/events/instance';
import { readJsonObject, writeJsonObject } from '@causeway/shared/object-store/json-objects';
import { type CommitParts, take, workOnDue } from './commit.ts';
import { failing, log, objectOf, startTestLedger, type TestLedger, testDocument } from './ledger-for-tests.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const SECOND_MS = 1_000;
const HOUR_MS = 3_600 * SECOND_MS;

let ledger: TestLedger;
let bus: RecordingBus;
let parts: CommitParts;
let now: number;

before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(async () => {
  await ledger.clear();
  const base = ledger.parts();
  bus = base.bus;
  const commitment = [{ callingAe: 'CT1', host: '127.0.0.1', port: 104, after: 'custody', deadline: '1h' }];
  const document = { ...testDocument(), commitment: parseGatewayDocument({ ...minimal, commitment }).commitment };
  parts = { ...base, log, configuration: { current: () => ({ revision: 1, document }) } };
  now = Date.now();
});
const minimal = {
  facilities: [{ id: 'north', match: [{}], destinations: ['cloud'] }],
  destinations: [{ id: 'cloud', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' }],
};

interface Asked {
  readonly callingAe?: string;
  readonly transactionUid?: string;
}

/** As the receiver leaves it. */
async function request(
  sopInstanceUids: string[],
  { callingAe = 'CT1', transactionUid = `1.2.${Date.now()}.${Math.trunc(Math.random() * 1e9)}` }: Asked = {},
) {
  const id = uuidV7();
  const about = {
    id,
    transactionUid,
    callingAe,
    calledAe: 'GATEWAY',
    source: '10.1.0.7',
    requestedAt: new Date(now).toISOString(),
    association: { id: randomUUID(), replica: randomUUID() },
  };
  const requestKey = commitmentKey(id, 'request');
  const references = sopInstanceUids.map((uid): [number, string] => [0, uid]);
  await writeJsonObject(parts.store, requestKey, { commitment: about, sopClassUids: [CT], unsupported: [], references });
  const commitment: Commitment = { ...about, requestKey, references: references.length };
  await take(parts, commitment, new Date(now));
  return commitment;
}

async function received(number: number): Promise<Instance> {
  const { bytes, instance } = objectOf(sampleInstance(1, number));
  await ledger.putObject(instance.objectKey, bytes);
  await applyFacts(ledger.database, [receivedFact(instance, 1)]);
  return instance;
}

/** Goes on in time, and works on what is due then. */
async function later(ms: number): Promise<void> {
  now += ms;
  while ((await workOnDue(parts, new Date(now))) > 0);
}

const shown = async (commitment: Commitment): Promise<CommitmentDetail> => (await findCommitment(ledger.database, commitment.id))!;
const answers = (): CommitmentAnswer[] => bus.published.map(({ event }) => commitmentAnswer.parse(event));
type Outcome = FactOf<'ledger.commitment.reported'>['outcome'];
function heard(commitment: Commitment, outcome: Outcome, { attempt = 1, at = now } = {}): Promise<unknown> {
  const occurredAt = new Date(at).toISOString();
  const told = { attempt, outcome, association: 'new', reason: outcome } as const;
  return applyFacts(ledger.database, [{ ...newEnvelope(), occurredAt, type: 'ledger.commitment.reported', commitment, ...told }]);
}

describe('a storage commitment request', () => {
  it('is decided at once when everything is in custody, handed to the association of the request, then queued for any receiver', async () => {
    const instances = [await received(1), await received(2)];
    const commitment = await request(instances.map(({ sopInstanceUid }) => sopInstanceUid));
    const handedOver: CommitmentAnswer[] = [];
    const { replica } = commitment.association;
    await (await bus.bucket('commitment-handoff')).watch(`${replica}.*`, (value) =>
      handedOver.push(commitmentAnswer.parse(JSON.parse(Buffer.from(value).toString()))),
    );
    await later(SECOND_MS);
    assert.equal((await shown(commitment)).state, 'decided');
    assert.deepEqual([handedOver.length, handedOver[0]!.attempt, answers().length], [1, 0, 0]);
    const result = await readJsonObject(parts.store, handedOver[0]!.answerKey, commitmentResult);
    assert.deepEqual([result.committed.map(([, uid]) => uid), result.failed], [instances.map(({ sopInstanceUid }) => sopInstanceUid), []]);
    await later(4 * SECOND_MS);
    assert.deepEqual(
      answers().map(({ attempt }) => attempt),
      [1],
    );
    assert.equal(bus.published[0]!.to.subject, `commitment.answer.${commitment.id}`);
  });

  it('is told again with growing delay, never while a try is still queued, until it is heard', async () => {
    const commitment = await request([(await received(1)).sopInstanceUid]);
    await later(SECOND_MS);
    await later(4 * SECOND_MS);
    await heard(commitment, 'unreachable');
    await later(4 * SECOND_MS);
    assert.equal(answers().length, 1);
    await later(2 * SECOND_MS);
    assert.deepEqual(
      answers().map(({ attempt }) => attempt),
      [1, 2],
    );
    bus.queues.set(`COMMITMENTS commitment.answer.${commitment.id}`, 1);
    await later(HOUR_MS);
    assert.equal(answers().length, 2);
    bus.queues.clear();
    await later(HOUR_MS);
    assert.equal(answers().length, 3);
    await heard(commitment, 'reported', { attempt: 3 });
    await heard(commitment, 'unreachable', { attempt: 2 });
    await later(HOUR_MS);
    const { state, reportedOn, reason } = await shown(commitment);
    assert.deepEqual([state, reportedOn, reason, answers().length], ['reported', 'new', null, 3]);
  });

  it('does not call an instance missing while facts or events of it may still be on their way', async () => {
    const instance = objectOf(sampleInstance(1, 1)).instance;
    const commitment = await request([instance.sopInstanceUid, '1.2.3']);
    bus.queues.set('READY', 1);
    await later(15 * SECOND_MS);
    assert.equal((await shown(commitment)).state, 'open');
    bus.queues.clear();
    bus.queues.set('FACTS ledger', 3);
    await later(60 * SECOND_MS);
    assert.equal((await shown(commitment)).state, 'open');
    await received(1);
    bus.queues.clear();
    await later(60 * SECOND_MS);
    const { state, committed, failures } = await shown(commitment);
    assert.deepEqual([state, committed, failures], ['decided', 1, [{ sopClassUid: CT, sopInstanceUid: '1.2.3', reason: 0x0112 }]]);
  });

  it('does not put off for ever what a gateway that is never quiet has not got', async () => {
    const commitment = await request(['1.2.3']);
    bus.queues.set('RECEIVED', 1);
    await later(20 * 60 * SECOND_MS);
    assert.equal((await shown(commitment)).state, 'open');
    await later(11 * 60 * SECOND_MS);
    assert.deepEqual(
      (await shown(commitment)).failures.map(({ reason }) => reason),
      [0x0112],
    );
  });

  it('is not committed when the object in custody is not in the store', async () => {
    const instance = await received(1);
    await parts.store.delete(instance.objectKey);
    const commitment = await request([instance.sopInstanceUid]);
    await later(SECOND_MS);
    assert.deepEqual(
      (await shown(commitment)).failures.map(({ reason }) => reason),
      [0x0112],
    );
  });

  it('of a caller without a row waits for every delivery, and at the deadline fails with what is not delivered', async () => {
    const [one, two] = [await received(1), await received(2)];
    const commitment = await request([one.sopInstanceUid, two.sopInstanceUid], { callingAe: 'STRANGER' });
    await applyFacts(ledger.database, [
      routedFact(one, 2, { to: ['cloud', 'pacs'] }),
      routedFact(two, 2, { to: ['cloud'] }),
      confirmedFact(sampleDelivery(one, 'cloud'), 3),
    ]);
    await later(HOUR_MS);
    assert.equal((await shown(commitment)).state, 'open');
    await applyFacts(ledger.database, [confirmedFact(sampleDelivery(one, 'pacs'), 4)]);
    await later(23 * HOUR_MS);
    const { state, committed, failures } = await shown(commitment);
    assert.deepEqual(
      [state, committed, failures],
      ['decided', 1, [{ sopClassUid: CT, sopInstanceUid: two.sopInstanceUid, reason: 0x0110 }]],
    );
  });

  it('fails for what an operator discarded', async () => {
    const instance = await received(1);
    await applyFacts(ledger.database, [actedFact('instance-discarded', instance.receiptId, { seconds: 5, generation: 9 })]);
    const commitment = await request([instance.sopInstanceUid]);
    await later(SECOND_MS);
    assert.deepEqual(
      (await shown(commitment)).failures.map(({ reason }) => reason),
      [0x0112],
    );
  });

  it('repeated while open is joined to the first; with its transaction UID and other references, or later, it fails with 0131', async () => {
    const [one, two] = [(await received(1)).sopInstanceUid, (await received(2)).sopInstanceUid];
    const first = await request([one, two], { transactionUid: '1.2.77' });
    const repeat = await request([two, one], { transactionUid: '1.2.77' });
    const other = await request([one], { transactionUid: '1.2.77' });
    const stranger = await request([one, two], { transactionUid: '1.2.77', callingAe: 'CT2' });
    await later(SECOND_MS);
    const states = await Promise.all([first, repeat, other, stranger].map(async (one) => (await shown(one)).state));
    assert.deepEqual(states, ['decided', 'joined', 'decided', 'open']);
    assert.deepEqual(
      (await shown(other)).failures.map(({ reason }) => reason),
      [0x0131],
    );
    assert.deepEqual([(await shown(first)).committed, (await shown(first)).failed], [2, 0]);
    await heard(first, 'reported');
    const late = await request([one, two], { transactionUid: '1.2.77' });
    await later(SECOND_MS);
    assert.deepEqual(
      (await shown(late)).failures.map(({ reason }) => reason),
      [0x0131, 0x0131],
    );
  });

  it('repeated after its result was told, but before that was known here, fails with 0131 as soon as it is', async () => {
    const uid = (await received(1)).sopInstanceUid;
    const first = await request([uid], { transactionUid: '1.2.78' });
    await later(SECOND_MS);
    const toldAt = now;
    const before = await request([uid], { transactionUid: '1.2.78' });
    now += SECOND_MS;
    const behind = await request([uid], { transactionUid: '1.2.78' });
    assert.equal((await shown(behind)).state, 'joined');
    await heard(first, 'reported', { at: toldAt });
    await later(SECOND_MS);
    assert.deepEqual([(await shown(before)).state, (await shown(behind)).state], ['joined', 'decided']);
    assert.deepEqual(
      (await shown(behind)).failures.map(({ reason }) => reason),
      [0x0131],
    );
  });

  it('repeated on another association is answered there: the first may be gone', async () => {
    const uid = (await received(1)).sopInstanceUid;
    const first = await request([uid], { transactionUid: '1.2.79' });
    const handedOver: CommitmentAnswer[] = [];
    const watched = async ({ association: { replica } }: Commitment) =>
      (await bus.bucket('commitment-handoff')).watch(`${replica}.*`, (value) =>
        handedOver.push(commitmentAnswer.parse(JSON.parse(Buffer.from(value).toString()))),
      );
    await watched(first);
    await later(SECOND_MS);
    now += SECOND_MS;
    const repeat = await request([uid], { transactionUid: '1.2.79' });
    await watched(repeat);
    await later(0);
    const { association } = repeat;
    assert.deepEqual(
      handedOver.map(({ commitment }) => [commitment.id, commitment.association]),
      [
        [first.id, first.association],
        [first.id, association],
      ],
    );
    await later(4 * SECOND_MS);
    assert.deepEqual(
      answers().map(({ commitment }) => [commitment.id, commitment.association]),
      [[first.id, association]],
    );
  });

  it('given up before it was decided is decided once an operator asks for its result again', async () => {
    const uid = (await received(1)).sopInstanceUid;
    const lost = await request([uid]);
    const { store } = parts;
    parts = {
      ...parts,
      store: failing(store, 'get', (key) => (key === lost.requestKey ? Promise.reject(new ObjectMissing('gone')) : undefined)),
    };
    await later(SECOND_MS);
    assert.equal((await shown(lost)).state, 'undeliverable');
    parts = { ...parts, store };
    assert.ok(await retryCommitment(ledger.database, lost.id, new Date(now)));
    await later(SECOND_MS);
    assert.deepEqual([(await shown(lost)).state, (await shown(lost)).committed], ['decided', 1]);
  });

  it('is not committed when the object in custody has another size than was received', async () => {
    const instance = await received(1);
    await ledger.putObject(instance.objectKey, Buffer.alloc(instance.size - 1));
    const commitment = await request([instance.sopInstanceUid]);
    await later(SECOND_MS);
    assert.deepEqual(
      (await shown(commitment)).failures.map(({ reason }) => reason),
      [0x0112],
    );
  });

  it('that comes twice, as after a kill, is one', async () => {
    const commitment = await request([(await received(1)).sopInstanceUid]);
    await take(parts, commitment, new Date(now));
    await later(SECOND_MS);
    assert.deepEqual([(await shown(commitment)).state, (await shown(commitment)).duplicate], ['decided', false]);
  });

  it('is worked on by one ledger at a time, and again when that one was killed at it', async () => {
    const commitment = await request([(await received(1)).sopInstanceUid]);
    const at = new Date(now + SECOND_MS);
    const claims = await Promise.all([1, 2, 3].map(() => claimDueCommitments(ledger.database, at, 4)));
    assert.equal(claims.flat().length, 1);
    await later(SECOND_MS);
    assert.equal((await shown(commitment)).state, 'open');
    await later(20 * SECOND_MS);
    assert.equal((await shown(commitment)).state, 'decided');
  });

  it('without an address is undeliverable until there is one, and then decided anew; refused five times, or a week long unreachable, it is given up', async () => {
    const uid = (await received(1)).sopInstanceUid;
    const [homeless, refused, silent] = [await request([uid]), await request([uid]), await request([uid])];
    await later(SECOND_MS);
    await later(4 * SECOND_MS);
    await heard(homeless, 'no-address');
    assert.equal((await shown(homeless)).state, 'undeliverable');
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      assert.equal((await shown(refused)).state, 'decided');
      await heard(refused, 'refused', { attempt });
      await later(HOUR_MS);
    }
    assert.equal((await shown(refused)).state, 'undeliverable');
    await later(8 * 24 * HOUR_MS);
    assert.equal((await shown(silent)).state, 'undeliverable');
    await parts.store.delete((await ledger.database.query<{ key: ObjectKey }>('SELECT object_key AS key FROM instances'))[0]!.key);
    assert.equal(await reviveCommitments(ledger.database, ['CT1'], new Date(now)), 1);
    await later(SECOND_MS);
    const { state, committed, failed } = await shown(homeless);
    assert.deepEqual([state, committed, failed], ['decided', 0, 1], 'what is gone by then is not told as safe');
  });

  it('that could not be told is decided and told anew when it is repeated, on the association of the repeat', async () => {
    const uid = (await received(1)).sopInstanceUid;
    const first = await request([uid], { transactionUid: '1.2.80' });
    await later(SECOND_MS);
    await later(4 * SECOND_MS);
    await heard(first, 'no-address');
    assert.equal((await shown(first)).state, 'undeliverable');
    const repeat = await request([uid], { transactionUid: '1.2.80' });
    await heard(first, 'no-address');
    await later(SECOND_MS);
    await heard(first, 'no-address');
    assert.deepEqual([(await shown(first)).state, (await shown(first)).committed, (await shown(repeat)).state], ['decided', 1, 'joined']);
    await later(4 * SECOND_MS);
    assert.deepEqual(answers().at(-1)!.commitment.association, repeat.association);
  });

  it('whose own object is gone is given up, and holds up no other', async () => {
    const uid = (await received(1)).sopInstanceUid;
    const [lost, well] = [await request([uid]), await request([uid])];
    await parts.store.delete(lost.requestKey);
    await later(SECOND_MS);
    assert.deepEqual([(await shown(lost)).state, (await shown(well)).state], ['undeliverable', 'decided']);
  });
});
