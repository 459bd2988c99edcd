// What the derived object is, byte by byte; and that whatever cannot be compressed goes on unchanged with its reason.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, describe, it } from 'node:test';
import { type LosslessSyntax, TRANSFER_SYNTAX_OF } from '@causeway/shared/config/lossless-syntax';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import type { Instance } from '@causeway/shared/events/instance';
import { CodecFailure } from './codec-failure.ts';
import { CodecPool } from './codec-pool.ts';
import { type DeriveParts, deriveObject } from './derive-object.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';
import { grey, rgb, seededFrame } from './seeded-frames.ts';
import { dataSet, MemoryStore, pixelModule, readFragments, receivedObject, type SyntheticElement, text } from './synthetic-object.ts';
import { ObjectDamaged } from './unsuitable.ts';

const pool = new CodecPool({ threads: 2 });
after(() => pool.close());

const partsWith = (over: Partial<DeriveParts> = {}): DeriveParts & { store: MemoryStore } => ({
  store: new MemoryStore(),
  pool,
  frameMemory: new PrioritySemaphore({ capacity: 1 << 20 }),
  lookahead: 3,
  ...(over as object),
});

/** Elements that a careless re-encoding changes. */
const DELICATE: SyntheticElement[] = [
  text(0x00080005, 'CS', '\\ISO 2022 IR 87'),
  text(0x00100010, 'PN', 'Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B'),
  text(0x00091010, 'UN', 'who knows what\0\xff'),
  text(0x00090010, 'LO', 'ACME 1.1'),
  text(0x00091011, 'DS', ' 01.50 '),
  { tag: 0x00091012, vr: 'UN', value: Buffer.from('feff00e0ffffffff0800601002000000435420feff0de000000000'.padEnd(56, '0'), 'hex') },
  text(0x00280120, 'US', '\x30\xf8'),
  text(0x00282110, 'CS', '00'),
];

async function derive(data: Buffer, options: { syntax?: LosslessSyntax; parts?: DeriveParts; over?: Partial<Instance> } = {}) {
  const parts = options.parts ?? partsWith();
  const { bytes, instance } = receivedObject(data, options.over);
  (parts.store as MemoryStore).put(instance, bytes);
  const derivation = await deriveObject(parts, { instance, syntax: options.syntax ?? 'htj2k-lossless', priority: 1 });
  return { derivation, instance, store: parts.store as MemoryStore };
}

async function derivedBytes(data: Buffer, syntax: LosslessSyntax, over?: Partial<Instance>) {
  const { derivation, instance, store } = await derive(data, { syntax, over });
  if (derivation.outcome !== 'compressed') throw new Error(derivation.reason);
  const bytes = store.objects.get(derivation.object.objectKey)!;
  const { meta, dataSetOffset } = parseFileMeta(bytes)!;
  const derived = bytes.subarray(dataSetOffset);
  const scanner = new DataSetScanner({ transferSyntaxUid: TRANSFER_SYNTAX_OF[syntax], wanted: ['00280004', '00280006'] });
  scanner.write(derived);
  const scan = await scanner.end();
  return { bytes, meta, data: derived, scan, object: derivation.object, instance, store };
}

