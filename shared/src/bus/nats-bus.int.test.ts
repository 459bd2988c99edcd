// The bus against a real nats-server: what is acknowledged is there, what fails comes back, restarts are outlived.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';
import { PermanentError, PublicationRefused, TransientError } from '../errors.ts';
import { FLOW } from '../events/flow.ts';
import { createLogger } from '../logger.ts';
import type { Bus, ConsumerPlan } from './bus.ts';
import { connectBus } from './nats-bus.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';

const log = createLogger('test', 'error');
const schema = z.object({ n: z.number() });

describe('bus on nats-server', () => {
  let server: NatsServer;
  let bus: Bus;

  before(async () => {
    server = await startNatsServer();
    bus = await connectBus({ name: 'test', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log });
  });
  after(async () => {
    await bus.close();
    await server.stop();
  });

  const plan = (
    name: string,
    filter: string,
    onPermanent: ConsumerPlan<{ n: number }>['onPermanent'] = async () => {},
  ): ConsumerPlan<{ n: number }> => ({
    stream: 'READY',
    name,
    filter,
    schema,
    concurrency: 4,
    retryDelayMs: () => 10,
    onPermanent,
  });

  it('tells how full each stream is and how many copies of it are up to date', async () => {
    await bus.publish({ n: 1 }, { subject: 'retrieval.due.full', messageId: 'full-1' });
    const states = await bus.streams();
    const { backlog, copies } = states.find(({ stream }) => stream === 'RETRIEVALS')!;
    assert.deepEqual([backlog.messages, backlog.most.messages, copies], [1, 1_000_000, { wanted: 1, current: 1 }]);
    assert.ok(backlog.bytes > 0 && backlog.most.bytes === 2_000_000);
    assert.equal(states.length, Object.keys(FLOW).length);
  });

  it('tells how far the clock is from the broker: that of one machine is right, one that is set wrong shows by how much', async (test) => {
    const right = (await bus.clockOffsetMs())!;
    assert.ok(Math.abs(right) < 1_000, `${right}`);
    const real = Date.now;
    test.mock.method(Date, 'now', () => real() + 90_000);
    const wrong = (await bus.clockOffsetMs())!;
    assert.ok(Math.abs(wrong - 90_000) < 1_000, `${wrong}`);
  });

  it('hands every published message to the handler once it is free, and never more at a time than the concurrency', async () => {
    const got = new Set<number>();
    let now = 0;
    let most = 0;
    const all = Promise.withResolvers<void>();
    const consumption = await bus.consume(plan('all', 'instance.ready.routine.all'), async ({ event }) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      now--;
      got.add(event.n);
      if (got.size === 200) all.resolve();
    });
    await Promise.all(
      Array.from({ length: 200 }, (_, n) => bus.publish({ n }, { subject: 'instance.ready.routine.all', messageId: `all-${n}` })),
    );
    await all.promise;
    await consumption.stop();
    assert.ok(most <= 4, `${most} handlers at a time`);
  });

  it('gives a message back after a TransientError and counts its deliveries', async () => {
    const third = Promise.withResolvers<number>();
    const consumption = await bus.consume(plan('again', 'instance.ready.routine.again'), async ({ deliveryCount }) => {
      if (deliveryCount < 3) throw new TransientError('not yet');
      third.resolve(deliveryCount);
    });
    await bus.publish({ n: 1 }, { subject: 'instance.ready.routine.again', messageId: 'again-1' });
    assert.equal(await third.promise, 3);
    await consumption.stop();
  });

  it('reports a message that is not of the schema, or fails for good, and takes it off the queue', async () => {
    const failures: string[] = [];
    const both = Promise.withResolvers<void>();
    const onPermanent = async ({ error }: { error: Error }) => {
      failures.push(error.message);
      if (failures.length === 2) both.resolve();
    };
    const consumption = await bus.consume(plan('poison', 'instance.ready.routine.poison', onPermanent), async () => {
      throw new PermanentError('never');
    });
    await bus.publish({ n: 'x' }, { subject: 'instance.ready.routine.poison', messageId: 'poison-1' });
    await bus.publish({ n: 1 }, { subject: 'instance.ready.routine.poison', messageId: 'poison-2' });
    await both.promise;
    await consumption.stop();
    assert.deepEqual(failures.sort(), ['message on READY is not of its schema: n: invalid_type', 'never']);
    // The server takes acknowledgements from a queue of its own: a question may overtake them.
    while ((await bus.unacknowledged('READY', 'poison')) > 0) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('refuses definitely, not with an unknown outcome, when no stream takes the subject', async () => {
    await assert.rejects(bus.publish({}, { subject: 'nobody.listens', messageId: 'x' }), PublicationRefused);
  });

  it('takes nothing while paused and goes on when resumed', async () => {
    const got: number[] = [];
    let arrived = Promise.withResolvers<void>();
    const consumption = await bus.consume(plan('pause', 'instance.ready.routine.pause'), async ({ event }) => {
      got.push(event.n);
      arrived.resolve();
    });
    consumption.pause();
    await bus.publish({ n: 1 }, { subject: 'instance.ready.routine.pause', messageId: 'pause-1' });
    assert.equal(await bus.unacknowledged('READY', 'pause'), 1);
    const since = await bus.waitingSince('READY', 'pause');
    assert.ok(since !== undefined && Math.abs(Date.now() - since.getTime()) < 60_000, String(since));
    assert.deepEqual(got, []);
    arrived = Promise.withResolvers<void>();
    consumption.resume();
    await arrived.promise;
    while ((await bus.waitingSince('READY', 'pause')) !== undefined) await new Promise((resolve) => setTimeout(resolve, 10));
    await consumption.stop();
  });

  it('keeps a bucket value and tells a watcher of each change', async () => {
    const bucket = await bus.bucket('test-bucket');
    await bucket.put('a', Buffer.from('1'));
    const seen: string[] = [];
    const second = Promise.withResolvers<void>();
    const watch = await bucket.watch('a', (value) => {
      seen.push(Buffer.from(value).toString());
      if (seen.length === 2) second.resolve();
    });
    await bucket.put('a', Buffer.from('2'));
    await second.promise;
    watch.stop();
    assert.deepEqual(seen, ['1', '2']);
    assert.equal(Buffer.from((await bucket.get('a'))!).toString(), '2');
    assert.equal(await bucket.get('b'), undefined);
    await bucket.delete('a');
    assert.equal(await bucket.get('a'), undefined);
  });

  it('counts the queued messages of one subject whether or not anybody consumes them', async () => {
    for (const [n, destination] of ['cloud', 'cloud', 'pacs'].entries())
      await bus.publish({ n }, { subject: `delivery.due.${destination}.routine.none`, messageId: `queued-${n}` });
    assert.equal(await bus.queued('DELIVERIES', 'delivery.due.cloud.>'), 2);
    assert.equal(await bus.queued('DELIVERIES', 'delivery.due.pacs.>'), 1);
    assert.equal(await bus.queued('DELIVERIES', 'delivery.due.nowhere.>'), 0);
  });

  it('goes on consuming and publishing after nats-server was killed and started again', async () => {
    const got = new Set<number>();
    const second = Promise.withResolvers<void>();
    const consumption = await bus.consume(plan('restart', 'instance.ready.routine.restart'), async ({ event }) => {
      got.add(event.n);
      if (event.n === 2) second.resolve();
    });
    await bus.publish({ n: 1 }, { subject: 'instance.ready.routine.restart', messageId: 'restart-1' });
    await server.kill();
    await assert.rejects(
      bus.publish({ n: 9 }, { subject: 'instance.ready.routine.restart', messageId: 'restart-9', timeoutMs: 500 }),
      TransientError,
    );
    await server.start();
    await publishUntilTaken(bus, { subject: 'instance.ready.routine.restart', messageId: 'restart-2' }, { n: 2 });
    await second.promise;
    await consumption.stop();
  });

  it('makes its streams and consumers again when JetStream lost all its data', async () => {
    const got = Promise.withResolvers<void>();
    const consumption = await bus.consume(plan('lost', 'instance.ready.routine.lost'), async () => got.resolve());
    await server.kill();
    await server.wipe();
    await server.start();
    await publishUntilTaken(bus, { subject: 'instance.ready.routine.lost', messageId: 'lost-1' }, { n: 1 });
    await got.promise;
    await consumption.stop();
  });
});

describe('a stream that lost its end in a power cut, its consumers not', () => {
  let folder: string;
  let server: NatsServer;
  let bus: Bus;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'causeway-tail-'));
    server = await startNatsServer({ folder });
    bus = await connectBus({ name: 'tail', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log: createLogger('test', 'fatal') });
  });
  after(async () => {
    await bus.close();
    await server.stop();
  });

  it('gives what is published then to its consumers, and passes nothing over', async () => {
    const messages = join(folder, 'jetstream', '$G', 'streams', 'READY', 'msgs');
    const older = join(folder, 'older');
    const subject = 'instance.ready.routine.tail';
    const got = new Set<number>();
    const plan = { stream: 'READY', name: 'tail', filter: subject, schema, concurrency: 4, onPermanent: async () => {} } as const;
    const consumption = await bus.consume(plan, async ({ event }) => void got.add(event.n));
    const publish = async (from: number, to: number): Promise<void> => {
      for (let n = from; n < to; n++) await publishUntilTaken(bus, { subject, messageId: `tail-${n}` }, { n });
      while (got.size < to || (await bus.unacknowledged('READY', 'tail')) > 0) await new Promise((resolve) => setTimeout(resolve, 20));
    };
    await publish(0, 10);
    await cp(messages, older, { recursive: true });
    await publish(10, 30);
    await server.stop({ keep: true });
    await rm(messages, { recursive: true });
    await cp(older, messages, { recursive: true });
    await server.start();
    await publish(30, 35);
    await consumption.stop();
  });
});

