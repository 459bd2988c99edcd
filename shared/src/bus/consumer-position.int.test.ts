// What lies behind a consumer, asked of a real nats-server.
import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { AckPolicy, jetstream, jetstreamManager, RetentionPolicy } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { firstMessage } from './consumer-position.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';

let server: NatsServer;
let nats: NatsConnection;
before(async () => {
  server = await startNatsServer();
  nats = await connect({ servers: server.url });
});
after(async () => {
  await nats?.close();
  await server?.stop();
});

it('finds the first message that fits, and whether everything to it and further is acknowledged, or it was given to somebody, or to nobody yet', async () => {
  const manager = await jetstreamManager(nats);
  const client = jetstream(nats);
  await manager.streams.add({ name: 'WORK', subjects: ['work.>'], retention: RetentionPolicy.Workqueue });
  for (const subject of ['work.left', 'work.done', 'work.done']) await client.publish(subject);
  await manager.consumers.add('WORK', { durable_name: 'done', filter_subject: 'work.done', ack_policy: AckPolicy.Explicit });
  const consumer = await client.consumers.get('WORK', 'done');
  const first = (filter: string) => firstMessage(manager, 'WORK', { consumer: 'done', filter });
  assert.deepEqual(await first('work.left'), { seq: 1, place: 'ahead', gifts: 0 });
  for await (const message of await consumer.fetch({ max_messages: 2, expires: 1_000 })) await message.ackAck();
  assert.deepEqual(await first('work.left'), { seq: 1, place: 'behind', gifts: 2 });
  assert.equal(await first('work.done'), undefined);
  await client.publish('work.done');
  assert.deepEqual(await first('work.done'), { seq: 4, place: 'ahead', gifts: 2 });
  for await (const message of await consumer.fetch({ max_messages: 1, expires: 1_000 })) message.working();
  assert.deepEqual(await first('work.done'), { seq: 4, place: 'given', gifts: 3 });
});
