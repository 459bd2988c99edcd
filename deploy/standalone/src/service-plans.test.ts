// How the services are started: whom a modality waits for comes first.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { getPriority } from 'node:os';
import { test } from 'node:test';
import { dataFolderAt } from './data-folder.ts';
import { innerPorts, planSandbox, planServices, SERVICES } from './service-plans.ts';
import { readSettings } from './settings.ts';

const secrets = {
  natsPassword: 'n',
  jetstreamKey: 'j',
  postgresAdminPassword: 'a',
  postgresPassword: 'p',
  firstPasswordFile: '/nowhere/f',
};
function optionsOf(environment: NodeJS.ProcessEnv) {
  const settings = readSettings(environment);
  const ports = Object.fromEntries(innerPorts(settings).map((name, place) => [name, 20_000 + place]));
  return { settings, ports, data: dataFolderAt('/nowhere'), secrets, configFile: undefined };
}
const options = optionsOf({});
const plans = [...planServices(options), planSandbox(options)];

/** Niceness with which the planned command would start its program. */
function nicenessOf(name: string): number {
  const { command, arguments: planned } = plans.find((plan) => plan.name === name)!;
  const { stdout } = spawnSync(command, [...planned.slice(0, -1), '--print', 'os.getPriority()'], { encoding: 'utf8' });
  return Number(stdout);
}

test('the receiver has a higher priority than every other service, and none a lower niceness than the supervisor unless root gives it', () => {
  const receiver = nicenessOf('receiver');
  const others = ['sandbox', ...SERVICES.filter((name) => name !== 'receiver')].map(nicenessOf);
  assert.deepEqual(
    others,
    others.map(() => Math.min(19, getPriority() + 5)),
  );
  assert.ok(receiver < others[0]! && receiver <= getPriority());
});

test('secrets are handed over by environment, never by argument', () => {
  for (const { name, arguments: planned, environment } of plans) {
    assert.ok(!planned.some((text) => Object.values(secrets).includes(text)), name);
    assert.equal(environment.CAUSEWAY_NATS_PASSWORD, 'n');
  }
  assert.deepEqual(
    plans.filter(({ environment }) => environment.CAUSEWAY_DATABASE_URL !== undefined).map(({ name }) => name),
    ['ledger', 'console'],
  );
});

test('objects lie in the data folder unless the settings name another place', () => {
  const storeOf = (settings: NodeJS.ProcessEnv) =>
    planServices({ ...options, settings: readSettings(settings) }).map(({ environment }) => environment.CAUSEWAY_OBJECT_STORE);
  assert.deepEqual(new Set(storeOf({})), new Set([`folder:${options.data.objects}`]));
  assert.deepEqual(new Set(storeOf({ CAUSEWAY_OBJECT_STORE: 's3:images' })), new Set(['s3:images']));
});

test('several receivers share the DICOM port, each with an ops port and a name of its own that the console knows', () => {
  const three = planServices(optionsOf({ CAUSEWAY_RECEIVERS: '3' }));
  const receivers = three.filter(({ name }) => name.startsWith('receiver'));
  assert.deepEqual(
    receivers.map(({ name }) => name),
    ['receiver', 'receiver-2', 'receiver-3'],
  );
  assert.equal(new Set(receivers.map(({ environment }) => environment.CAUSEWAY_OPS_PORT)).size, 3);
  for (const { environment } of receivers)
    assert.deepEqual([environment.CAUSEWAY_DICOM_PORT, environment.CAUSEWAY_DICOM_REUSE_PORT], ['4104', 'true']);
  const known = JSON.parse(three.find(({ name }) => name === 'console')!.environment.CAUSEWAY_SERVICES!) as Record<string, string>;
  assert.deepEqual(Object.keys(known).slice(0, 4), ['receiver', 'receiver-2', 'receiver-3', 'compressor']);
  assert.equal(plans.find(({ name }) => name === 'receiver')!.environment.CAUSEWAY_DICOM_REUSE_PORT, 'false');
});

test('the console tells the DICOM port that the receiver has, also when a free one was chosen', () => {
  const { environment } = planServices(optionsOf({ CAUSEWAY_DICOM_PORT: '11112' })).find(({ name }) => name === 'console')!;
  assert.equal(environment.CAUSEWAY_DICOM_PORT, '11112');
});
