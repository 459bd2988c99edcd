// What a JetStream acknowledgement proves, and what it does not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { headers, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { PublicationRefused, PublicationUnknown } from '../errors.ts';
import { AcknowledgedPublisher } from './acknowledged-publisher.ts';
import { RepliedRequests } from './replied-requests.ts';

/** Publishes once, before a server that gives this answer. */
async function publishBefore(answer: object): Promise<void> {
  let hear: (error: null, message: Msg) => void = () => {};
  const nats = {
    subscribe: (_subject: string, options: { callback: typeof hear }) => {
      hear = options.callback;
    },
    publish: (_subject: string, _body: string, { reply }: { reply: string }) =>
      hear(null, { subject: reply, json: () => answer } as unknown as Msg),
  };
  const requests = new RepliedRequests(nats as unknown as NatsConnection);
  const publisher = new AcknowledgedPublisher(requests, () => {});
  try {
    await publisher.publish({ subject: 'instance.received.routine.none', headers: headers(), timeoutMs: 1_000 }, '{}');
  } finally {
    requests.close();
  }
}

test('an acknowledgement with a sequence is one, of a first and of a repeated message', async () => {
  await publishBefore({ stream: 'RECEIVED', seq: 7 });
  await publishBefore({ stream: 'RECEIVED', seq: 7, duplicate: true });
});

test('a repeat whose first try is only proposed, and may go down with its leader, is not acknowledged by either form of saying so', async () => {
  await assert.rejects(publishBefore({ stream: 'RECEIVED', seq: 0, duplicate: true }), PublicationUnknown);
  const conflict = { code: 409, err_code: 10_158, description: 'duplicate message id is in process' };
  await assert.rejects(publishBefore({ stream: 'RECEIVED', seq: 0, error: conflict }), PublicationUnknown);
});

test('a full stream refuses for good, and says so', async () => {
  const full = { code: 503, err_code: 10_077, description: 'maximum messages exceeded' };
  await assert.rejects(publishBefore({ stream: 'RECEIVED', error: full }), (error) => error instanceof PublicationRefused && error.full);
});
