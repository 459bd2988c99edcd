// Bodies of known size for PUT and UploadPart: streamed from memory or from the spool, with the MD5 that the store checks before it answers 200.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';

/** Bytes that can be read again for each try. */
export interface BodySource {
  readonly size: number;
  chunks(): AsyncIterable<Buffer> | Iterable<Buffer>;
}

export interface PreparedBody {
  readonly stream: Readable;
  readonly size: number;
  /** Content-MD5 (RFC 1864). */
  readonly md5: string;
}

/** Calls `send` with the body; a source that fails ends the request and is what this rejects with. Nothing reads from the source afterwards. */
export async function withBody<T>(
  source: BodySource,
  signal: AbortSignal,
  send: (body: PreparedBody, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const md5 = await md5Of(source);
  const stream = Readable.from(source.chunks(), { objectMode: false });
  const broken = new AbortController();
  stream.once('error', (error) => broken.abort(error));
  try {
    return await send({ stream, size: source.size, md5 }, AbortSignal.any([signal, broken.signal]));
  } catch (error) {
    throw broken.signal.aborted ? broken.signal.reason : error;
  } finally {
    stream.destroy();
  }
}

async function md5Of(source: BodySource): Promise<string> {
  const hash = createHash('md5');
  for await (const chunk of source.chunks()) hash.update(chunk);
  return hash.digest('base64');
}
