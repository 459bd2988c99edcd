// A stream read once more on a real nats-server: what it has of the range, and no waiting for what it no longer has.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { receivedFact, sampleInstance } from '../database/facts-for-tests.ts';
import { type Fact, fact } from '../events/facts.ts';
import { createLogger } from '../logger.ts';
import type { Bus } from './bus.ts';
import { connectBus } from './nats-bus.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';

const COUNT = 20;

describe('a replay', () => {
  let nats: NatsServer;
  let bus: Bus;
  let connection: NatsConnection;
  let manager: JetStreamManager;
  /** Sequence number of the first fact of the test. */
  let first: number;

  before(async () => {
    nats = await startNatsServer();
    bus = await connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 64e6 }, log: createLogger('test', 'silent') });
    connection = await connect({ servers: nats.url });
    manager = await jetstreamManager(connection);
  });
  after(async () => {
    await connection?.close();
    await bus?.close();
    await nats?.stop();
  });
  beforeEach(async () => {
    first = (await manager.streams.info('FACTS')).state.last_seq + 1;
    for (let n = 0; n < COUNT; n += 1) await bus.publishFact(receivedFact(sampleInstance(first, n), n));
  });

  const replayed = async (): Promise<number> => {
    const range = { stream: 'FACTS', after: first - 1, upTo: first + COUNT - 1, schema: fact } as const;
    const given: Fact[] = [];
    const count = await bus.replay(range, async (facts) => void given.push(...facts));
    assert.equal(given.length, count);
    return count;
  };

  it('gives the range, and nothing that came after it', async () => {
    await bus.publishFact(receivedFact(sampleInstance(first, COUNT), COUNT));
    assert.equal(await replayed(), COUNT);
  });

  it('gives what is left where the beginning was too old to be kept', async () => {
    await manager.streams.purge('FACTS', { seq: first + 5 });
    assert.equal(await replayed(), COUNT - 5);
  });

  it('gives nothing, and waits for nothing, where the whole range was too old to be kept', async () => {
    await manager.streams.purge('FACTS');
    assert.equal(await replayed(), 0);
  });
});
