// Uploaders towards an archive that has to commit: nothing is confirmed before it did, and nothing is sent again because it is slow, silent, or because an uploader was killed.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { FAILURE_REASON } from '@causeway/shared/dicom/storage-commitment/push-model';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { FactOf } from '@causeway/shared/events/facts';
import { type CommitmentArchive, startCommitmentArchive } from './commitment-archive-for-tests.ts';
import { startUploadersForTests, type Uploaders } from './uploaders-for-tests.ts';

let uploaders: Uploaders;
let archive: CommitmentArchive;
let destination = '';
let drawn = 0;

before(async () => {
  uploaders = await startUploadersForTests();
});
after(() => uploaders?.close());

/** A destination and an archive of its own for each test. */
beforeEach(async () => {
  archive = await startCommitmentArchive();
  destination = `pacs-${++drawn}`;
});
afterEach(() => archive.close());

const configure = async (commitment: string): Promise<void> =>
  uploaders.configure({
    destinations: [
      {
        ...{ id: destination, kind: 'dimse', host: '127.0.0.1', port: archive.port, calledAe: 'ARCHIVE', confirm: 'storage-commitment' },
        ...{ images: 'as-received', timeouts: { commitment }, retry: { first: '100ms', max: '1s' } },
      },
    ],
  });
const make = (count: number): Promise<Delivery[]> => uploaders.makeDue(count, { destination, facility: 'north', edge: 8 });
const uidOf = ({ instance }: Delivery): string => instance.sopInstanceUid;
const isDone = (deliveries: readonly Delivery[]): boolean => deliveries.every(({ id }) => uploaders.confirmed().has(id));
const told = <T extends 'ledger.delivery.confirmed' | 'ledger.delivery.attempted' | 'ledger.delivery.failed'>(type: T, of: Delivery) =>
  uploaders.facts.filter((fact): fact is FactOf<T> => fact.type === type && 'delivery' in fact && fact.delivery.id === of.id);
const asked = (): string[] => archive.requests.flatMap(({ references }) => references.map(({ sopInstanceUid }) => sopInstanceUid));

