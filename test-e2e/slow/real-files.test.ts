// Real files of many modalities, syntaxes and defects through the whole gateway: what arrives is byte for byte what the same sender gives a plain SCP.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { signIn } from '../src/console-client.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { filesBelow, makeCertificate, startOrthanc, startStorescp, storescu } from '../src/peers-under-test.ts';

const FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';

/** storescu proposes what it is told: its option by transfer syntax of the file. */
const PROPOSE: Record<string, string> = {
  '1.2.840.10008.1.2': '-xi',
  '1.2.840.10008.1.2.1': '-xe',
  '1.2.840.10008.1.2.2': '-xb',
  '1.2.840.10008.1.2.1.99': '-xd',
  '1.2.840.10008.1.2.4.50': '-xy',
  '1.2.840.10008.1.2.4.51': '-xx',
  '1.2.840.10008.1.2.4.70': '-xs',
  '1.2.840.10008.1.2.4.80': '-xt',
  '1.2.840.10008.1.2.4.81': '-xu',
  '1.2.840.10008.1.2.4.90': '-xv',
  '1.2.840.10008.1.2.4.91': '-xw',
  '1.2.840.10008.1.2.5': '-xr',
};

/** Every file that is no directory record. */
async function realFiles(): Promise<string[]> {
  const entries = await readdir(FILES, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !/\.(py|txt|zip|md|json|jpg|bz2|npy)$/.test(entry.name));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

/** The option for its transfer syntax; without readable group 2 implicit VR little endian. */
async function proposal(path: string): Promise<string[]> {
  try {
    const option = PROPOSE[parseFileMeta(await readFile(path))!.meta.transferSyntaxUid];
    return ['-R', option ?? '-xi'];
  } catch {
    return ['-R', '-xi'];
  }
}

interface Part10 {
  readonly transferSyntaxUid: string;
  readonly dataSet: Buffer;
}

function part10(bytes: Buffer): Part10 & { sopInstanceUid: string } {
  const { meta, dataSetOffset } = parseFileMeta(bytes)!;
  return { sopInstanceUid: meta.sopInstanceUid, transferSyntaxUid: meta.transferSyntaxUid, dataSet: bytes.subarray(dataSetOffset) };
}

describe('real files', () => {
  let scratch: string;
  let gateway: GatewayUnderTest;
  let orthanc: Awaited<ReturnType<typeof startOrthanc>>;
  let pacs: Awaited<ReturnType<typeof startStorescp>>;
  let direct: Awaited<ReturnType<typeof startStorescp>>;
  /** Chooses among uncompressed proposals as the gateway does. */
  let directUncompressed: Awaited<ReturnType<typeof startStorescp>>;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-real-'));
    const certificate = await makeCertificate(scratch);
    orthanc = await startOrthanc(scratch);
    pacs = await startStorescp(scratch, certificate);
    await pause(5);
    direct = await startStorescp(join(scratch, 'direct'));
    directUncompressed = await startStorescp(join(scratch, 'direct-uncompressed'), undefined, '+xe');
    gateway = await startGateway({
      config: {
        facilities: [{ id: 'main', name: 'Main', model: 'standard', match: [{}], destinations: ['orthanc', 'pacs'] }],
        destinations: [
          { id: 'orthanc', kind: 'stow', url: orthanc.dicomWebUrl, images: 'as-received' },
          {
            id: 'pacs',
            kind: 'dimse',
            host: 'localhost',
            port: pacs.port,
            calledAe: 'PACS',
            images: 'as-received',
            tls: { ca: `file:${certificate.cert}` },
          },
        ],
        compression: [],
      },
    });
  });

  after(async () => {
    await gateway?.stop();
    for (const peer of [orthanc, pacs, direct, directUncompressed]) await peer?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  it('arrive in Orthanc by STOW-RS and in storescp by C-STORE over TLS, their data sets identical byte for byte', async () => {
    const client = await signIn(gateway.pageUrl, gateway.firstPassword());
    const notSent: string[] = [];
    const notDelivered: string[] = [];
    let sent = 0;
    let compared = 0;
    let batch = new Map<string, Sent>();
    const compare = async () => {
      const results = await compareBatch({ client, pacs, orthanc }, batch);
      compared += results.compared;
      notDelivered.push(...results.notDelivered);
      batch = new Map();
    };
    for (const path of await realFiles()) {
      const name = path.slice(FILES.length + 1);
      const options = { extra: await proposal(path) };
      const scp = ['-xe', '-xb'].includes(options.extra[1]!) ? directUncompressed : direct;
      const known = await filesBelow(scp.output);
      const plain = await storescu(scp.port, options, [path]);
      if (!plain.ok) {
        notSent.push(`${name}: ${reasonIn(plain.output)}`);
        continue;
      }
      const [original] = [...newFiles(await filesBelow(scp.output), known).values()];
      // Several of the files share a SOP Instance UID: the copies of one are compared before the next is sent.
      if (batch.has(original!.sopInstanceUid)) await compare();
      const through = await storescu(gateway.ports.dicom, options, [path]);
      assert.ok(through.ok, `${name} was refused by the gateway: ${through.output}`);
      batch.set(original!.sopInstanceUid, { name, original: original! });
      sent++;
    }
    await compare();
    console.log(`${sent} files sent; ${compared} copies compared byte for byte`);
    for (const [title, list] of Object.entries({ 'storescu cannot send': notSent, 'refused by the archive': notDelivered })) {
      console.log(`${title}: ${list.length}`);
      for (const line of list) console.log(`  ${line}`);
    }
    assert.ok(sent > 60, `only ${sent} files were sent`);
    assert.equal(compared + notDelivered.length, 2 * sent);
    assert.ok(notDelivered.length < sent / 10, 'more than a few were refused');
  });
});

interface Sent {
  readonly name: string;
  readonly original: Part10;
}

interface Places {
  readonly client: Awaited<ReturnType<typeof signIn>>;
  readonly pacs: { readonly output: string };
  readonly orthanc: { readonly url: string };
}

/** Waits for each copy, or for the reason why it was parked; the copies must equal what plain storescp got. */
async function compareBatch(
  { client, pacs, orthanc }: Places,
  batch: Map<string, Sent>,
): Promise<{ compared: number; notDelivered: string[] }> {
  const notDelivered: string[] = [];
  let compared = 0;
  for (const [sopInstanceUid, { name, original }] of batch) {
    const copies: Record<string, () => Promise<Part10 | undefined>> = {
      pacs: async () => {
        const there = [...(await filesBelow(pacs.output)).values()].map(part10).filter((file) => file.sopInstanceUid === sopInstanceUid);
        return there.find((file) => file.dataSet.equals(original.dataSet)) ?? there[0];
      },
      orthanc: () => fromOrthanc(orthanc.url, sopInstanceUid),
    };
    for (const [where, look] of Object.entries(copies)) {
      const copy = await untilThereOrFailed(client, { where, sopInstanceUid, same: original, look });
      if ('reason' in copy) notDelivered.push(`${name} at ${where}: ${copy.reason}`);
      else {
        assert.equal(copy.transferSyntaxUid, original.transferSyntaxUid, `${name} at ${where}`);
        assert.ok(copy.dataSet.equals(original.dataSet), `${name} at ${where} differs`);
        compared++;
      }
    }
  }
  return { compared, notDelivered };
}

interface Wanted {
  readonly where: string;
  readonly sopInstanceUid: string;
  readonly same: Part10;
  readonly look: () => Promise<Part10 | undefined>;
}

/** An earlier file of the same UID may lie there: what counts is a copy that equals, or whatever is there when time is up. */
async function untilThereOrFailed(
  client: Places['client'],
  { where, sopInstanceUid, same, look }: Wanted,
): Promise<Part10 | { reason: string }> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const copy = await look();
    if (copy?.dataSet.equals(same.dataSet)) return copy;
    const { deliveries } = await client.get<{ deliveries: FailedDelivery[] }>(
      `/api/deliveries?state=failed&destination=${where}&limit=500`,
    );
    const failed = deliveries.find((one) => one.sopInstanceUid === sopInstanceUid);
    if (failed) return { reason: failed.reason };
    if (performance.now() > deadline) return copy ?? assert.fail(`${sopInstanceUid} neither arrived at ${where} nor failed`);
    await pause(100);
  }
}

interface FailedDelivery {
  readonly sopInstanceUid: string;
  readonly destination: string;
  readonly reason: string;
}

/** By SOP Instance UID; of several with one UID the last. */
function newFiles(now: Map<string, Buffer>, before: Map<string, Buffer>): Map<string, ReturnType<typeof part10>> {
  const added = [...now].filter(([path]) => !before.has(path)).map(([, bytes]) => part10(bytes));
  return new Map(added.map((file) => [file.sopInstanceUid, file]));
}

async function fromOrthanc(url: string, sopInstanceUid: string): Promise<Part10 | undefined> {
  const found = (await (await fetch(`${url}/tools/lookup`, { method: 'POST', body: sopInstanceUid })).json()) as {
    ID: string;
    Type: string;
  }[];
  const id = found.find(({ Type }) => Type === 'Instance')?.ID;
  if (!id) return undefined;
  return part10(Buffer.from(await (await fetch(`${url}/instances/${id}/file`)).arrayBuffer()));
}

const reasonIn = (output: string): string => output.split('\n').find((line) => /^[EF]:/.test(line)) ?? output.slice(0, 200);
