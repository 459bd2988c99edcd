// Coercion through the whole gateway: an old CT writes no usable Institution Name; the rule writes the right one, the hub maps on it, every destination gets it.
// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's word, and never a function
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { arrivalsAt, untilArrived } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { filesBelow, startStorescp } from './peers-under-test.ts';
import { runSend } from './run-send.ts';
import { makeSyntheticFiles, type SyntheticFile } from './synthetic-files.ts';
import { until } from './wait-for-fact.ts';

const INSTITUTION_NAME = 0x00080080;
const ORIGINAL_ATTRIBUTES = 0x04000561;
const RULE = 'coercion rule 1: set InstitutionName';

interface Study {
  readonly institutionName: string;
  readonly coercions: object[];
}
interface Waiting {
  readonly reason: string;
  readonly receiptIds: string[];
}

describe('coercion on receipt', () => {
  let scratch: string;
  let ms44: Awaited<ReturnType<typeof startStorescp>>;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;
  let seed = 6100;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-coercion-'));
    ms44 = await startStorescp(join(scratch, 'ms44'));
    const sandboxPort = await freePort();
    const config = hubDocument({ sandbox: sandboxPort, ms44: ms44.port });
    gateway = await startGateway({ config, env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) } });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    await ms44?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  async function sendStudy(calling: string, instances: number): Promise<SyntheticFile[]> {
    const options = { studies: 1, instances, seed: ++seed, rows: 64, columns: 64, institution: 'OLD CT' };
    const files = await makeSyntheticFiles(join(scratch, String(seed)), options);
    const parameters = ['--port', gateway.ports.dicom, '--calling', calling, ...files.map(({ path }) => path)];
    const { code, output } = await runSend(parameters).ended;
    assert.equal(code, 0, output);
    return files;
  }

  /** The files of the PACS by SOP Instance UID, once all are there. */
  const atMs44 = (files: readonly SyntheticFile[]): Promise<Map<string, { path: string; bytes: Buffer }>> =>
    until(`${files.length} data sets at the endpoint`, async () => {
      const found = new Map<string, { path: string; bytes: Buffer }>();
      for (const [path, bytes] of await filesBelow(ms44.output)) {
        const parsed = bytes.length === 0 ? undefined : parseFileMeta(bytes);
        if (parsed !== undefined) found.set(parsed.meta.sopInstanceUid, { path, bytes: bytes.subarray(parsed.dataSetOffset) });
      }
      return files.every(({ sopInstanceUid }) => found.has(sopInstanceUid)) && found;
    });

  it('the hub maps on the coerced name; the endpoint gets it as received but for that, the archive compressed; the page tells the rule', async () => {
    const files = await sendStudy('OLD_CT', 2);
    const there = await atMs44(files);
    for (const { path: sent, sopInstanceUid } of files) {
      const { path, bytes } = there.get(sopInstanceUid)!;
      assert.match(execFileSync('dcmdump', ['-q', '+P', '0008,0080', path]).toString(), /\[MS44\]/);
      assert.match(execFileSync('dcmdump', ['-q', '+P', '0400,0561', path]).toString(), /\(0008,0080\) LO \[OLD CT\][\s\S]*\[COERCE\]/);
      assert.deepEqual(await untouched(bytes), await untouched(await dataSetIn(sent)));
    }
    const arrivals = await untilArrived(
      gateway.sandboxUrl,
      files.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    assert.ok(arrivals.some(({ transferSyntaxUid }) => transferSyntaxUid === '1.2.840.10008.1.2.4.90'));
    const study = await until('the study as coerced', async () => {
      const found = await client.get<Study>(`/api/studies/${files[0]!.studyInstanceUid}`);
      return found.coercions.length > 0 && found;
    });
    assert.equal(study.institutionName, 'MS44');
    assert.deepEqual(study.coercions, [{ rule: RULE, skipped: false, revision: 1, instances: 2 }]);
  });

  it('whoever the rule does not name is not coerced', async () => {
    const files = await sendStudy('NEW_CT', 1);
    await untilArrived(
      gateway.sandboxUrl,
      files.map(({ sopInstanceUid }) => sopInstanceUid),
    );
    // The archive may have it before the ledger has heard of it.
    const path = `/api/studies/${files[0]!.studyInstanceUid}`;
    const { institutionName, coercions } = await until('the ledger knows the study', () => client.get<Study>(path));
    assert.deepEqual([institutionName, coercions], ['OLD CT', []]);
  });

  it('a compressor that is killed again and again makes the same data set of each instance, however often it is made', async () => {
    const sending = sendStudy('OLD_CT', 60);
    for (let kills = 0; kills < 3; kills++) {
      await until('a compressor to kill', () => gateway.pids().has('compressor'));
      await gateway.killService('compressor');
      await until('the next one', () => gateway.pids().has('compressor'));
    }
    const files = await sending;
    await atMs44(files);
    const uids = files.map(({ sopInstanceUid }) => sopInstanceUid);
    await untilArrived(gateway.sandboxUrl, uids);
    const digests = new Map<string, Set<string>>();
    for (const { sopInstanceUid, digest } of await arrivalsAt(gateway.sandboxUrl))
      digests.set(sopInstanceUid, (digests.get(sopInstanceUid) ?? new Set()).add(digest));
    for (const uid of uids) assert.equal(digests.get(uid)!.size, 1, `${uid} arrived with different contents`);
  });

  it('what a rule cannot be applied to waits with the reason, and goes on when the rule was put right', async () => {
    const files = await sendStudy('BAD_CT', 1);
    const waiting = await until('quarantined work', async () =>
      (await client.get<{ waiting: Waiting[] }>('/api/held')).waiting.find(({ reason }) => reason),
    );
    assert.match(waiting.reason, /coercion rule 2: set \(0009,1010\) is impossible: \(0009,1010\): its VR is not known/);
    const { document } = await client.get<{ document: ReturnType<typeof hubDocument> }>('/api/configuration');
    document.coercion[1]!.set = { InstitutionName: 'MS44' };
    assert.equal((await client.send('PUT', '/api/configuration', { document })).status, 200);
    const { status } = await client.send('POST', '/api/held/retry', { receiptIds: waiting.receiptIds });
    assert.equal(status, 200);
    await atMs44(files);
  });
});