describe('derived object', () => {
  for (const syntax of ['htj2k-lossless', 'jpeg2000-lossless'] as const) {
    it(`keeps every byte around the pixel data (${syntax})`, async () => {
      const format = grey({ bitsStored: 12 });
      const tail = encodeElement(text(0xfffcfffc, 'OB', '\0\0\0\0'));
      const source = dataSet({
        elements: [...DELICATE, ...pixelModule(format)],
        pixels: seededFrame(format, { seed: 1, noise: 0.02 }),
        tail,
      });
      const { data, scan } = await derivedBytes(source, syntax);
      const header = source.indexOf(Buffer.from('e07f1000', 'hex'));
      assert.deepEqual(data.subarray(0, header), source.subarray(0, header));
      assert.deepEqual(data.subarray(scan.pixelData!.endOffset), tail);
      assert.equal(data.toString('latin1', header + 4, header + 6), 'OB');
    });

    it(`names itself: transfer syntax, digest of its own data set, and the custody of the source (${syntax})`, async () => {
      const format = grey();
      const source = dataSet({ elements: pixelModule(format), pixels: seededFrame(format, { seed: 1, noise: 0.02 }) });
      const { meta, data, object, instance, bytes } = await derivedBytes(source, syntax, { lane: 'stat' });
      const digest = createHash('sha256').update(data).digest('hex');
      assert.equal(object.digest, digest);
      assert.equal(object.size, bytes.length);
      assert.equal(object.transferSyntaxUid, TRANSFER_SYNTAX_OF[syntax]);
      const custody = readCustodyMeta(meta)!;
      assert.deepEqual(
        [custody.digest, custody.lane, custody.callingAe, custody.calledAe, custody.receivedAt, custody.sopInstanceUid],
        [digest, 'stat', 'CT1', 'GATEWAY', instance.receivedAt, instance.sopInstanceUid],
      );
      assert.equal(meta.transferSyntaxUid, TRANSFER_SYNTAX_OF[syntax]);
      assert.equal(meta.sourceAe, 'CT1');
      assert.match(object.objectKey, new RegExp(`^derived/${instance.receiptId}/${syntax}-[0-9a-f]{8}\\.dcm$`));
    });
  }

  it('says YBR_RCT by pixel for RGB, drops group lengths that became wrong, and touches nothing else', async () => {
    const format = rgb({ planarConfiguration: 1, rows: 33, columns: 21 });
    const lengths = [0x00280000, 0x00080000].map((tag) => ({ tag, vr: 'UL', value: Buffer.alloc(4, 1) }));
    const elements = [...lengths, ...DELICATE, ...pixelModule(format)];
    const pixels = seededFrame(format, { seed: 4, noise: 0.02 });
    const source = dataSet({ elements: [...elements, { tag: 0x7fe00000, vr: 'UL', value: Buffer.alloc(4, 2) }], pixels });
    const { data, scan } = await derivedBytes(source, 'jpeg2000-lossless');
    assert.equal(scan.values.get('00280004')!.toString(), 'YBR_RCT ');
    assert.equal(scan.values.get('00280006')!.readUInt16LE(), 0);
    const asColour = { ...format, planarConfiguration: 0 as const };
    const changed = [...lengths.slice(1), ...DELICATE, ...pixelModule(asColour, { photometric: 'YBR_RCT ' })];
    assert.deepEqual(data.subarray(0, scan.pixelData!.headerOffset), dataSet({ elements: changed }));
  });

  it('has one even fragment a frame, in order, where the offset table says', async () => {
    const format = grey({ bitsStored: 10, rows: 17, columns: 31 });
    const frames = Array.from({ length: 9 }, (_, seed) => seededFrame(format, { seed, noise: 0.1 * (seed % 5) }));
    const source = dataSet({ elements: pixelModule(format, { frames: 9 }), pixels: Buffer.concat(frames) });
    const { data, scan } = await derivedBytes(source, 'htj2k-lossless');
    const { offsets, fragments, end } = readFragments(data, scan.pixelData!.valueOffset);
    assert.equal(end, data.length);
    assert.equal(fragments.length, 9);
    const first = data.indexOf(fragments[0]!) - 8;
    let expected = 0;
    for (const [index, piece] of fragments.entries()) {
      assert.equal(offsets[index], expected);
      assert.equal(data.toString('hex', first + expected, first + expected + 4), 'feff00e0');
      const alone = await pool.encode({ syntax: 'htj2k-lossless', format, pixels: new Uint8Array(frames[index]!) }, 1);
      assert.deepEqual(piece.subarray(0, alone.codestream.length), Buffer.from(alone.codestream));
      assert.ok(piece.length % 2 === 0 && piece.length - alone.codestream.length < 2);
      expected += 8 + piece.length;
    }
  });

  it('is explicit where the source was implicit, with the same elements and values', async () => {
    const format = rgb({ planarConfiguration: 1, rows: 33, columns: 21 });
    const known = [text(0x00100010, 'PN', 'A^B'), text(0x00104000, 'LT', 'note'), text(0x0020000d, 'UI', '2.25.1')];
    const padding = text(0xfffcfffc, 'OB', '\0\0\0\0');
    const pixels = seededFrame(format, { seed: 4, noise: 0.02 });
    const lengths = { tag: 0x00080000, vr: 'UL', value: Buffer.alloc(4, 1) };
    const elements = [lengths, ...known, ...pixelModule(format)];
    const source = dataSet({ elements, pixels, explicit: false, tail: encodeElement(padding, false) });
    const { data, scan } = await derivedBytes(source, 'htj2k-lossless', { transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN });
    const expected = [...known, ...pixelModule({ ...format, planarConfiguration: 0 }, { photometric: 'YBR_RCT ' })];
    assert.deepEqual(data.subarray(0, scan.pixelData!.headerOffset), dataSet({ elements: expected }));
    assert.deepEqual(data.subarray(scan.pixelData!.endOffset), encodeElement(padding));
  });

  it('never reuses a key: two attempts are two objects', async () => {
    const format = grey();
    const parts = partsWith();
    const data = dataSet({ elements: pixelModule(format), pixels: seededFrame(format, { seed: 1, noise: 0.02 }) });
    const { bytes, instance } = receivedObject(data);
    parts.store.put(instance, bytes);
    const order = { instance, syntax: 'htj2k-lossless' as const, priority: 1 };
    const [one, other] = [await deriveObject(parts, order), await deriveObject(parts, order)];
    assert.ok(one.outcome === 'compressed' && other.outcome === 'compressed');
    assert.notEqual(one.object.objectKey, other.object.objectKey);
    assert.equal(one.object.digest, other.object.digest);
    assert.equal(parts.store.objects.size, 3);
  });

  it('drops the padding byte of odd pixel data', async () => {
    const format = grey({ bitsAllocated: 8, bitsStored: 8, rows: 31, columns: 31 });
    const pixels = seededFrame(format, { seed: 1, noise: 0.01 });
    const { scan, data } = await derivedBytes(dataSet({ elements: pixelModule(format), pixels, pixelVr: 'OB' }), 'jpeg2000-lossless');
    assert.equal(readFragments(data, scan.pixelData!.valueOffset).end, data.length);
  });
});

