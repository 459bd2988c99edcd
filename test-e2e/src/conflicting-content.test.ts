// One SOP Instance UID sent twice with different content, and once for another series: each is answered 0000, kept, delivered and told of; none replaces another.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';
import { arrivalsAt } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { wholeObjects } from './custody-audit.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { storeDataSets } from './store-data-sets.ts';
import { until } from './wait-for-fact.ts';

interface Study {
  readonly studyKey: string;
  readonly conflicting: number;
  readonly instances: number;
  readonly receipts: number;
  readonly deliveries: Record<string, Record<string, number>>;
  readonly conflicts: readonly { readonly digest: string; readonly otherContent: boolean; readonly otherSeries: boolean }[];
}

describe('the same SOP Instance UID', () => {
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;
  const [instance] = [...syntheticInstances({ studies: 1, instances: 1, seed: 77, rows: 64, columns: 64 })];
  const { sopInstanceUid, studyInstanceUid } = instance!;
  const original = instance!.dataSet;

  before(async () => {
    const port = await freePort();
    const facilities = [{ id: 'main', match: [{}], destinations: ['sandbox'] }];
    const destinations = [{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${port}/dicom-web`, images: 'as-received' }];
    gateway = await startGateway({ config: { facilities, destinations }, env: { CAUSEWAY_SANDBOX_PORT: String(port) } });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(() => gateway?.stop());

  const send = (dataSet: Buffer): Promise<number[]> => storeDataSets(gateway.ports.dicom, [{ ...instance!, dataSet }]);
  const study = (): Promise<Study> => client.get<Study>(`/api/studies/${studyInstanceUid}`);
  const confirmed = (count: number): Promise<Study> =>
    until(`${count} receptions delivered`, async () => {
      const found = await study();
      return found.deliveries.sandbox?.confirmed === count && found;
    });

  it('with the same content is no conflict: 0000 each time', async () => {
    assert.deepEqual([await send(original), await send(original)], [[0], [0]]);
    const { conflicting, instances, receipts } = await confirmed(2);
    assert.deepEqual({ conflicting, instances, receipts }, { conflicting: 0, instances: 1, receipts: 2 });
  });

  it('with other content is kept beside the first, delivered, and told by page, metric and log', async () => {
    const altered = Buffer.from(original);
    altered[altered.length - 1]! ^= 0xff;
    assert.deepEqual(await send(altered), [0]);
    const { conflicting, conflicts } = await confirmed(3);
    assert.equal(conflicting, 1);
    const [first, other] = [original, altered].map(digestOf);
    assert.deepEqual(
      conflicts,
      conflicts.map((one) => ({ ...one, otherContent: true, otherSeries: false })),
    );
    assert.deepEqual(
      conflicts.map(({ digest }) => digest),
      [first, first, other],
    );
    const store = await openFolderStore(join(gateway.dataFolder, 'objects'));
    const objects = [...(await wholeObjects(store)).values()];
    await store.close();
    assert.deepEqual(objects.map(({ digest }) => digest).sort(), [first, first, other].sort());
    assert.deepEqual(new Set((await arrivalsAt(gateway.sandboxUrl)).map(({ digest }) => digest)), new Set([first, other]));
    assert.match(await metrics(), /^causeway_ledger_conflicting_instances(\{.*\})? 1\b/m);
    assert.match(logOfLedger(), new RegExp(`"sopInstanceUid":"${sopInstanceUid}","otherContent":true.*received with other content`));
  });

  it('in another series is told too', async () => {
    const series = Buffer.from(original);
    const uid = series.indexOf(seriesUidOf(original));
    series.write(
      seriesUidOf(original).replace(/.$/, (last) => (last === '1' ? '2' : '1')),
      uid,
      'latin1',
    );
    assert.deepEqual(await send(series), [0]);
    const { conflicts } = await confirmed(4);
    assert.ok(
      conflicts.every(({ otherSeries }) => otherSeries),
      JSON.stringify(conflicts),
    );
    assert.equal((await client.get<{ conflicting: number }>('/api/work')).conflicting, 1);
  });

  /** Of the ledger's health and metrics. */
  const metrics = async (): Promise<string> => {
    const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as Record<string, number>;
    return (await fetch(`http://127.0.0.1:${ports['ops-ledger']}/metrics`)).text();
  };
  const logOfLedger = (): string => readFileSync(join(gateway.dataFolder, 'log', 'ledger.log'), 'utf8');
});

const digestOf = (dataSet: Buffer): string => createHash('sha256').update(dataSet).digest('hex');

/** (0020,000E) UI, explicit VR little endian. */
function seriesUidOf(dataSet: Buffer): string {
  const at = dataSet.indexOf(Buffer.from([0x20, 0x00, 0x0e, 0x00, 0x55, 0x49]));
  return dataSet.toString('latin1', at + 8, at + 8 + dataSet.readUInt16LE(at + 6)).replace(/\0$/, '');
}
