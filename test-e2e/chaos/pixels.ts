// What the second archive has compressed is decoded by a program that is not ours: the pixels must be those that were sent.
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { type ArchivedInstance, filesWithDataSets } from '../src/archived-instances.ts';
import { decodedPixels } from '../src/decoded-pixels.ts';
import type { Finding } from './compare.ts';
import type { SentLine } from './modalities.ts';

/** JPEG 2000 and HTJ2K, lossless (PS3.5 sections A.4.4 and A.4.11): what the decoder knows. */
const DECODABLE = new Set(['1.2.840.10008.1.2.4.90', '1.2.840.10008.1.2.4.201']);
/** A decoder process each, some 50 ms. */
const MOST = 150;

export interface PixelCheck {
  readonly compressed: number;
  readonly decoded: number;
  readonly findings: Finding[];
}

/** `objects`: the archive's files. Some of them, evenly, where there are many. */
export async function checkPixels(objects: string, sent: readonly SentLine[], scratch: string): Promise<PixelCheck> {
  mkdirSync(scratch, { recursive: true });
  const expected = new Map(sent.map(({ sopInstanceUid, pixelDigest }) => [sopInstanceUid, pixelDigest]));
  const compressed = (await filesWithDataSets(objects)).filter(({ transferSyntaxUid }) => DECODABLE.has(transferSyntaxUid));
  const sample = compressed.filter((_, at) => at % Math.ceil(compressed.length / MOST) === 0);
  const wrong: string[] = [];
  for (const { path, sopInstanceUid } of sample)
    if ((await pixelDigestOf(path, scratch)) !== expected.get(sopInstanceUid)) wrong.push(sopInstanceUid);
  const what = 'compressed, and its pixels are not those that were sent';
  return {
    compressed: compressed.length,
    decoded: sample.length,
    findings: wrong.length === 0 ? [] : [{ what, count: wrong.length, examples: wrong.slice(0, 10) }],
  };
}

const pixelDigestOf = async (path: ArchivedInstance['path'], scratch: string): Promise<string> =>
  createHash('sha256')
    .update(await decodedPixels(path, scratch))
    .digest('hex');