async function dataSetIn(path: string): Promise<Buffer> {
  const bytes = [...(await filesBelow(join(path, '..')))].find(([name]) => name === path)![1];
  return bytes.subarray(parseFileMeta(bytes)!.dataSetOffset);
}

/** Every element but the coerced one and the record of it. */
async function untouched(bytes: Buffer): Promise<string[]> {
  const scanner = new DataSetScanner({ transferSyntaxUid: '1.2.840.10008.1.2.1', wanted: [] });
  scanner.write(bytes);
  const { elements } = await scanner.end();
  const others = elements.filter(({ tag }) => tag !== INSTITUTION_NAME && tag !== ORIGINAL_ATTRIBUTES);
  return others.map(({ headerOffset, endOffset }) => bytes.toString('base64', headerOffset, endOffset));
}

function hubDocument(ports: { sandbox: number; ms44: number }) {
  const rule = (callingAe: string, set: Record<string, string>) => ({ when: { callingAe }, on: 'receive', set });
  return {
    facilities: [
      {
        ...{ id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], destinations: ['cloud'] },
        ...{ mappingTag: 'InstitutionName', unmatched: 'hub' },
      },
      { id: 'ms44', model: 'endpoint', match: [{ calledAe: 'MS44' }], destinations: ['pacs'], rules: [{ hub: 'hub', value: 'MS44' }] },
    ],
    destinations: [
      { id: 'cloud', kind: 'stow', url: `http://127.0.0.1:${ports.sandbox}/dicom-web` },
      { id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: ports.ms44, calledAe: 'PACS', images: 'as-received' },
    ],
    compression: [{ when: {}, then: { syntax: 'jpeg2000-lossless' } }],
    coercion: [rule('OLD_CT', { InstitutionName: 'MS44' }), rule('BAD_CT', { '(0009,1010)': 'of no creator' })],
  };
}