describe('what goes on unchanged', () => {
  const format = grey({ bitsStored: 12 });
  const pixels = seededFrame(format, { seed: 1, noise: 0.02 });
  const plain = dataSet({ elements: pixelModule(format), pixels });

  async function reasonFor(data: Buffer, options: Parameters<typeof derive>[1] = {}): Promise<string> {
    const { derivation, store } = await derive(data, options);
    assert.equal(store.openUploads, 0);
    assert.equal(store.objects.size, 1, 'only the received object is there');
    return derivation.outcome === 'unchanged' ? derivation.reason : 'compressed';
  }
  const withReplaced = (tag: number, element: SyntheticElement) =>
    dataSet({ elements: [...pixelModule(format).filter((one) => one.tag !== tag), element], pixels });

  it('noise, which compressed is not smaller', async () => {
    const noise = grey();
    const data = dataSet({ elements: pixelModule(noise), pixels: seededFrame(noise, { seed: 2, noise: 1 }) });
    assert.equal(await reasonFor(data), 'compressed is not smaller');
  });

  it('bits above High Bit', async () => {
    const overlay = Buffer.from(pixels);
    overlay[101]! |= 0x10;
    assert.match(await reasonFor(dataSet({ elements: pixelModule(format), pixels: overlay })), /bits above High Bit 11/);
  });

  it('an object without pixel data', async () => {
    assert.equal(await reasonFor(dataSet({ elements: DELICATE })), 'no pixel data');
  });

  it('pixel data of another length than the header says', async () => {
    assert.match(await reasonFor(dataSet({ elements: pixelModule(format), pixels: pixels.subarray(2) })), /pixel data is 2046 bytes long/);
  });

  it('a data set that was received without the end of its pixel data', async () => {
    assert.match(await reasonFor(plain.subarray(0, -10)), /without the last 10 bytes/);
  });

  it('a digitally signed data set', async () => {
    const mac = { tag: 0x4ffe0001, vr: 'SQ', value: Buffer.alloc(0) };
    assert.match(await reasonFor(dataSet({ elements: [...pixelModule(format), mac], pixels })), /digitally signed/);
  });

  it('repeated elements', async () => {
    const [first] = pixelModule(format);
    assert.match(await reasonFor(dataSet({ elements: [first!, ...pixelModule(format)], pixels })), /repeated/);
  });

  it('a group 2 inside the data set', async () => {
    const group2 = encodeElement(text(0x00020010, 'UI', '1.2.840.10008.1.2.1'));
    assert.match(await reasonFor(Buffer.concat([group2, plain])), /group 2 inside/);
  });

  it('a data set that is not in its transfer syntax', async () => {
    assert.match(await reasonFor(dataSet({ elements: pixelModule(format), pixels, explicit: false })), /cannot be parsed/);
  });

  it('a header above the limit', async () => {
    const large = { tag: 0x00091010, vr: 'OB', value: Buffer.alloc(17 * 1024 * 1024) };
    assert.match(await reasonFor(dataSet({ elements: [...pixelModule(format), large], pixels })), /header is longer than/);
  });

  it('Planar Configuration missing of RGB', async () => {
    const colour = rgb();
    const elements = pixelModule(colour).filter(({ tag }) => tag !== 0x00280006);
    assert.match(
      await reasonFor(dataSet({ elements, pixels: seededFrame(colour, { seed: 1, noise: 0 }) })),
      /Planar Configuration is missing/,
    );
  });

  it('High Bit elsewhere', async () => {
    assert.match(await reasonFor(withReplaced(0x00280102, { tag: 0x00280102, vr: 'US', value: Buffer.from([15, 0]) })), /High Bit 15/);
  });

  it('a frame that a codec fails on, or whose thread hangs', async () => {
    const failing = { encode: () => Promise.reject(new CodecFailure('no answer from the codec within 10 ms')) };
    assert.equal(await reasonFor(plain, { parts: partsWith({ pool: failing }) }), 'codec: no answer from the codec within 10 ms');
  });

  it('a multi-frame of which one frame in the middle fails, and no memory stays held', async () => {
    let asked = 0;
    const flaky: DeriveParts['pool'] = {
      encode: (task, priority) =>
        ++asked === 4 ? Promise.reject(new CodecFailure('decoded pixels differ from the source')) : pool.encode(task, priority),
    };
    const frameMemory = new PrioritySemaphore({ capacity: 1 << 20 });
    const data = dataSet({ elements: pixelModule(format, { frames: 8 }), pixels: Buffer.concat(Array(8).fill(pixels)) });
    assert.match(await reasonFor(data, { parts: partsWith({ pool: flaky, frameMemory }) }), /pixels differ/);
    while (frameMemory.held > 0) await new Promise<void>((resolve) => setImmediate(resolve));
  });
});

describe('what is an error', () => {
  const format = grey();
  const data = dataSet({ elements: pixelModule(format), pixels: seededFrame(format, { seed: 1, noise: 0.02 }) });

  it('is an object that is missing', async () => {
    const { instance } = receivedObject(data);
    const order = { instance, syntax: 'htj2k-lossless' as const, priority: 1 };
    await assert.rejects(deriveObject(partsWith(), order), { name: 'ObjectMissing' });
  });

  it('is an object whose bytes are not the received ones, or that is too short', async () => {
    for (const damage of [(bytes: Buffer) => bytes.fill(9, bytes.length - 10), (bytes: Buffer) => bytes.subarray(0, -10)]) {
      const parts = partsWith();
      const { bytes, instance } = receivedObject(data);
      parts.store.put(instance, damage(Buffer.from(bytes)));
      await assert.rejects(deriveObject(parts, { instance, syntax: 'htj2k-lossless', priority: 1 }), ObjectDamaged);
      assert.equal(parts.store.objects.size, 1);
      assert.equal(parts.store.openUploads, 0);
    }
  });
});
