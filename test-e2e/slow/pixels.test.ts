// Compression through the whole gateway, proved by decoders that are not ours: every sample is the source's, and so is every element that is not about the encoding.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { untilArrived } from '../src/arrivals.ts';
import { decodeByGdcm, decodeByOpenJpeg, takeApart, writeTo } from '../src/foreign-decoders.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { type ImageInstance, type ImageKind, imageInstance } from '../src/image-instances.ts';
import { runSend } from '../src/run-send.ts';

const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
const SYNTAXES = { 'htj2k-lossless': '1.2.840.10008.1.2.4.201', 'jpeg2000-lossless': '1.2.840.10008.1.2.4.90' } as const;
type Syntax = keyof typeof SYNTAXES;

const [CT, MR, SECONDARY_CAPTURE] = ['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.7'];
const [BYTE, WORD, TRUE_COLOR] = ['1.2.840.10008.5.1.4.1.1.7.2', '1.2.840.10008.5.1.4.1.1.7.3', '1.2.840.10008.5.1.4.1.1.7.4'];
const grey = { bitsAllocated: 16, bitsStored: 16, signed: false, samplesPerPixel: 1, frames: 1, rows: 211, columns: 157 } as const;
const color = { ...grey, bitsAllocated: 8, bitsStored: 8, samplesPerPixel: 3 } as const;

const KINDS: ImageKind[] = [
  { ...grey, name: 'CT, signed 16 bits', sopClassUid: CT, signed: true },
  { ...grey, name: 'CT, signed 12 in 16 bits', sopClassUid: CT, signed: true, bitsStored: 12 },
  { ...grey, name: 'MR, 12 in 16 bits', sopClassUid: MR, bitsStored: 12 },
  { ...grey, name: 'grey, 8 bits, odd sizes', sopClassUid: SECONDARY_CAPTURE, bitsAllocated: 8, bitsStored: 8 },
  { ...color, name: 'RGB by pixel', sopClassUid: SECONDARY_CAPTURE, planarConfiguration: 0 },
  { ...color, name: 'RGB by plane', sopClassUid: SECONDARY_CAPTURE, planarConfiguration: 1 },
  { ...grey, name: 'multi-frame, 12 in 16 bits', sopClassUid: WORD, bitsStored: 12, frames: 5 },
  { ...grey, name: 'multi-frame, 8 bits', sopClassUid: BYTE, bitsAllocated: 8, bitsStored: 8, frames: 3 },
  { ...color, name: 'multi-frame, RGB by plane', sopClassUid: TRUE_COLOR, planarConfiguration: 1, frames: 3 },
];

/** What says how pixels are encoded, and may differ for color: photometric interpretation and planar configuration (PS3.5 section 8.2.4). */
const ABOUT_ENCODING = ['00280004', '00280006'];

