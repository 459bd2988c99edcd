// What a destination does not take as it came: real compressed files through the whole gateway to a PACS that takes uncompressed images only, and to an archive that
// is to get them uncompressed and coerced on delivery.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { untilArrived } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { filesBelow, startStorescp } from './peers-under-test.ts';
import { runSend } from './run-send.ts';
import { until } from './wait-for-fact.ts';

const FOLDER = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const EXPLICIT = '1.2.840.10008.1.2.1';
/** Each with DCMTK's tool that uncompresses it. */
const FILES: Record<string, string> = {
  MR_small_RLE: 'dcmdrle',
  MR_small_jpeg_ls_lossless: 'dcmdjpls',
  SC_rgb_jpeg_dcmtk: 'dcmdjpeg',
  JPGExtended: 'dcmdjpeg',
};

interface Entry {
  readonly destination: string;
  readonly sopInstanceUid: string;
  readonly coercion: { readonly rules: string[] } | null;
}

describe('other forms', () => {
  let scratch: string;
  let pacs: Awaited<ReturnType<typeof startStorescp>>;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-forms-'));
    pacs = await startStorescp(join(scratch, 'pacs'), undefined, '+xe');
    const sandbox = await freePort();
    gateway = await startGateway({ config: documentFor({ sandbox, pacs: pacs.port }), env: { CAUSEWAY_SANDBOX_PORT: String(sandbox) } });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    await pacs?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('both get every image uncompressed, with the pixels that DCMTK finds; the archive with what its rule sets, which the ledger tells', async () => {
    const sent = await Promise.all(Object.entries(FILES).map(([name, tool]) => uncompressedByDcmtk(join(FOLDER, `${name}.dcm`), tool)));
    const paths = Object.keys(FILES).map((name) => join(FOLDER, `${name}.dcm`));
    const { code, output } = await runSend(['--port', gateway.ports.dicom, ...paths]).ended;
    assert.equal(code, 0, output);
    const atPacs = await until(`${sent.length} files at the PACS`, async () => {
      const found = await readAll(pacs.output);
      return sent.every(({ uid }) => found.has(uid)) && found;
    });
    const uids = sent.map(({ uid }) => uid);
    const arrivals = await untilArrived(gateway.sandboxUrl, uids);
    for (const { uid, pixels } of sent) {
      const there = atPacs.get(uid)!;
      assert.equal(there.transferSyntaxUid, EXPLICIT);
      assert.ok(there.pixels.equals(pixels), `pixels of ${uid} at the PACS`);
      const arrival = arrivals.find(({ sopInstanceUid }) => sopInstanceUid === uid)!;
      assert.equal(arrival.transferSyntaxUid, EXPLICIT);
      assert.notEqual(arrival.digest, there.digest);
    }
    const entries = await until('the ledger knows every delivery', async () => {
      const { deliveries } = await client.get<{ deliveries: Entry[] }>('/api/deliveries?state=confirmed');
      return deliveries.length === 2 * sent.length && deliveries;
    });
    for (const { destination, coercion } of entries)
      assert.deepEqual(coercion, destination === 'cloud' ? { rules: ['coercion rule 1: set InstitutionName'] } : null);
  });

  it('an implicit data set reaches the archive that wants none in explicit VR', async () => {
    const path = join(FOLDER, 'MR_small_implicit.dcm');
    const uid = parseFileMeta(await readFile(path))!.meta.sopInstanceUid;
    const { code, output } = await runSend(['--port', gateway.ports.dicom, '--called', 'IMPLICIT', path]).ended;
    assert.equal(code, 0, output);
    const [arrival] = await untilArrived(gateway.sandboxUrl, [uid]);
    assert.equal(arrival!.transferSyntaxUid, EXPLICIT);
  });
});

/** Pixels as another program uncompresses them. */
async function uncompressedByDcmtk(path: string, tool: string): Promise<{ uid: string; pixels: Buffer }> {
  const folder = await mkdtemp(join(tmpdir(), 'causeway-dcmtk-'));
  try {
    const output = join(folder, 'raw.dcm');
    execFileSync(tool, [path, output], { stdio: 'pipe' });
    const { uid, pixels } = await readInstance(await readFile(output));
    return { uid, pixels };
  } finally {
    await rm(folder, { recursive: true });
  }
}

interface Instance {
  readonly uid: string;
  readonly transferSyntaxUid: string;
  readonly pixels: Buffer;
  readonly digest: string;
}

async function readInstance(bytes: Buffer): Promise<Instance> {
  const { meta, dataSetOffset } = parseFileMeta(bytes)!;
  const data = bytes.subarray(dataSetOffset);
  const scanner = new DataSetScanner({ transferSyntaxUid: meta.transferSyntaxUid, wanted: [] });
  await scanner.write(data);
  const { pixelData } = await scanner.end();
  const digest = createHash('sha256').update(data).digest('hex');
  return {
    ...{ uid: meta.sopInstanceUid, transferSyntaxUid: meta.transferSyntaxUid, digest },
    pixels: data.subarray(pixelData!.valueOffset, pixelData!.endOffset),
  };
}

async function readAll(folder: string): Promise<Map<string, Instance>> {
  const found = new Map<string, Instance>();
  for (const [, bytes] of await filesBelow(folder)) {
    const instance = await readInstance(bytes).catch(() => undefined);
    if (instance !== undefined) found.set(instance.uid, instance);
  }
  return found;
}

function documentFor(ports: { sandbox: number; pacs: number }) {
  const cloud = { kind: 'stow', url: `http://127.0.0.1:${ports.sandbox}/dicom-web` };
  return {
    facilities: [
      { id: 'implicit', match: [{ calledAe: 'IMPLICIT' }], destinations: ['explicit-only'] },
      { id: 'main', match: [{}], destinations: ['cloud', 'pacs'] },
    ],
    destinations: [
      { id: 'cloud', ...cloud, images: 'uncompressed' },
      { id: 'explicit-only', ...cloud, images: 'as-received', implicitVr: 'convert' },
      { id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: ports.pacs, calledAe: 'PACS', images: 'as-received' },
    ],
    coercion: [{ when: { facility: 'main' }, on: 'deliver', destination: 'cloud', set: { InstitutionName: 'North' } }],
  };
}
