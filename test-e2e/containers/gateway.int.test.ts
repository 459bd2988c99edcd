// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's word, and never a function
// The gateway's image with NATS, PostgreSQL and an S3 server, each in a container: what storescu sends arrives byte for byte, whatever container is killed or paused.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { getContainerRuntimeClient } from 'testcontainers';
import { arrivalsAt, untilArrived, untilArrivedUnchanged } from '../src/arrivals.ts';
import { signIn } from '../src/console-client.ts';
import { storescu } from '../src/peers-under-test.ts';
import { startSending } from '../src/persistent-sender.ts';
import { makeSyntheticFiles, type SyntheticFile } from '../src/synthetic-files.ts';
import { until } from '../src/wait-for-fact.ts';
import { ContainerizedGateway, type ContainerName, MEMORY_BYTES, SERVICES } from './containerized-gateway.ts';

const HTJ2K_LOSSLESS = '1.2.840.10008.1.2.4.201';
/** What comes for SMALLER is compressed; everything else arrives as it was sent. */
const DOCUMENT = {
  facilities: [
    { id: 'main', match: [{}], destinations: ['archive'] },
    { id: 'smaller', match: [{ calledAe: 'SMALLER' }], destinations: ['archive-of-compressed'] },
  ],
  destinations: ['archive', 'archive-of-compressed'].map((id) => ({
    id,
    kind: 'stow',
    url: 'http://sandbox:8043/dicom-web',
    images: id === 'archive' ? 'as-received' : 'compressed',
    batch: { instances: 8 },
    retry: { first: '1s', max: '5s' },
  })),
  compression: [{ when: {}, then: { syntax: 'htj2k-lossless' } }],
};

describe('the gateway in containers', () => {
  let scratch: string;
  let gateway: ContainerizedGateway;
  let seed = 1;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-sent-'));
    gateway = await ContainerizedGateway.start(DOCUMENT);
  });
  after(async () => {
    await gateway?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  const files = (instances: number): Promise<SyntheticFile[]> =>
    makeSyntheticFiles(join(scratch, String(seed)), { studies: 1, instances, seed: seed++, rows: 256, columns: 256 });
  const dockerContainer = async (name: ContainerName) => {
    const { container } = await getContainerRuntimeClient();
    return container.getById(gateway.container(name).getId());
  };
  const inspect = async (name: ContainerName) => (await dockerContainer(name)).inspect();

  it('delivers what storescu sends byte for byte, and shows it as confirmed', async () => {
    const sent = await files(10);
    const { ok, output } = await storescu(
      gateway.ports.dicom,
      {},
      sent.map(({ path }) => path),
    );
    assert.ok(ok, output);
    await untilArrivedUnchanged(gateway.sandboxUrl, sent);
    const client = await signIn(gateway.pageUrl, gateway.firstPassword);
    await until('the ledger knows all of them as confirmed', async () => {
      const { deliveries } = await client.get<{ deliveries: { sopInstanceUid: string }[] }>('/api/deliveries?state=confirmed&limit=100');
      return sent.every(({ sopInstanceUid }) => deliveries.some((delivery) => delivery.sopInstanceUid === sopInstanceUid));
    });
  });

  it('compresses with its codecs', async () => {
    const sent = await files(3);
    const { ok, output } = await storescu(
      gateway.ports.dicom,
      { called: 'SMALLER' },
      sent.map(({ path }) => path),
    );
    assert.ok(ok, output);
    const uids = new Set(sent.map(({ sopInstanceUid }) => sopInstanceUid));
    const arrived = (await untilArrived(gateway.sandboxUrl, uids)).filter(({ sopInstanceUid }) => uids.has(sopInstanceUid));
    assert.deepEqual(new Set(arrived.map(({ transferSyntaxUid }) => transferSyntaxUid)), new Set([HTJ2K_LOSSLESS]));
  });

  it('runs every service as a user who is nobody, on a file system that is not written, within its memory', async () => {
    for (const name of [...SERVICES, 'sandbox'] as const) {
      const { HostConfig, Config } = await inspect(name);
      assert.deepEqual([HostConfig.ReadonlyRootfs, HostConfig.Memory, Config.User], [true, MEMORY_BYTES, '10001:10001'], name);
      const { output } = await gateway
        .container(name)
        .exec(['sh', '-c', 'id -u; touch /app/x /etc/x /usr/x 2>&1; touch /spool/x /tmp/x && echo wrote; cat /proc/1/comm']);
      assert.match(output, /^10001\n/, name);
      assert.equal(output.match(/Read-only file system/g)?.length, 3, `${name}: ${output}`);
      assert.match(output, /wrote\ntini\n$/, name);
    }
  });

  it('is found healthy by docker, each service by its own ops port', async () => {
    for (const name of SERVICES) await until(`${name} is healthy`, async () => (await inspect(name)).State.Health?.Status === 'healthy');
  });

  for (const victim of ['receiver', 'uploader'] as const)
    it(`loses and alters nothing when the ${victim}'s container is killed and started again`, async () => {
      const before = (await arrivalsAt(gateway.sandboxUrl)).length;
      const sending = startSending({ port: gateway.ports.dicom, instances: 120 });
      await until('some are accepted', () => sending.accepted().length >= 20);
      if (victim === 'uploader') await until('some have arrived', async () => (await arrivalsAt(gateway.sandboxUrl)).length > before);
      const container = await dockerContainer(victim);
      await container.kill();
      await container.start();
      await sending.ended;
      assert.equal(sending.accepted().length, 120);
      await untilArrivedUnchanged(gateway.sandboxUrl, sending.accepted());
    });

  it('receives and delivers while PostgreSQL is paused, and tells of it afterwards', async () => {
    const postgres = await dockerContainer('postgres');
    await postgres.pause();
    const sent = await files(5);
    try {
      const { ok, output } = await storescu(
        gateway.ports.dicom,
        {},
        sent.map(({ path }) => path),
      );
      assert.ok(ok, output);
      await untilArrivedUnchanged(gateway.sandboxUrl, sent);
    } finally {
      await postgres.unpause();
    }
    await gateway.untilReady();
    const client = await signIn(gateway.pageUrl, gateway.firstPassword);
    await until('the ledger has caught up', async () => {
      const { studies } = await client.get<{ studies: { instances: number; deliveries: Record<string, { confirmed?: number }> }[] }>(
        '/api/studies',
      );
      return studies.some(({ instances, deliveries }) => instances === 5 && deliveries.archive?.confirmed === 5);
    });
  });

  it('drains and ends with code 0 on SIGTERM, every service', async () => {
    for (const name of SERVICES) {
      const container = await dockerContainer(name);
      await container.stop({ t: 60 });
      assert.equal((await container.inspect()).State.ExitCode, 0, `${name}: ${(await gateway.logOf(name)).slice(-1000)}`);
    }
  });
});
