// A nats-server that is full, away, frozen or slow while a receiver has objects in hand: the right answer, no object without event after a definite refusal, and
// never an event without object.
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { auditCustody, type CustodyView } from '../src/custody-audit.ts';
import { freeze } from '../src/process-tree.ts';
import { type ReceiverOptions, type ReceiverUnderTest, startReceiver } from '../src/receiver-under-test.ts';
import { SteadyLoad } from '../src/steady-load.ts';
import { until } from '../src/wait-for-fact.ts';

const OUT_OF_RESOURCES = 0xa700;
const ASSOCIATIONS = 4;
const QUICK_CUSTODY = { limits: { custody: '2s' } };

let receiver: ReceiverUnderTest | undefined;
let sending: SteadyLoad | undefined;
afterEach(async () => {
  await sending?.stop();
  await receiver?.stop();
  [receiver, sending] = [undefined, undefined];
});

async function start(options: ReceiverOptions = {}): Promise<{ receiver: ReceiverUnderTest; sending: SteadyLoad }> {
  receiver = await startReceiver(options);
  sending = new SteadyLoad({ port: receiver.port, associations: ASSOCIATIONS, seed: 1 });
  await accepts(sending);
  return { receiver, sending };
}

async function accepts({ accepted }: SteadyLoad, more = 20): Promise<void> {
  const before = accepted.length;
  await until(`${more} more instances are accepted`, () => accepted.length >= before + more);
}

const refuses = (load: SteadyLoad): Promise<unknown> => until('instances are refused', () => load.refused.length >= 2 * ASSOCIATIONS);

/** Stops the load, then looks at everything: refusals were A700, and only what was kept on purpose has no event. */
async function audit(at: ReceiverUnderTest, load: SteadyLoad): Promise<CustodyView> {
  await load.stop();
  const { accepted, refused } = load;
  const view = await auditCustody(at.bus, at.objects, accepted);
  const kept = at.log().split('"kept":true').length - 1;
  console.log(
    `${accepted.length} accepted, ${refused.length} refused (${refused[0]?.comment}); ${view.events.length} events, ${view.objects.size} objects, ` +
      `${view.orphans.length} without event; ${kept} kept because the outcome was unknown`,
  );
  assert.deepEqual(new Set(refused.map(({ status }) => status)), new Set(refused.length > 0 ? [OUT_OF_RESOURCES] : []));
  assert.ok(view.orphans.length <= kept, `${view.orphans.length} objects without event, ${kept} kept on purpose`);
  return view;
}

describe('a nats-server', () => {
  it('whose stream is full: A700, and every refused object is deleted', async () => {
    const { receiver, sending } = await start({ streamBytes: 2_000_000 });
    await refuses(sending);
    const { events, objects } = await audit(receiver, sending);
    assert.deepEqual([events.length, objects.size], [sending.accepted.length, sending.accepted.length]);
    assert.match(receiver.log(), /JetStream refused instance\.received/);
  });

  it('that is away for longer than limits.custody: A700, and it goes on when it is back', async () => {
    const { receiver, sending } = await start({ document: QUICK_CUSTODY });
    await receiver.nats!.kill();
    await refuses(sending);
    await receiver.nats!.start();
    await accepts(sending);
    const { orphans } = await audit(receiver, sending);
    assert.ok(orphans.length <= ASSOCIATIONS, 'only what was under way at the kill has an unknown outcome');
  });

  it('that is away for less: nobody is refused', async () => {
    const { receiver, sending } = await start();
    await receiver.nats!.kill();
    await pause(1_000);
    await receiver.nats!.start();
    await accepts(sending);
    await audit(receiver, sending);
    assert.equal(sending.refused.length, 0);
  });

  it('that is frozen for longer than limits.custody: A700, the objects are kept, and none of the events that come through late is without its object', async () => {
    const { receiver, sending } = await start({ document: QUICK_CUSTODY });
    const thaw = freeze(receiver.nats!.pid);
    try {
      await refuses(sending);
    } finally {
      thaw();
    }
    await accepts(sending);
    const { events } = await audit(receiver, sending);
    assert.ok(events.length >= sending.accepted.length);
  });

  it('that stops for moments: senders wait, and nobody is refused', async () => {
    const { receiver, sending } = await start();
    for (let n = 0; n < 10; n++) {
      const thaw = freeze(receiver.nats!.pid);
      await pause(300);
      thaw();
      await accepts(sending, 2);
    }
    await audit(receiver, sending);
    assert.equal(sending.refused.length, 0);
  });
});
