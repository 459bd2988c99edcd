// Deflated data sets as streams of their inflated bytes, and back (PS3.5 Annex A.5, RFC 1951).
import { createDeflateRaw } from 'node:zlib';
import { Inflation } from './inflation.ts';

/** Inflated at a time: what comes out of it, up to a thousand times as much, is held until it is taken. */
const SLICE_BYTES = 4096;
/** As DataSetScanner. */
const MOST_INFLATED_BYTES = 16 * 2 ** 30;

/** Throws DicomParseError. Takes every chunk, what stands behind the deflate stream too. */
export async function* inflated(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let held: Buffer[] = [];
  const inflation = new Inflation((chunk) => held.push(Buffer.from(chunk)), MOST_INFLATED_BYTES);
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      await inflation.write(chunk.subarray(at, at + SLICE_BYTES));
      yield* held;
      held = [];
    }
  }
  await inflation.end();
  yield* held;
}

/** The same bytes for the same input, of even length. */
export async function* deflated(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const deflate = createDeflateRaw();
  let held: Buffer[] = [];
  let bytes = 0;
  deflate.on('data', (chunk: Buffer) => {
    held.push(chunk);
    bytes += chunk.length;
  });
  for await (const chunk of chunks) {
    await new Promise<void>((resolve, reject) => deflate.write(chunk, (error) => (error ? reject(error) : resolve())));
    yield* held;
    held = [];
  }
  await new Promise<void>((resolve, reject) => deflate.on('error', reject).on('end', resolve).end());
  yield* held;
  if (bytes % 2 === 1) yield Buffer.alloc(1);
}
