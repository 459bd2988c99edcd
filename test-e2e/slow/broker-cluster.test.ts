// Three nats-servers, streams of three copies: a leader that dies or freezes is waited out within limits.custody; without a majority nothing is acknowledged, and nothing
// acknowledged is lost.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type NatsCluster, startNatsCluster } from '@causeway/shared/bus/nats-cluster-for-tests';
import { auditCustody, auditMendedCustody } from '../src/custody-audit.ts';
import { startLedger } from '../src/ledger-under-test.ts';
import { freeze } from '../src/process-tree.ts';
import { type ReceiverUnderTest, startReceiver } from '../src/receiver-under-test.ts';
import { SteadyLoad } from '../src/steady-load.ts';
import { until } from '../src/wait-for-fact.ts';

const OUT_OF_RESOURCES = 0xa700;
const ASSOCIATIONS = 4;
const STREAM = 'RECEIVED';

async function accepts({ accepted }: SteadyLoad, more = 20): Promise<void> {
  const before = accepted.length;
  await until(`${more} more instances are accepted`, () => accepted.length >= before + more);
}

/** The longest that anybody waited for an answer, seconds. */
const longest = ({ answers }: SteadyLoad): string => (Math.max(...answers.map(({ tookMs }) => tookMs)) / 1000).toFixed(1);

describe('a cluster of three nats-servers', () => {
  let cluster: NatsCluster;
  let receiver: ReceiverUnderTest;
  let seed = 0;

  before(async () => {
    cluster = await startNatsCluster();
    receiver = await startReceiver({ natsUrl: cluster.url, replicas: 3 });
  });
  after(async () => {
    await receiver?.stop();
    await cluster?.stop();
  });

  const whole = (): Promise<unknown> => until('every copy of the stream is up to date', () => cluster.isWhole(STREAM), 120_000);
  const load = (): SteadyLoad => new SteadyLoad({ port: receiver.port, associations: ASSOCIATIONS, seed: ++seed, pauseMs: 20 });
  const leader = () => until('the stream has a leader', () => cluster.leaderOf(STREAM));

  it('whose leader is killed, three times under load: every instance is answered 0000 at once, and none is lost', async () => {
    await whole();
    const sending = load();
    for (let kill = 1; kill <= 3; kill++) {
      await accepts(sending);
      const victim = await leader();
      await victim.kill();
      await accepts(sending);
      victim.start();
      await whole();
    }
    await sending.stop();
    console.log(
      `leader killed 3 times: ${sending.accepted.length} accepted, ${sending.refused.length} refused, longest answer ${longest(sending)} s`,
    );
    assert.deepEqual(sending.refused, []);
    await auditCustody(receiver.bus, receiver.objects, sending.accepted);
  });

  it('whose leader freezes: every instance is answered 0000 at once, and none is lost, whatever the broker forgets', async () => {
    await whole();
    const sending = load();
    await accepts(sending);
    const thaw = freeze((await leader()).pid);
    try {
      await accepts(sending);
    } finally {
      thaw();
    }
    await whole();
    await sending.stop();
    console.log(
      `leader frozen: ${sending.accepted.length} accepted, ${sending.refused.length} refused, longest answer ${longest(sending)} s`,
    );
    assert.deepEqual(sending.refused, []);
    const { bus, objects } = receiver;
    const ledger = () => startLedger({ natsUrl: cluster.url, replicas: 3, objects });
    const forgotten = await auditMendedCustody(bus, { objectsFolder: objects, startLedger: ledger }, sending.accepted);
    console.log(`forgotten by the broker, announced again by the ledger: ${forgotten}`);
  });

  it('without a majority: A700 and never 0000, no event without object; it goes on with the second server', async () => {
    await whole();
    const sending = load();
    await accepts(sending);
    const [one, other] = cluster.servers;
    await Promise.all([one!.kill(), other!.kill()]);
    await until('instances are refused', () => sending.refused.length >= ASSOCIATIONS);
    const accepted = sending.accepted.length;
    await until('more instances are refused', () => sending.refused.length >= 2 * ASSOCIATIONS);
    assert.equal(sending.accepted.length, accepted, 'accepted without a majority');
    one!.start();
    await accepts(sending);
    other!.start();
    await whole();
    await sending.stop();
    assert.deepEqual(new Set(sending.refused.map(({ status }) => status)), new Set([OUT_OF_RESOURCES]));
    const { events, objects } = await auditCustody(receiver.bus, receiver.objects, sending.accepted);
    console.log(
      `no majority: ${sending.accepted.length} accepted, ${sending.refused.length} refused (${sending.refused[0]?.comment}); ${events.length} events, ${objects.size} objects in all`,
    );
  });
});
