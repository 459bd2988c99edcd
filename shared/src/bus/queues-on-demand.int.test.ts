// Consumers on demand on a real nats-server: made when there is work, removed when there is none, and no message lost to anybody in between.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { z } from 'zod';
import { createLogger } from '../logger.ts';
import type { Bus, Consumption } from './bus.ts';
import { removeForgottenConsumers } from './forgotten-consumers.ts';
import { connectBus } from './nats-bus.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';
import { type QueueName, QueuesOnDemand } from './queues-on-demand.ts';
import { type SubjectWatch, watchSubjects } from './subject-watch.ts';

const log = createLogger('test', 'error');
const schema = z.object({ n: z.number() });

/** A process that serves destinations on demand. */
interface Server {
  readonly queues: QueuesOnDemand;
  stop(): Promise<void>;
}

describe('queues on demand', () => {
  let nats: NatsServer;
  let bus: Bus;
  const servers = new Set<Server>();
  const received: { n: number; subject: string }[] = [];
  let wake: () => void = () => {};
  let published = 0;

  const publish = async (subject: string, bySomebody: Bus = bus): Promise<number> => {
    const n = ++published;
    await bySomebody.publish({ n }, { subject, messageId: `n-${n}` });
    return n;
  };
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, 20);
      wake = resolve;
      await promise;
      clearTimeout(timer);
    }
  };
  const has = (n: number): boolean => received.some((one) => one.n === n);
  const consumerName = ({ subject }: QueueName): string => subject.replaceAll('.', '_');
  const exists = async (consumer: string): Promise<boolean> => (await bus.position('DELIVERIES', consumer)) !== undefined;
  const existing = async (subjects: readonly string[]): Promise<string[]> => {
    const there = await Promise.all(subjects.map(async (subject) => ((await exists(subject.replaceAll('.', '_'))) ? [subject] : [])));
    return there.flat();
  };

  interface Options {
    readonly on?: Bus;
    readonly everyMs?: number;
    readonly idleLooks?: number;
    readonly replaces?: string[];
    readonly hints?: boolean;
    readonly handle?: () => Promise<void>;
  }

  function serve(destination: string, options: Options = {}): Server & { watch: SubjectWatch } {
    const own = options.on ?? bus;
    const heard = options.hints === false ? { ...own, onPublication: () => ({ stop: () => {} }) } : own;
    const plan = { stream: 'DELIVERIES', filter: 'delivery.due.>', keyTokens: 3, everyMs: options.everyMs ?? 30 } as const;
    const watch = watchSubjects({ bus: heard, log }, plan);
    const queues = new QueuesOnDemand({
      ...{ bus: own, stream: 'DELIVERIES', consumerName, log, idleLooks: options.idleLooks ?? 3 },
      consume: (queue, concurrency) => consume(own, { queue, concurrency, ...options }),
      allot: (names) => names.map(() => 4),
    });
    const following = watch.follow(`delivery.due.${destination}`, queues);
    const server = {
      queues,
      watch,
      stop: async () => {
        servers.delete(server);
        following.stop();
        watch.stop();
        await queues.stop();
      },
    };
    servers.add(server);
    return server;
  }

  function consume(
    own: Bus,
    { queue, concurrency, replaces, handle }: Options & { queue: QueueName; concurrency: number },
  ): Promise<Consumption> {
    return own.consume(
      {
        stream: 'DELIVERIES',
        name: consumerName(queue),
        filter: queue.subject,
        replaces,
        schema,
        concurrency,
        pullMs: 1_000,
        onPermanent: async () => {},
      },
      async ({ event }) => {
        await handle?.();
        received.push({ n: event.n, subject: queue.subject });
        wake();
      },
    );
  }
  const connect = (): Promise<Bus> => connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 1e9 }, log });

  before(async () => {
    nats = await startNatsServer();
    bus = await connect();
  });
  afterEach(async () => {
    for (const server of servers) await server.stop();
  });
  after(async () => {
    await bus.close();
    await nats.stop();
  });

  it('has no consumer until there is work, then one for each lane and facility with work, and none when there was none for a while', async () => {
    const { queues, watch } = serve('one');
    await until(() => watch.counts().size === 0);
    assert.equal(queues.size, 0);
    const subjects = ['stat.a', 'routine.a', 'routine.b'].map((tail) => `delivery.due.one.${tail}`);
    const numbers = await Promise.all(subjects.map((subject) => publish(subject)));
    await until(() => numbers.every(has));
    assert.deepEqual([queues.size, await existing(subjects)], [3, subjects]);
    await until(async () => queues.size === 0 && (await existing(subjects)).length === 0);
    const again = await publish('delivery.due.one.routine.b');
    await until(() => has(again));
    assert.deepEqual(await existing(subjects), ['delivery.due.one.routine.b']);
  });

  it('finds by looking what was queued before it came, and what nobody told it of', async () => {
    const before = await publish('delivery.due.two.prior.none');
    const { queues } = serve('two', { hints: false });
    await until(() => has(before));
    const later = await publish('delivery.due.two.stat.none');
    await until(() => has(later));
    assert.equal(queues.size, 2);
  });

  it('is told at once of a publication: it does not wait for its next look', async () => {
    const { watch } = serve('three', { everyMs: 3_600_000 });
    await until(() => watch.counts() instanceof Map);
    const told = await publish('delivery.due.three.routine.a');
    await until(() => has(told));
  });

  it('neither takes nor makes anything while paused, and makes up for it when resumed', async () => {
    const { queues } = serve('paused');
    queues.pause();
    const waiting = await publish('delivery.due.paused.routine.a');
    await until(async () => (await bus.subjects('DELIVERIES', 'delivery.due.paused.>')).size === 1);
    assert.equal(queues.size, 0);
    queues.resume();
    await until(() => has(waiting));
  });

  it('keeps a consumer whose message is under way, however long that takes', async () => {
    const gate = Promise.withResolvers<void>();
    const { queues } = serve('slow', { idleLooks: 1, handle: () => gate.promise });
    let looks = 0;
    const n = await publish('delivery.due.slow.routine.a');
    await until(() => queues.size === 1);
    await until(() => ++looks > 20);
    assert.equal(queues.size, 1);
    assert.equal(await bus.removeIdleConsumer('DELIVERIES', 'delivery_due_slow_routine_a'), false);
    gate.resolve();
    await until(() => has(n));
  });

  it('makes consumers again that somebody removed, or that went with all of JetStream', async () => {
    const { queues } = serve('again', { idleLooks: 1_000_000 });
    const first = await publish('delivery.due.again.routine.a');
    await until(() => has(first));
    await nats.kill();
    await nats.wipe();
    await nats.start();
    let n = 0;
    // Until the streams are made again the publication is refused.
    await until(async () => {
      n = await publish('delivery.due.again.routine.a').catch(() => 0);
      return n > 0;
    });
    await until(() => has(n));
    assert.equal(queues.size, 1);
  });

  // Two processes that give up idle queues at once; whenever one of them removes a consumer, a message for it is published a few moments before, between or after.
  it('orphans no message when a consumer is removed while one is published, in many rounds', async () => {
    const [one, other] = [await connect(), await connect()];
    const facilities = Array.from({ length: 40 }, (_, n) => `f${n}`);
    const numbers: number[] = [];
    let removals = 0;
    const racing = (own: Bus): Bus => ({
      ...own,
      removeIdleConsumer: async (stream, consumer) => {
        // nats-server 2.9 may trip over its own files when two remove one consumer: the caller bears it.
        const removing = own.removeIdleConsumer(stream, consumer).catch(() => true);
        // Each turn is a round trip to the broker, like the two that a removal makes.
        for (let turn = 0; turn < removals % 4; turn++) await bus.subjects('DELIVERIES', 'delivery.due.race.stat.*');
        if (removals < 200) numbers.push(await publish(consumer.replaceAll('_', '.')));
        const gone = await removing;
        if (gone) removals += 1;
        return gone;
      },
    });
    serve('race', { on: racing(one), everyMs: 10, idleLooks: 1 });
    serve('race', { on: racing(other), everyMs: 15, idleLooks: 1, hints: false });
    numbers.push(...(await Promise.all(facilities.map((facility) => publish(`delivery.due.race.routine.${facility}`)))));
    await until(() => removals >= 200);
    await until(() => numbers.every(has));
    await until(async () => (await bus.queued('DELIVERIES', 'delivery.due.race.>')) === 0);
    for (const server of servers) await server.stop();
    await Promise.all([one.close(), other.close()]);
  });

  it('takes over from the consumer of a former release, once nobody of that release asks it any more', async () => {
    const former = await connect();
    const plan = {
      stream: 'DELIVERIES',
      name: 'uploader-old-routine',
      filter: 'delivery.due.old.routine.>',
      schema,
      concurrency: 4,
      onPermanent: async () => {},
    } as const;
    const byFormer: number[] = [];
    const old = await former.consume(plan, async ({ event }) => {
      byFormer.push(event.n);
      wake();
    });
    const { queues } = serve('old', { replaces: ['uploader-old-routine'] });
    const first = await publish('delivery.due.old.routine.a');
    await until(() => byFormer.includes(first));
    assert.equal(has(first), false);
    await old.stop();
    await former.close();
    const second = await publish('delivery.due.old.routine.a');
    await until(() => has(second));
    assert.equal(queues.size, 1);
    assert.equal(await exists('uploader-old-routine'), false);
  });

  it('removes forgotten consumers when they were idle twice, and none that has anything to give or to whom somebody listens', async () => {
    const make = async (tail: string) => {
      const queue = { subject: `delivery.due.gone.routine.${tail}`, lane: 'routine', facility: tail } as const;
      return await consume(bus, { queue, concurrency: 1 });
    };
    await (await make('idle')).stop();
    await (await make('owing')).stop();
    await publish('delivery.due.gone.routine.owing');
    const listening = await make('listened');
    let rounds = 0;
    const asked: Bus = {
      ...bus,
      idleConsumers: (stream) => {
        rounds += 1;
        return bus.idleConsumers(stream);
      },
    };
    const tidying = removeForgottenConsumers({ bus: asked, log }, { stream: 'DELIVERIES', everyMs: 20 });
    const subjects = ['idle', 'owing', 'listened'].map((tail) => `delivery.due.gone.routine.${tail}`);
    await until(async () => !(await existing(subjects)).includes(subjects[0]!));
    const later = rounds + 5;
    await until(() => rounds > later);
    tidying.stop();
    assert.deepEqual(await existing(subjects), subjects.slice(1));
    await listening.stop();
  });
});
