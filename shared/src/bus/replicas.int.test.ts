// Replicas over a real nats-server: they find each other, and are missed when they end.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createLogger } from '../logger.ts';
import type { Bus } from './bus.ts';
import { connectBus } from './nats-bus.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';
import { joinReplicas, type Replicas } from './replicas.ts';

const log = createLogger('test', 'error');

/** Resolves once each of them counts so many. */
async function untilEachCounts(replicas: readonly Replicas[], count: number): Promise<void> {
  const agreed = () => replicas.every((one) => one.living().length === count);
  while (!agreed()) {
    const changed = Promise.withResolvers<void>();
    const followed = replicas.map((one) => one.onChange(changed.resolve));
    if (!agreed()) await changed.promise;
    for (const { stop } of followed) stop();
  }
}

describe('joinReplicas', () => {
  let server: NatsServer;
  const buses = new Set<Bus>();
  const join = async (): Promise<{ bus: Bus; replicas: Replicas }> => {
    const bus = await connectBus({ name: 'test', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log });
    buses.add(bus);
    return { bus, replicas: await joinReplicas({ bus, log }, 'tested') };
  };

  before(async () => {
    server = await startNatsServer();
  });
  after(async () => {
    await Promise.all([...buses].map((bus) => bus.close()));
    await server.stop();
  });

  it('knows at once who was there before, is known to them soon, in the same order everywhere', async () => {
    const { replicas: one } = await join();
    assert.deepEqual(one.living(), [one.self]);
    const { replicas: other } = await join();
    assert.deepEqual(other.living(), [one.self, other.self].sort());
    await untilEachCounts([one, other], 2);
    assert.deepEqual(one.living(), other.living());
    await other.leave();
    await untilEachCounts([one], 1);
    await one.leave();
  });

  it('misses a replica that ends without a word, and keeps everybody over a restart of the broker', async () => {
    const [one, other, lost] = [await join(), await join(), await join()];
    const staying = [one.replicas, other.replicas];
    await untilEachCounts([...staying, lost.replicas], 3);
    const losses: number[] = [];
    one.replicas.onChange(() => void losses.push(one.replicas.living().length));
    await server.kill();
    await server.start();
    await other.replicas.leave();
    await untilEachCounts([one.replicas, lost.replicas], 2);
    buses.delete(lost.bus);
    await lost.bus.close();
    await untilEachCounts([one.replicas], 1);
    assert.deepEqual(losses, [2, 1]);
    await one.replicas.leave();
  });
});
