// A disk that fills up under everything: object store, JetStream, PostgreSQL, the archive, the logs. Nothing acknowledged is lost, and when there is space again nobody restarts anything.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { openDatabase } from '@causeway/shared/database/database';
import { type Association, AssociationRejected, associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';
import { untilArrivedUnchanged } from '../src/arrivals.ts';
import { type ConsoleClient, signIn } from '../src/console-client.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { startSending } from '../src/persistent-sender.ts';
import { SmallDisk } from '../src/small-disk.ts';
import { until } from '../src/wait-for-fact.ts';

const MIB = 1024 ** 2;
const DISK_MIB = 400;
const RECOVERS_WITHIN_MS = 180_000;
const isRoot = process.getuid?.() === 0;
const skip = isRoot ? false : 'needs root: it mounts a small file system';
if (skip) console.log(`skipped: ${skip}`);

let disk: SmallDisk | undefined;
let gateway: GatewayUnderTest | undefined;

afterEach(async () => {
  await gateway?.stop();
  disk?.remove();
  [gateway, disk] = [undefined, undefined];
});

interface Started {
  readonly disk: SmallDisk;
  readonly gateway: GatewayUnderTest;
  readonly client: ConsoleClient;
}

async function start(freeSpaceBelow: string): Promise<Started> {
  disk = new SmallDisk(DISK_MIB);
  const sandboxPort = await freePort();
  gateway = await startGateway({
    dataFolder: join(disk.folder, 'data'),
    config: {
      admission: { freeSpaceBelow },
      facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
      destinations: [
        {
          ...{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'as-received' },
          retry: { first: '1s', factor: 2, max: '5s' },
        },
      ],
    },
    env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) },
  });
  const client = await signIn(gateway.pageUrl, gateway.firstPassword());
  console.log(`ready; ${(disk.freeBytes / MIB).toFixed(0)} of ${DISK_MIB} MiB are free`);
  return { disk, gateway, client };
}

const untilConfirmed = (client: ConsoleClient, count: number): Promise<unknown> =>
  until(
    `${count} confirmed deliveries on the page`,
    async () => {
      const { studies } = await client.get<{ studies: { deliveries: Record<string, Record<string, number>> }[] }>('/api/studies');
      return studies.reduce((sum, { deliveries }) => sum + (deliveries.sandbox?.confirmed ?? 0), 0) === count;
    },
    RECOVERS_WITHIN_MS,
  );

describe('a full disk', { skip }, () => {
  it('above the watermark of the gateway document: senders are turned away in time, and it goes on by itself', async () => {
    const { disk, gateway, client } = await start('100MiB');
    const pids = gateway.pids();
    const before = startSending({ port: gateway.ports.dicom, instances: 20 });
    await before.ended;
    const open = await openAssociation(gateway.ports.dicom);
    assert.equal((await storeOne(open, 1)).status, 0);
    disk.fillUpTo(90 * MIB);
    const rejected = await until('a rejected association', () => rejectionOf(gateway.ports.dicom));
    assert.deepEqual([rejected.transient, rejected.source, rejected.reason], [true, 3, 1]);
    const refused = await storeOne(open, 2);
    console.log(`new association: ${rejected.message}; on an open one: ${refused.status.toString(16)} ${refused.comment}`);
    assert.equal(refused.status, 0xa700);
    assert.match(refused.comment ?? '', /free space watermark/);
    assert.match(logOf(gateway, 'receiver'), /storage is below its free space watermark/);
    const waiting = startSending({ port: gateway.ports.dicom, instances: 20 });
    assert.ok(disk.freeBytes > 50 * MIB);
    disk.empty();
    await waiting.ended;
    await untilArrivedUnchanged(gateway.sandboxUrl, [...before.accepted(), ...waiting.accepted()]);
    await untilConfirmed(client, 41);
    await open.release().catch(() => {});
    assert.deepEqual(gateway.pids(), pids, 'a process was started again');
  });

  it('to the last byte, with the watermark lowered: A700, nothing acknowledged is lost, and everything recovers', async () => {
    const { disk, gateway, client } = await start('1KiB');
    const sending = startSending({ port: gateway.ports.dicom, instances: 400 });
    await until('some instances are accepted', () => sending.accepted().length >= 20);
    disk.fillUpTo(4 * MIB);
    await until('the disk is full', () => disk.freeBytes < 64 * 1024);
    const fullSince = performance.now();
    // Whatever is freed meanwhile is taken again, until every part has met the end of the disk.
    const keepFull = setInterval(() => disk.fillUpTo(0), 50);
    try {
      await databaseAnswersInWords(client);
      await fillDatabase(gateway);
      await until('the supervisor says that JetStream takes nothing', () => /JetStream takes no messages/.test(gateway.output()));
    } finally {
      clearInterval(keepFull);
    }
    const acceptedWhileFull = sending.accepted();
    console.log(`full for ${((performance.now() - fullSince) / 1000).toFixed(0)} s: ${acceptedWhileFull.length} accepted so far`);
    disk.empty();
    const began = performance.now();
    await sending.ended;
    console.log(
      `everything accepted ${((performance.now() - began) / 1000).toFixed(1)} s after there was space again, ${sending.repeated()} instances at a repeat`,
    );
    assert.equal(sending.accepted().length, 400);
    assert.ok(sending.repeated() > 0, 'no instance was refused');
    await untilArrivedUnchanged(gateway.sandboxUrl, sending.accepted());
    await untilConfirmed(client, 400);
    await gateway.untilReady();
    console.log(
      `all in archive and ledger after ${((performance.now() - began) / 1000).toFixed(1)} s; the supervisor said:\n${gateway.output()}`,
    );
  });
});

