// Publications and messages are timed by stream or kind; lanes, facilities and destinations are no labels.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { z } from 'zod';
import { TransientError } from '../errors.ts';
import { scrape } from '../metrics/scrape-for-tests.ts';
import type { Bus, Message } from './bus.ts';
import { measuredBus } from './measured-bus.ts';
import { RecordingBus } from './recording-bus-for-tests.ts';

it('counts publications that were refused, and messages that come back, beside those that went well', async () => {
  const recording = new RecordingBus();
  let handle: (message: Message<unknown>) => Promise<void> = async () => {};
  const consume = (async (_: unknown, handler: typeof handle) => {
    handle = handler;
  }) as unknown as Bus['consume'];
  const publish: Bus['publish'] = (event, to) => recording.publish(event, to);
  const { meter, text } = scrape();
  const bus = measuredBus({ publish, consume } as Bus, meter);
  const to = { subject: 'delivery.due.cloud.stat.north', messageId: '1' };
  await bus.publish({}, to);
  recording.refusing = true;
  await assert.rejects(bus.publish({}, to));
  const failures = [undefined, new TransientError('not now')];
  const plan = { stream: 'DELIVERIES', name: 'x', filter: 'x', schema: z.unknown(), concurrency: 1, onPermanent: async () => {} } as const;
  await bus.consume(plan, async () => {
    const failure = failures.shift();
    if (failure !== undefined) throw failure;
  });
  await handle({ event: {}, deliveryCount: 1 });
  await assert.rejects(handle({ event: {}, deliveryCount: 1 }), TransientError);
  const told = await text();
  assert.match(told, /^messaging_client_operation_duration_count\{messaging_destination_name="delivery.due"\} 1$/m);
  assert.match(
    told,
    /^messaging_client_operation_duration_count\{messaging_destination_name="delivery.due",error_type="PublicationRefused"\} 1$/m,
  );
  assert.match(told, /^messaging_process_duration_count\{messaging_destination_name="DELIVERIES",error_type="TransientError"\} 1$/m);
  assert.match(told, /^messaging_process_duration_count\{messaging_destination_name="DELIVERIES"\} 1$/m);
  assert.doesNotMatch(told, /north|cloud|stat\b/);
});