describe('the end of a bus', { timeout: 60_000 }, () => {
  let server: NatsServer;
  before(async () => {
    server = await startNatsServer();
  });
  after(() => server.stop());

  it('lets the process end though consumers, a pause and a watch were never stopped', async () => {
    const program = `
      import { connectBus } from '${import.meta.resolve('./nats-bus.ts')}';
      import { createLogger } from '${import.meta.resolve('../logger.ts')}';
      import { z } from '${import.meta.resolve('zod')}';
      const bus = await connectBus({ name: 'end', url: '${server.url}', sizing: { replicas: 1, totalBytes: 1e8 }, log: createLogger('test', 'fatal') });
      const plan = { stream: 'READY', name: 'end', filter: 'instance.ready.>', schema: z.any(), concurrency: 1, onPermanent: async () => {} };
      await bus.consume(plan, async () => {});
      (await bus.consume({ ...plan, stream: 'RECEIVED', filter: 'instance.received.>' }, async () => {})).pause();
      await (await bus.bucket('end')).watch('key', () => {});
      await bus.close();
      console.log('closed');`;
    const ended = promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], { timeout: 10_000 });
    assert.equal((await ended).stdout, 'closed\n');
  });

  it('ends at once while nats-server is away', async () => {
    const bus = await connectBus({ name: 'away', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log });
    await server.kill();
    await assert.rejects(bus.publish({}, { subject: 'probe.away', messageId: 'away', timeoutMs: 500 }), TransientError);
    await bus.close();
    await server.start();
  });

  it('never comes of passwords being wrong for a while: it goes on connecting', { timeout: 30_000 }, async () => {
    const bus = await connectBus({ name: 'auth', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log });
    const port = Number(new URL(server.url).port);
    await server.kill();
    const thrice = Promise.withResolvers<void>();
    let tries = 0;
    const refusing = createServer((socket) => {
      if (++tries === 3) thrice.resolve();
      socket.on('error', () => {});
      socket.write(
        `INFO ${JSON.stringify({ server_id: 'x', version: '2.9.10', max_payload: 1e6, headers: true, auth_required: true })}\r\n`,
      );
      socket.once('data', () => socket.end("-ERR 'Authorization Violation'\r\n"));
    });
    await new Promise<void>((resolve) => refusing.listen(port, '127.0.0.1', resolve));
    await thrice.promise;
    await new Promise((resolve) => refusing.close(resolve));
    await server.start();
    await publishUntilTaken(bus, { subject: 'probe.auth', messageId: 'auth' }, {});
    await bus.close();
  });
});

async function publishUntilTaken(bus: Bus, to: { subject: string; messageId: string }, event: object): Promise<void> {
  for (;;) {
    try {
      return await bus.publish(event, { ...to, timeoutMs: 1_000 });
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
