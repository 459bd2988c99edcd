// `npm start` as its users meet it: from nothing to a study in the archive, killed, doubled, in the way of others, told nonsense.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { untilArrived } from './arrivals.ts';
import { type GatewayUnderTest, isAlive, startGateway, untilGone } from './gateway-under-test.ts';
import { listeningSockets } from './listening-sockets.ts';
import { acceptedUids, runSend } from './run-send.ts';

const SERVICES = ['compressor', 'console', 'ledger', 'receiver', 'retriever', 'router', 'uploader'];
const EVERYTHING = [...SERVICES, 'nats-server', 'postgres', 'sandbox'].sort();

const scratch = mkdtempSync(join(tmpdir(), 'causeway-standalone-'));
let gateway: GatewayUnderTest;
let runs = 0;

before(async () => {
  gateway = await startGateway({ env: { CAUSEWAY_DICOM_HOST: '0.0.0.0' } });
});
after(async () => {
  await gateway?.stop();
  rmSync(scratch, { recursive: true, force: true });
});

/** Log file of a send that was accepted whole. */
async function sendAll(shape: string): Promise<string> {
  const log = join(scratch, `send-${++runs}.ndjson`);
  const { code, output } = await runSend([
    '--port',
    gateway.ports.dicom,
    '--synthetic',
    shape,
    '--rows',
    128,
    '--columns',
    128,
    '--log',
    log,
  ]).ended;
  assert.equal(code, 0, output);
  return log;
}

test('it says where it is, how to send a study, and the first password', () => {
  const { dicom, http, sandbox } = gateway.ports;
  for (const fact of [
    `port ${dicom}`,
    `:${http}/`,
    `:${sandbox}/dicom-web`,
    'npm run send',
    gateway.firstPassword(),
    join(gateway.dataFolder, 'log'),
  ])
    assert.ok(gateway.output().includes(fact), `${fact} is not in:\n${gateway.output()}`);
});

test('a study sent arrives in the sandbox archive', async () => {
  const accepted = acceptedUids(await sendAll('1x5'));
  assert.equal(accepted.length, 5);
  await untilArrived(gateway.sandboxUrl, accepted);
});

test('only the DICOM port listens beyond loopback', () => {
  const sockets = listeningSockets([...gateway.pids().values()]);
  const beyond = sockets.filter(({ address }) => address !== '127.0.0.1');
  assert.deepEqual(beyond, [{ address: '0.0.0.0', port: gateway.ports.dicom }]);
  assert.ok(sockets.length > 10, 'the sockets of all processes are seen');
});

test('every process comes back after kill -9, and studies travel again', async () => {
  for (const name of ['receiver', 'nats-server', 'postgres', 'console', 'sandbox']) {
    const before = gateway.pids().get(name)!;
    await gateway.killService(name);
    assert.equal(isAlive(before), false);
    await untilBack(name, before);
  }
  await gateway.untilReady();
  await untilArrived(gateway.sandboxUrl, acceptedUids(await sendAll('1x5')));
});

async function untilBack(name: string, before: number): Promise<void> {
  for (;;) {
    const pid = gateway.pids().get(name);
    if (pid !== undefined && pid !== before) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test('a second supervisor is kept from the same data folder, and the first goes on', async () => {
  await assert.rejects(
    startGateway({ dataFolder: gateway.dataFolder }),
    new RegExp(`in use by another gateway \\(process ${gateway.supervisorPid()}\\)`),
  );
  await gateway.untilReady();
});

test('the next start ends what a killed supervisor left, and goes on with its data', async () => {
  const orphans = gateway.pids();
  assert.deepEqual([...orphans.keys()].sort(), EVERYTHING);
  await gateway.killSupervisor();
  for (const [name, pid] of orphans) assert.ok(isAlive(pid), `${name} goes on without the supervisor`);
  const accepted = acceptedUids(await sendAll('1x3'));
  const ports = gateway.ports;
  await gateway.start();
  for (const [name, pid] of orphans) assert.equal(isAlive(pid), false, name);
  assert.deepEqual(gateway.ports, ports);
  await untilArrived(gateway.sandboxUrl, accepted);
});

test('after everything was killed at once it starts again, and what was accepted arrives', async () => {
  const accepted = acceptedUids(await sendAll('1x5'));
  await gateway.killAll();
  await gateway.start();
  await untilArrived(gateway.sandboxUrl, accepted);
});

test('Ctrl-C in the middle of a transfer loses nothing that was accepted, and ends everything', async () => {
  const log = join(scratch, 'interrupted.ndjson');
  const run = runSend(['--port', gateway.ports.dicom, '--synthetic', '1x400', '--retries', 0, '--log', log]);
  while (acceptedUids(log).length < 5) await new Promise((resolve) => setTimeout(resolve, 20));
  const pids = [...gateway.pids().values()];
  assert.equal(await gateway.interrupt(), 0);
  run.process.kill();
  await run.ended;
  await Promise.all(pids.map(untilGone));
  const accepted = acceptedUids(log);
  await gateway.start();
  await untilArrived(gateway.sandboxUrl, accepted);
});

test('a wrong document at a later start is told loudly, and the last good one goes on', async () => {
  await gateway.interrupt();
  await gateway.start({ config: 'facilities: [{ id: "NOT AN ID" }]' });
  assert.match(gateway.output(), /WARNING: .*CAUSEWAY_CONFIG.* was not taken: .*problem/);
  assert.match(gateway.output(), /facilities\[0\]\.id/);
  await untilArrived(gateway.sandboxUrl, acceptedUids(await sendAll('1x2')));
});

test('a wrong document at the first start is refused with every problem and exit code 2', async () => {
  const config = {
    facilities: [{ id: 'main', match: [{}], destinations: ['nowhere'] }],
    lanes: [{ when: {}, lane: 'fast' }],
  };
  await assert.rejects(startGateway({ config }), (error: Error) => {
    assert.match(error.message, /ended \(2\)/);
    assert.match(error.message, /facilities\[0\]\.destinations/);
    assert.match(error.message, /lanes\[0\]\.lane/);
    return true;
  });
});

test('a port in use is named, with its purpose and the variable that chooses another', async () => {
  const intruder = createServer().listen(0, '127.0.0.1');
  await once(intruder, 'listening');
  const { port } = intruder.address() as { port: number };
  for (const [variable, purpose] of [
    ['CAUSEWAY_DICOM_PORT', 'DICOM'],
    ['CAUSEWAY_HTTP_PORT', 'the web page'],
    ['CAUSEWAY_SANDBOX_PORT', 'the sandbox archive'],
  ] as const)
    await assert.rejects(
      startGateway({ env: { [variable]: String(port) } }),
      new RegExp(`ended \\(1\\)[^]*port ${port} on 127.0.0.1 for ${purpose} is taken[^]*${variable}=`),
    );
  intruder.close();
});

test('two gateways run side by side, each with its own studies', async () => {
  const other = await startGateway();
  try {
    const log = join(scratch, 'other.ndjson');
    assert.equal((await runSend(['--port', other.ports.dicom, '--synthetic', '1x2', '--log', log]).ended).code, 0);
    await untilArrived(other.sandboxUrl, acceptedUids(log));
    await gateway.untilReady();
  } finally {
    await other.stop();
  }
});