describe('an archive that has to commit', () => {
  it('confirms a delivery by its answer on the same association, asked once for a batch', async () => {
    await configure('1h');
    const deliveries = await make(20);
    const uploader = await uploaders.start();
    await uploaders.until(() => isDone(deliveries));
    assert.deepEqual(archive.stored.toSorted(), deliveries.map(uidOf).toSorted());
    assert.deepEqual(asked().toSorted(), deliveries.map(uidOf).toSorted());
    assert.ok(archive.requests.length < 20, `${archive.requests.length} requests for 20 instances`);
    assert.deepEqual(new Set(archive.heard), new Set([0]));
    const [fact] = told('ledger.delivery.confirmed', deliveries[0]!);
    assert.deepEqual(
      [fact!.confirmation, fact!.digest, fact!.attempt],
      ['c-store 0000 + storage commitment', deliveries[0]!.instance.digest, 1],
    );
    await uploaders.end(uploader, 'SIGTERM');
  });

  it('fails some of a batch: the others are confirmed, what it does not have is sent again, what it never commits to is parked', async () => {
    await configure('1h');
    const deliveries = await make(6);
    const [missing, never, ...others] = deliveries as [Delivery, Delivery, ...Delivery[]];
    archive.failure = ({ sopInstanceUid }) => {
      if (sopInstanceUid === uidOf(never)) return FAILURE_REASON.sopClassNotSupported;
      const times = archive.stored.filter((uid) => uid === sopInstanceUid).length;
      return sopInstanceUid === uidOf(missing) && times < 2 ? FAILURE_REASON.noSuchObjectInstance : undefined;
    };
    const uploader = await uploaders.start();
    await uploaders.until(() => isDone([missing, ...others]) && told('ledger.delivery.failed', never).length > 0);
    assert.deepEqual(
      deliveries.map((delivery) => archive.stored.filter((uid) => uid === uidOf(delivery)).length),
      [2, 1, 1, 1, 1, 1],
    );
    assert.match(told('ledger.delivery.failed', never)[0]!.reason, /0122/);
    assert.equal(uploaders.confirmed().has(never.id), false);
    assert.match(told('ledger.delivery.attempted', missing)[0]!.reason, /0112.*sent again/);
    await uploaders.end(uploader, 'SIGTERM');
  });

  it('says nothing: the request is made again, the instances are not sent again, and waiting counts as no try', async () => {
    await configure('1s');
    archive.answers = false;
    const deliveries = await make(3);
    const uploader = await uploaders.start();
    await uploaders.until(() => new Set(archive.requests.map(({ transactionUid }) => transactionUid)).size >= 4);
    assert.equal(isDone(deliveries), false);
    archive.answers = true;
    await uploaders.until(() => isDone(deliveries));
    assert.deepEqual(archive.stored.toSorted(), deliveries.map(uidOf).toSorted());
    const [waiting] = told('ledger.delivery.attempted', deliveries[0]!);
    assert.match(waiting!.reason, /waiting for the archive's storage commitment/);
    assert.equal(told('ledger.delivery.confirmed', deliveries[0]!)[0]!.attempt, 1);
    await uploaders.end(uploader, 'SIGTERM');
  });

  it('answers late on the same association: it counts when the message is looked at again, without another request', async () => {
    await configure('1h');
    archive.answers = false;
    const deliveries = await make(3);
    const uploader = await uploaders.start();
    await uploaders.until(() => deliveries.every((delivery) => told('ledger.delivery.attempted', delivery).length > 0));
    const { length } = archive.requests;
    await archive.answerNow();
    await uploaders.until(() => isDone(deliveries));
    assert.equal(archive.requests.length, length);
    assert.equal(archive.stored.length, 3);
    await uploaders.end(uploader, 'SIGTERM');
  });

  it('is asked again by the next uploader when the first one was killed after the store: nothing is sent twice', async () => {
    await configure('1s');
    archive.answers = false;
    const deliveries = await make(3);
    const uploader = await uploaders.start();
    await uploaders.until(() => asked().length >= 3);
    await uploaders.end(uploader, 'SIGKILL');
    assert.equal(isDone(deliveries), false);
    archive.answers = true;
    const next = await uploaders.start();
    await uploaders.until(() => isDone(deliveries));
    assert.deepEqual(archive.stored.toSorted(), deliveries.map(uidOf).toSorted());
    await uploaders.end(next, 'SIGTERM');
  });

  it('does not offer storage commitment: the destination pauses with words that say so, and goes on where it stopped once the archive offers it', async () => {
    await configure('1h');
    archive.offers = false;
    const deliveries = await make(3);
    const uploader = await uploaders.start();
    const paused = () =>
      uploaders.facts.some(
        (fact) =>
          fact.type === 'ledger.destination.changed' &&
          fact.destination === destination &&
          /does not offer storage commitment/.test(fact.reason ?? ''),
      );
    await uploaders.until(paused);
    assert.equal(isDone(deliveries), false);
    archive.offers = true;
    await uploaders.until(() => isDone(deliveries));
    assert.deepEqual(archive.stored.toSorted(), deliveries.map(uidOf).toSorted());
    await uploaders.end(uploader, 'SIGTERM');
  });

  it('refuses each request in words that may mean anything: what is stored is asked for five times, then parked, and sent once', async () => {
    await configure('1h');
    archive.actionStatus = 0x0110;
    const [delivery] = await make(1);
    const uploader = await uploaders.start();
    await uploaders.until(() => told('ledger.delivery.failed', delivery!).length > 0);
    assert.match(told('ledger.delivery.failed', delivery!)[0]!.reason, /N-ACTION status 0110; not tried again/);
    assert.equal(told('ledger.delivery.attempted', delivery!).length, 4);
    assert.deepEqual(archive.stored, [uidOf(delivery!)]);
    await uploaders.end(uploader, 'SIGTERM');
  });
});