describe('compressed images', () => {
  let scratch: string;
  let gateway: GatewayUnderTest;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-pixels-'));
    const sandboxPort = await freePort();
    gateway = await startGateway({
      config: {
        facilities: [{ id: 'main', match: [{}], destinations: ['sandbox'] }],
        destinations: [{ id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${sandboxPort}/dicom-web`, images: 'compressed' }],
        // biome-ignore-start lint/suspicious/noThenProperty: `then` is the document's word, and never a function
        compression: [
          { when: { callingAe: ['HTJ2K'] }, then: { syntax: 'htj2k-lossless' } },
          { when: { callingAe: ['JPEG2000'] }, then: { syntax: 'jpeg2000-lossless' } },
        ],
        // biome-ignore-end lint/suspicious/noThenProperty: as above
      },
      env: { CAUSEWAY_SANDBOX_PORT: String(sandboxPort) },
    });
  });
  after(async () => {
    await gateway?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  let seed = 0;
  for (const [syntax, callingAe] of [
    ['htj2k-lossless', 'HTJ2K'],
    ['jpeg2000-lossless', 'JPEG2000'],
  ] as const)
    for (const kind of KINDS)
      it(`${syntax}: ${kind.name}`, async () => {
        const instance = imageInstance(kind, ++seed);
        const folder = join(scratch, String(seed));
        await mkdir(folder);
        const source = await writeTo(folder, 'source.dcm', part10(instance));
        const { code, output } = await runSend(['--port', gateway.ports.dicom, '--calling', callingAe, source]).ended;
        assert.equal(code, 0, output);
        await untilArrived(gateway.sandboxUrl, [instance.sopInstanceUid]);
        const retrieved = await writeTo(folder, 'retrieved.dcm', await retrieve(gateway.sandboxUrl, instance));
        await compare({ kind, syntax, instance, folder, source, retrieved });
      });
});

interface Comparison {
  readonly kind: ImageKind;
  readonly syntax: Syntax;
  readonly instance: ImageInstance;
  readonly folder: string;
  readonly source: string;
  readonly retrieved: string;
}

async function compare({ kind, syntax, instance, folder, source, retrieved }: Comparison): Promise<void> {
  const [sent, got] = [await takeApart(source, folder), await takeApart(retrieved, folder)];
  assert.equal(got.syntax, SYNTAXES[syntax]);
  assert.equal(got.frames.length, kind.frames);
  for (const [at, codestream] of got.frames.entries())
    assert.ok((await decodeByOpenJpeg(codestream)).equals(expectedOf(kind, instance.frames[at]!)), `frame ${at + 1} by OpenJPEG`);
  if (syntax === 'jpeg2000-lossless') {
    const whole = Buffer.concat(instance.frames);
    const decoded = await decodeByGdcm(retrieved, folder);
    assert.ok(decoded.subarray(0, whole.length).equals(whole), 'all frames by GDCM');
  }
  const differing = [...new Set([...Object.keys(sent.elements), ...Object.keys(got.elements)])].filter(
    (tag) => String(sent.elements[tag]) !== String(got.elements[tag]),
  );
  console.log(`${syntax}, ${kind.name}: ${Object.keys(sent.elements).length} elements, differing: ${differing.join(' ') || 'none'}`);
  assert.deepEqual(
    differing.filter((tag) => kind.samplesPerPixel === 1 || !ABOUT_ENCODING.includes(tag)),
    [],
  );
}

/** As opj_decompress writes it: plane by plane, signed samples cut to their precision. */
function expectedOf({ samplesPerPixel, bitsAllocated, bitsStored }: ImageKind, frame: Buffer): Buffer {
  const width = bitsAllocated / 8;
  const pixels = frame.length / width / samplesPerPixel;
  const expected = Buffer.alloc(frame.length);
  for (let sample = 0; sample < samplesPerPixel; sample++)
    for (let pixel = 0; pixel < pixels; pixel++) {
      const [from, to] = [(pixel * samplesPerPixel + sample) * width, (sample * pixels + pixel) * width];
      if (width === 1) expected[to] = frame[from]!;
      else expected.writeUInt16LE(frame.readUInt16LE(from) & (2 ** bitsStored - 1), to);
    }
  return expected;
}

function part10({ sopClassUid, sopInstanceUid, dataSet }: ImageInstance): Buffer {
  return Buffer.concat([encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid: EXPLICIT_LITTLE }), dataSet]);
}

/** By WADO-RS (PS3.18 section 10.4): the one part of the answer. */
async function retrieve(sandboxUrl: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: ImageInstance): Promise<Buffer> {
  const url = `${sandboxUrl}/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
  const answer = await fetch(url, { headers: { accept: 'multipart/related; type="application/dicom"; transfer-syntax=*' } });
  assert.equal(answer.status, 200);
  const body = Buffer.from(await answer.arrayBuffer());
  const start = body.indexOf('\r\n\r\n') + 4;
  const length = Number(/Content-Length: (\d+)/i.exec(body.subarray(0, start).toString('latin1'))![1]);
  return body.subarray(start, start + length);
}
