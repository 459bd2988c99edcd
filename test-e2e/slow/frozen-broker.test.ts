// A nats-server that stops answering without ending: for a while, and for ever. Senders wait or are told to repeat; nothing acknowledged is lost.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { untilArrivedUnchanged } from '../src/arrivals.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { startSending } from '../src/persistent-sender.ts';
import { freeze } from '../src/process-tree.ts';
import { until } from '../src/wait-for-fact.ts';

/** Longer than one publication waits, shorter than the custody limit and than the supervisor's patience. */
const FROZEN_MS = 10_000;
const INSTANCES = 150;

describe('a frozen nats-server', () => {
  let gateway: GatewayUnderTest;

  before(async () => {
    const sandboxPort = await freePort();
    gateway = await startGateway({
      config: {
        facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
        destinations: [{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'as-received' }],
      },
      env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) },
    });
  });
  after(() => gateway?.stop());

  /** Freezes it in the middle of a transfer; `end` resolves when it may, or does, work again. */
  async function sendThrough(end: (thaw: () => void) => Promise<void>): Promise<void> {
    const sending = startSending({ port: gateway.ports.dicom, instances: INSTANCES });
    await until('some instances are accepted', () => sending.accepted().length >= 20);
    const began = performance.now();
    const seconds = (): string => ((performance.now() - began) / 1000).toFixed(1);
    await end(freeze(gateway.pids().get('nats-server')!));
    await sending.ended;
    const accepted = sending.accepted();
    console.log(`${accepted.length} accepted after ${seconds()} s, ${sending.repeated()} of them at a repeat`);
    assert.equal(accepted.length, INSTANCES);
    await untilArrivedUnchanged(gateway.sandboxUrl, accepted);
    await gateway.untilReady();
    console.log(`all in the archive and everything ready after ${seconds()} s`);
  }

  it(`for ${FROZEN_MS / 1000} s makes senders wait, and everything acknowledged arrives`, async () => {
    await sendThrough(async (thaw) => {
      await pause(FROZEN_MS);
      thaw();
    });
  });

  it('for ever is killed and started again by the supervisor, which says so', async () => {
    const pid = gateway.pids().get('nats-server')!;
    await sendThrough(async () => {
      await until('another nats-server', () => (gateway.pids().get('nats-server') ?? pid) !== pid, 120_000);
    });
    console.log(
      gateway
        .output()
        .split('\n')
        .filter((line) => line.includes('nats-server'))
        .join('\n'),
    );
    assert.match(gateway.output(), /nats-server runs but does not do its work .*: restarting it/);
  });
});
