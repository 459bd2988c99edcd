// The files that every program of the benchmark gets: synthetic CT of 512 x 512 x 16 bit, about 512 KB each, and one large multi-frame.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeElement } from '@causeway/shared/dicom/part10/element';
import { encodeFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';

export interface BenchFile {
  readonly path: string;
  readonly sopInstanceUid: string;
}

/** `count` files in groups of one study for each association. */
export async function makeFiles(folder: string, set: { studies: number; instances: number; seed: number }): Promise<BenchFile[][]> {
  await mkdir(folder, { recursive: true });
  const groups = new Map<string, BenchFile[]>();
  let n = 0;
  for await (const instance of syntheticInstances(set)) {
    const path = join(folder, `${String(n++).padStart(5, '0')}.dcm`);
    await writeFile(path, Buffer.concat([encodeFileMeta(instance), instance.dataSet]));
    const group = groups.get(instance.studyInstanceUid) ?? [];
    group.push({ path, sopInstanceUid: instance.sopInstanceUid });
    groups.set(instance.studyInstanceUid, group);
  }
  return [...groups.values()];
}

const ROWS = 512;
const FRAME_BYTES = ROWS * ROWS * 2;
const MULTI_FRAME_GRAYSCALE_WORD = '1.2.840.10008.5.1.4.1.1.7.3';
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

const us = (value: number): Buffer => {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
};

/** One object of `frames` frames of 512 KiB, written as a stream. */
export async function makeMultiFrame(path: string, frames: number): Promise<string> {
  const sopInstanceUid = `2.25.${BigInt(Date.now())}${frames}`;
  const text: [number, string, string][] = [
    [0x00080016, 'UI', MULTI_FRAME_GRAYSCALE_WORD],
    [0x00080018, 'UI', sopInstanceUid],
    [0x00080060, 'CS', 'OT'],
    [0x00100010, 'PN', 'SYNTHETIC^MULTIFRAME'],
    [0x00100020, 'LO', 'BENCH-2GB'],
    [0x0020000d, 'UI', `${sopInstanceUid}.1`],
    [0x0020000e, 'UI', `${sopInstanceUid}.2`],
    [0x00280004, 'CS', 'MONOCHROME2'],
    [0x00280008, 'IS', String(frames)],
  ];
  const numbers: [number, number][] = [
    [0x00280002, 1],
    [0x00280010, ROWS],
    [0x00280011, ROWS],
    [0x00280100, 16],
    [0x00280101, 12],
    [0x00280102, 11],
    [0x00280103, 0],
  ];
  const elements = [
    ...text.map(([tag, vr, value]) => ({ tag, bytes: encodeElement({ tag, vr, value: Buffer.from(value) }) })),
    ...numbers.map(([tag, value]) => ({ tag, bytes: encodeElement(tag, 'US', us(value)) })),
  ].sort((a, b) => a.tag - b.tag);
  const pixelHeader = Buffer.from([0xe0, 0x7f, 0x10, 0x00, 0x4f, 0x57, 0, 0, 0, 0, 0, 0]);
  pixelHeader.writeUInt32LE(frames * FRAME_BYTES, 8);
  const out = createWriteStream(path);
  const meta = encodeFileMeta({ sopClassUid: MULTI_FRAME_GRAYSCALE_WORD, sopInstanceUid, transferSyntaxUid: EXPLICIT_LITTLE });
  out.write(Buffer.concat([meta, ...elements.map(({ bytes }) => bytes), pixelHeader]));
  for (let frame = 0; frame < frames; frame++) if (!out.write(frameOf(frame))) await once(out, 'drain');
  out.end();
  await once(out, 'finish');
  return sopInstanceUid;
}

/** A gradient with noise that differs by frame: neither constant nor incompressible. */
function frameOf(frame: number): Buffer {
  const pixels = new Uint16Array(ROWS * ROWS);
  let random = (frame + 1) * 2_654_435_761;
  for (let i = 0; i < pixels.length; i++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    pixels[i] = ((i & 511) + (i >> 9) + frame + (random >>> 28)) & 0x0fff;
  }
  return Buffer.from(pixels.buffer);
}
