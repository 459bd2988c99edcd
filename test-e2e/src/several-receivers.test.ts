// A gateway with several receivers on its DICOM port: each listens, each can be asked for its health, and one that dies costs nothing that was accepted.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { untilArrived } from './arrivals.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { listeningSockets } from './listening-sockets.ts';
import { startSending } from './persistent-sender.ts';
import { openAssociation, storeOne } from './test-associations.ts';
import { until } from './wait-for-fact.ts';

const RECEIVERS = ['receiver', 'receiver-2'];

describe('a gateway with two receivers', () => {
  let gateway: GatewayUnderTest;
  let seed = 0;
  before(async () => {
    gateway = await startGateway({ env: { CAUSEWAY_RECEIVERS: '2' } });
  });
  after(() => gateway.stop());

  const opsUrl = (name: string): string => {
    const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
    return `http://127.0.0.1:${ports[`ops-${name}`]}`;
  };
  /** Of a counter or gauge, all its labels together. */
  const metric = async (name: string, receiver: string): Promise<number> => {
    const text = await (await fetch(`${opsUrl(receiver)}/metrics`)).text();
    return [...text.matchAll(new RegExp(`^${name}\\{[^}]*\\} (\\S+)$`, 'gm'))].reduce((sum, match) => sum + Number(match[1]), 0);
  };

  it('has both on one port, with health and metrics each', async () => {
    for (const name of RECEIVERS) {
      const sockets = listeningSockets([gateway.pids().get(name)!]);
      assert.ok(sockets.some(({ port }) => port === gateway.ports.dicom));
      assert.equal((await fetch(`${opsUrl(name)}/health/ready`)).status, 200);
      assert.equal(await metric('causeway_receiver_listener_open', name), 1);
    }
  });

  it('spreads associations over both, and delivers everything although one is killed on the way', async () => {
    const sending = startSending({ port: gateway.ports.dicom, instances: 300 });
    await until('some are accepted', () => sending.accepted().length > 50);
    await gateway.killService('receiver-2');
    await sending.ended;
    await until('both receive again', async () => {
      const association = await openAssociation(gateway.ports.dicom);
      await storeOne(association, ++seed);
      await association.release();
      const received = await Promise.all(RECEIVERS.map((name) => metric('causeway_receiver_instances_total', name)));
      return received.every((count) => count > 0);
    });
    await untilArrived(
      gateway.sandboxUrl,
      sending.accepted().map(({ sopInstanceUid }) => sopInstanceUid),
    );
  });

  it('ends with Ctrl-C, both receivers too', async () => {
    const pids = RECEIVERS.map((name) => gateway.pids().get(name)!);
    assert.equal(await gateway.interrupt(), 0);
    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  });
});
