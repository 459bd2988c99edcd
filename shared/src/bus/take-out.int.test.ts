// Messages taken out of a work queue on a real nats-server, beside consumers that others have on it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sampleDelivery, sampleInstance } from '../database/facts-for-tests.ts';
import { type DeliveryDue, deliveryDue } from '../events/delivery.ts';
import { newEnvelope } from '../events/envelope.ts';
import { deliverySubject } from '../events/flow.ts';
import { createLogger } from '../logger.ts';
import type { Bus } from './bus.ts';
import { connectBus } from './nats-bus.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';

describe('taking out of a work queue', () => {
  let nats: NatsServer;
  let bus: Bus;
  before(async () => {
    nats = await startNatsServer();
    bus = await connectBus({
      name: 'test',
      url: nats.url,
      sizing: { replicas: 1, totalBytes: 256e6 },
      log: createLogger('test', 'silent'),
    });
  });
  after(async () => {
    await bus?.close();
    await nats?.stop();
  });

  let drawn = 0;
  async function publish(destination: string, count: number): Promise<string[]> {
    const ids: string[] = [];
    for (let n = 0; n < count; n += 1) {
      drawn += 1;
      const delivery = sampleDelivery(sampleInstance(1, drawn), destination);
      const event: DeliveryDue = { ...newEnvelope(0), type: 'delivery.due', delivery };
      await bus.publish(event, {
        subject: deliverySubject(destination, n % 3 === 0 ? 'stat' : 'routine', 'north'),
        messageId: delivery.id,
      });
      ids.push(delivery.id);
    }
    return ids;
  }
  const rangeOf = (destination: string) =>
    ({ stream: 'DELIVERIES', subject: `delivery.due.${destination}.>`, schema: deliveryDue }) as const;
  const queued = (destination: string): Promise<number> => bus.queued('DELIVERIES', `delivery.due.${destination}.>`);

  it('hands over every message of the subject in its order, and leaves those of others; also beside a consumer that holds some of them', async () => {
    const gone: string[] = [];
    for (let n = 0; n < 30; n += 1) {
      gone.push(...(await publish('gone', 9)));
      await publish('here', 1);
    }
    const held = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const consumption = await bus.consume(
      {
        stream: 'DELIVERIES',
        name: 'other',
        filter: 'delivery.due.gone.stat.>',
        schema: deliveryDue,
        concurrency: 5,
        onPermanent: async () => {},
      },
      () => {
        begun.resolve();
        return held.promise;
      },
    );
    await begun.promise;
    const taken: string[] = [];
    const count = await bus.takeOut(rangeOf('gone'), async (events) => {
      taken.push(...events.map(({ delivery }) => delivery.id));
      return true;
    });
    assert.deepEqual(taken, gone);
    assert.deepEqual([count, await queued('gone'), await queued('here')], [gone.length, 0, 30]);
    assert.deepEqual([...(await bus.subjects('DELIVERIES', 'delivery.due.>'))].sort(), [['delivery.due.here.stat.north', 30]]);
    held.resolve();
    await consumption.stop();
  });

  it('leaves what was not taken over: after an error, and after a no', async () => {
    await publish('refused', 5);
    await assert.rejects(
      bus.takeOut(rangeOf('refused'), () => Promise.reject(new Error('killed here'))),
      /killed here/,
    );
    assert.equal(await bus.takeOut(rangeOf('refused'), async () => false), 0);
    assert.equal(await queued('refused'), 5);
  });

  it('does not delete what comes while a page is handled', async () => {
    await publish('busy', 3);
    let pages = 0;
    const count = await bus.takeOut(rangeOf('busy'), async () => {
      pages += 1;
      if (pages === 1) await publish('busy', 2);
      return true;
    });
    assert.deepEqual([pages, count, await queued('busy')], [2, 5, 0]);
  });

  it('has nothing to do where nothing is', async () => {
    assert.equal(await bus.takeOut(rangeOf('nowhere'), () => assert.fail('called')), 0);
  });
});
