// The negotiation record of a running gateway: what a modality, a stranger, a scanner and a health check leave in it; no patient data, no flood.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { type ConsoleClient, signIn } from './console-client.ts';
import { storeByDcmjs } from './dcmjs-peer.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { makeSyntheticFiles } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

const VERIFICATION = { id: 1, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] };
const HEALTH_CHECKS = 60;

interface Entry {
  readonly id: string;
  readonly outcome: string;
  readonly event: string | null;
  readonly callingAe: string | null;
  readonly instances: number;
  readonly dataSetBytes: number;
  readonly count: number;
  readonly responses: Record<string, number>;
}

let scratch: string;
let gateway: GatewayUnderTest;
let client: ConsoleClient;

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'causeway-associations-'));
  gateway = await startGateway();
  client = await signIn(gateway.pageUrl, gateway.firstPassword());
});
after(async () => {
  await gateway?.stop();
  await rm(scratch, { recursive: true, force: true });
});

const listed = async (query: string): Promise<Entry[]> =>
  (await client.get<{ associations: Entry[] }>(`/api/associations?${query}`)).associations;
const untilListed = (query: string): Promise<Entry> => until(`an association with ${query}`, async () => (await listed(query))[0]);

function call(callingAe: string, calledAe = 'GATEWAY') {
  const timeouts = { connectMs: 5_000, associateMs: 5_000, responseMs: 5_000 };
  const implementation = { classUid: '1.2.3', versionName: 'CALLER' };
  return associate({
    host: '127.0.0.1',
    port: gateway.ports.dicom,
    callingAe,
    calledAe,
    contexts: [VERIFICATION],
    implementation,
    timeouts,
  });
}

describe('the negotiation record', () => {
  it('of a modality has instances, bytes, statuses and what was agreed on, and nothing of the patient', async () => {
    const [file] = await makeSyntheticFiles(scratch, { studies: 1, instances: 1, seed: 5, rows: 16, columns: 16 });
    assert.equal(await storeByDcmjs(gateway.ports.dicom, file!.path), 0);
    const entry = await untilListed('aeTitle=DCMJS');
    assert.deepEqual([entry.outcome, entry.instances, entry.responses], ['released', 1, { 'C-STORE 0000': 1 }]);
    assert.ok(entry.dataSetBytes > 512);
    const detail = await client.get<{ contexts: { abstractSyntaxUid: string; result: number; chosen: string }[] }>(
      `/api/associations/${entry.id}`,
    );
    assert.ok(detail.contexts.some(({ result, chosen }) => result === 0 && chosen.startsWith('1.2.840.10008.1.2')));
    const studies = await until('the study', async () => {
      const { studies: known } = await client.get<{ studies: { patientName: string; patientId: string }[] }>('/api/studies');
      return known.length > 0 && known;
    });
    for (const { patientName, patientId } of studies) {
      assert.ok(!JSON.stringify(detail).includes(patientName) && !JSON.stringify(detail).includes(patientId));
    }
  });

  it('of a rejected request has the reason, and of what is no DICOM what it was', async () => {
    await assert.rejects(call('STRANGER', 'ELSEWHERE'));
    const rejected = await untilListed('aeTitle=STRANGER');
    const { reject } = await client.get<{ reject: object }>(`/api/associations/${rejected.id}`);
    assert.deepEqual([rejected.outcome, reject], ['rejected', { result: 1, source: 1, reason: 7 }]);
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([22, 3, 1, 0, 5, 1, 0, 0, 1, 0])]) {
      const socket = connect(gateway.ports.dicom, '127.0.0.1').on('error', () => {});
      socket.end(bytes);
      socket.resume();
      await once(socket, 'close');
    }
    await until('garbage and TLS are told apart', async () => {
      const events = (await listed('outcome=no-association')).map(({ event }) => event);
      return events.includes('malformed-pdu') && events.includes('tls-on-plain-port');
    });
  });

  it('of a health check each moment is two rows, and its counts are whole after the receiver was stopped', async () => {
    for (let n = 0; n < HEALTH_CHECKS; n += 1) {
      const association = await call('HEALTH');
      await association.echo();
      await association.release();
    }
    assert.deepEqual(
      (await until('the first', async () => (await listed('aeTitle=HEALTH')).length > 0 && listed('aeTitle=HEALTH'))).map(
        ({ count }) => count,
      ),
      [1],
    );
    process.kill(gateway.pids().get('receiver')!, 'SIGTERM');
    const rows = await until('the rest of the window', async () => (await listed('aeTitle=HEALTH')).length > 1 && listed('aeTitle=HEALTH'));
    assert.deepEqual([rows.length, rows.reduce((sum, { count }) => sum + count, 0)], [2, HEALTH_CHECKS]);
    await gateway.untilReady();
  });
});