/** A change writes to PostgreSQL and JetStream: it works, or is refused with what to do. */
async function databaseAnswersInWords(client: ConsoleClient): Promise<void> {
  const { document } = await client.get<{ document: object }>('/api/configuration');
  const { status, body } = await client.send<{ whatToDo?: string }>('PUT', '/api/configuration', { document });
  console.log(`a change of the document while the disk is full: ${status} ${JSON.stringify(body)}`);
  if (status !== 200) assert.deepEqual([status, body.whatToDo?.includes('Try again')], [503, true]);
}

/** Writes until PostgreSQL has met the end of the disk too: with its tables, or with its log, which ends it. */
async function fillDatabase({ dataFolder }: GatewayUnderTest): Promise<void> {
  const { postgres } = JSON.parse(readFileSync(join(dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
  const password = readFileSync(join(dataFolder, 'secrets', 'postgres-password'), 'utf8').trim();
  const database = openDatabase(`postgres://causeway:${password}@127.0.0.1:${postgres}/causeway`, { maxConnections: 1 });
  const grow = 'CREATE TABLE IF NOT EXISTS filler AS SELECT repeat(md5(n::text), 1000) FROM generate_series(1, 200000) AS n';
  await assert.rejects(database.query(grow), (error: Error) => {
    console.log(`PostgreSQL, asked to grow: ${error.message}`);
    return error.name === 'TransientError';
  });
  await database.close();
}

const logOf = (gateway: GatewayUnderTest, service: string): string =>
  readFileSync(join(gateway.dataFolder, 'log', `${service}.log`), 'utf8');

const CONTEXT = { id: 1, abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxUids: ['1.2.840.10008.1.2.1'] };

const openAssociation = (port: number): Promise<Association> =>
  associate({
    ...{ host: '127.0.0.1', port, callingAe: 'FULLDISK', calledAe: 'GATEWAY', contexts: [CONTEXT] },
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    timeouts: { connectMs: 10_000, associateMs: 10_000, responseMs: 60_000 },
  });

/** undefined when it was accepted. */
async function rejectionOf(port: number): Promise<AssociationRejected | undefined> {
  try {
    await (await openAssociation(port)).release();
    return undefined;
  } catch (error) {
    if (error instanceof AssociationRejected) return error;
    throw error;
  }
}

function storeOne(association: Association, seed: number) {
  const [instance] = [...syntheticInstances({ studies: 1, instances: 1, seed, rows: 64, columns: 64 })];
  const { sopClassUid, sopInstanceUid, dataSet } = instance!;
  const chunks = (async function* () {
    yield dataSet;
  })();
  return association.store({ contextId: 1, sopClassUid, sopInstanceUid, dataSet: chunks });
}
