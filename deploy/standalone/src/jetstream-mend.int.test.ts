// A JetStream folder as a power cut leaves it: nats-server starts, and every stream can be made and used again.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { Bus } from '@causeway/shared/bus/bus';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { type NatsServer, startNatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import { createLogger } from '@causeway/shared/logger';
import { z } from 'zod';
import { setAsideDamage } from './jetstream-mend.ts';

const PLAN = {
  stream: 'READY',
  name: 'c',
  filter: 'instance.ready.>',
  schema: z.any(),
  concurrency: 1,
  onPermanent: async () => {},
} as const;

let folder: string;
let server: NatsServer;
let bus: Bus;
const said: string[] = [];

beforeEach(async () => {
  said.length = 0;
  folder = mkdtempSync(join(tmpdir(), 'causeway-mend-'));
  server = await startNatsServer({ folder });
  bus = await connect();
  await bus.publish({ n: 1 }, { subject: 'instance.ready.routine.none', messageId: '1' });
  await bus.publish({ n: 1 }, { subject: 'instance.received.routine.none', messageId: '1' });
  await (await bus.consume({ ...PLAN, filter: 'instance.ready.stat.>' }, async () => {})).stop();
  await bus.close();
  await server.kill();
});
afterEach(async () => {
  await bus.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const connect = (): Promise<Bus> =>
  connectBus({ name: 'test', url: server.url, sizing: { replicas: 1, totalBytes: 1e8 }, log: createLogger('test', 'fatal') });
const fileOf = (...path: string[]): string => join(folder, 'jetstream', '$G', 'streams', ...path);

async function startMended(): Promise<void> {
  setAsideDamage(folder, (text) => said.push(text));
  await server.start();
  bus = await connect();
}

describe('a JetStream folder after a power cut', () => {
  for (const [what, damage] of [
    ['empty', (path: string) => truncateSync(path, 0)],
    ['full of zeros', (path: string) => writeFileSync(path, Buffer.alloc(100))],
    ['missing', (path: string) => rmSync(path)],
  ] as const)
    it(`with a stream whose description is ${what}: that stream is made anew, the others keep their messages`, async () => {
      damage(fileOf('READY', 'meta.inf'));
      await startMended();
      assert.equal((await bus.backlog('READY')).messages, 0);
      assert.equal((await bus.backlog('RECEIVED')).messages, 1);
      await bus.publish({ n: 2 }, { subject: 'instance.ready.routine.none', messageId: '2' });
      assert.match(said.join('\n'), /^JetStream lost READY in a power cut/);
      assert.ok(existsSync(join(folder, 'damaged', 'READY')));
    });

  it('with an empty key of a block of messages: that stream is made anew', async () => {
    writeFileSync(fileOf('RECEIVED', 'msgs', '1.key'), '');
    await startMended();
    assert.equal((await bus.backlog('RECEIVED')).messages, 0);
  });

  it('with a consumer whose description is empty: its stream is kept, and a consumer of that name works', async () => {
    truncateSync(fileOf('READY', 'obs', 'c', 'meta.inf'), 0);
    await startMended();
    const got = Promise.withResolvers<void>();
    const consumption = await bus.consume(PLAN, async () => got.resolve());
    await got.promise;
    await consumption.stop();
    assert.deepEqual(said, ['JetStream lost consumer c in a power cut: made anew']);
  });

  it('that is whole is left as it is', async () => {
    await startMended();
    assert.deepEqual([(await bus.backlog('READY')).messages, (await bus.backlog('RECEIVED')).messages], [1, 1]);
    assert.deepEqual(said, []);
  });
});
