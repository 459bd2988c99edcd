// What a balancer and a modality see of a receiver that is asked to end, and of several on one port. The receiver runs without Postgres, uploader and
// console: that it is ready shows that they play no part.
import assert from 'node:assert/strict';
import { chmodSync, renameSync } from 'node:fs';
import { connect } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { AssociationRejected } from '@causeway/shared/dicom/dimse/scu';
import { auditCustody } from './custody-audit.ts';
import { type ReceiverOptions, type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { RepeatingSenders } from './repeating-senders.ts';
import { openAssociation, storeOne } from './test-associations.ts';
import { until } from './wait-for-fact.ts';

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(options: ReceiverOptions = {}): Promise<ReceiverUnderTest> {
  const receiver = await startReceiver(options);
  cleanUps.push(() => receiver.stop());
  return receiver;
}

async function readiness({ opsUrl }: ReceiverUnderTest): Promise<{ status: number; checks: Record<string, string> }> {
  const response = await fetch(`${opsUrl}/health/ready`, { signal: AbortSignal.timeout(5_000) });
  return { status: response.status, checks: ((await response.json()) as { checks: Record<string, string> }).checks };
}

const isTransient = (error: unknown): boolean =>
  error instanceof AssociationRejected && error.transient && error.source === 3 && error.reason === 1;

const refusesConnections = ({ port }: ReceiverUnderTest): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });

describe('a receiver', () => {
  it('is ready by object store, JetStream and an open port alone', async () => {
    const receiver = await start();
    assert.deepEqual(await readiness(receiver), { status: 200, checks: { jetstream: 'ok', store: 'ok', listeners: 'ok' } });
    await receiver.nats!.kill();
    await until('JetStream is missed', async () => (await readiness(receiver)).checks.jetstream !== 'ok');
    assert.equal((await readiness(receiver)).status, 503);
    await receiver.nats!.start();
    await until('JetStream is back', async () => (await readiness(receiver)).status === 200);
    renameSync(receiver.objects, `${receiver.objects}-away`);
    await until('the store is missed', async () => (await readiness(receiver)).checks.store !== 'ok');
    assert.equal((await readiness(receiver)).status, 503);
    renameSync(`${receiver.objects}-away`, receiver.objects);
    chmodSync(receiver.objects, 0o700);
    await until('the store is back', async () => (await readiness(receiver)).status === 200);
  });

  it('asked to end is not ready at once while its port still answers: new associations are refused 2,3,1, an open one finishes', async () => {
    const receiver = await start({ env: { CAUSEWAY_DRAIN_MS: '60000' } });
    const open = await openAssociation(receiver.port);
    const ended = receiver.terminate();
    await until('503', async () => (await readiness(receiver)).status === 503);
    assert.deepEqual((await readiness(receiver)).checks, { draining: 'the service is draining' });
    await assert.rejects(openAssociation(receiver.port), isTransient);
    assert.equal(await storeOne(open, 1), 0);
    assert.equal(await storeOne(open, 2), 0);
    await assert.rejects(openAssociation(receiver.port), isTransient);
    await open.release();
    assert.equal(await ended, 0);
    assert.ok(await refusesConnections(receiver));
  });

  it('keeps its port open for the time of notice although nothing is open', async () => {
    const receiver = await start({ env: { CAUSEWAY_DRAIN_MS: '60000', CAUSEWAY_DRAIN_NOTICE_MS: '3000' } });
    const ended = receiver.terminate();
    await until('503', async () => (await readiness(receiver)).status === 503);
    await assert.rejects(openAssociation(receiver.port), isTransient);
    assert.equal(await ended, 0);
  });

  it('aborts what does not finish within its grace, and ends all the same', async () => {
    const receiver = await start({ env: { CAUSEWAY_DRAIN_MS: '500' } });
    const open = await openAssociation(receiver.port);
    assert.equal(await receiver.terminate(), 0);
    await until('the association is over', () => !open.open);
  });
});

describe('two receivers on one port', () => {
  it('are ended and started one after the other under load, and every instance is in custody, at the latest at its repeat', async () => {
    const shared = { CAUSEWAY_DICOM_REUSE_PORT: 'true', CAUSEWAY_DRAIN_MS: '10000' };
    const first = await start({ env: shared });
    const { port, objects } = first;
    const second = await start({ port, objects, natsUrl: first.nats!.url, document: 'published', env: shared });
    const senders = new RepeatingSenders({ port, senders: 4, instances: 5, seed: 7 });
    cleanUps.push(() => senders.stop());
    const more = async (count: number) => {
      const before = senders.outcomes.length;
      await until(`${count} more instances`, () => senders.outcomes.length >= before + count);
    };
    await more(50);
    for (const receiver of [first, second]) {
      assert.equal(await receiver.terminate(), 0);
      await more(50);
      await receiver.start();
      await more(50);
    }
    await senders.stop();
    console.log(`${senders.outcomes.length} sent, ${senders.repeated.length} accepted at the repeat, ${senders.failed.length} failed`);
    assert.deepEqual(senders.failed, []);
    const { events, orphans } = await auditCustody(first.bus, objects, senders.accepted);
    assert.ok(events.length >= senders.accepted.length);
    assert.deepEqual(orphans, []);
    for (const receiver of [first, second]) assert.equal(receiver.log().match(/"message":"listening"/g)?.length, 2);
  });
});
