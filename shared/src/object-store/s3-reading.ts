// Reading an object from S3: with back-pressure, to the last byte that was promised, going on with a new request when a connection is cut.
import { Readable } from 'node:stream';
import { GetObjectCommand } from '@aws-sdk/client-s3';
import { ObjectMissing, TransientError } from '../errors.ts';
import { S3RequestFailed } from './s3-failure.ts';
import { headObject, isNotFound } from './s3-objects.ts';
import { type S3Bucket, s3Request } from './s3-requests.ts';

const CHUNK_BYTES = 256 * 1024;
/** In a row, without a byte between them. */
const MOST_CUTS = 3;
const RANGE_BEYOND_END = 416;

export interface Reading {
  readonly bucket: S3Bucket;
  readonly key: string;
  /** First byte. */
  readonly start: number;
  /** After the last byte; undefined: the end of the object. */
  readonly end: number | undefined;
}

/** Resolves when the store has begun to answer. Rejects with ObjectMissing or TransientError; the stream ends whole, or with TransientError. */
export async function readObject(reading: Reading): Promise<Readable> {
  if (reading.end !== undefined && reading.end <= reading.start) return emptyOf(reading);
  try {
    const body = await open(reading, undefined);
    return Readable.from(chunks(reading, body), { objectMode: false, highWaterMark: CHUNK_BYTES });
  } catch (error) {
    if (error instanceof S3RequestFailed && error.failure.status === RANGE_BEYOND_END) return Readable.from([]);
    if (isNotFound(error)) throw new ObjectMissing(`no object ${reading.key}`, { cause: error });
    throw error;
  }
}

async function emptyOf({ bucket, key }: Reading): Promise<Readable> {
  if (!(await headObject(bucket, key))) throw new ObjectMissing(`no object ${key}`);
  return Readable.from([]);
}

interface OpenBody {
  readonly stream: Readable;
  readonly bytes: AsyncIterator<Buffer>;
  /** After the last byte that this answer promises. */
  readonly end: number;
  readonly etag: string | undefined;
}

async function open({ bucket, key, start, end }: Reading, etag: string | undefined): Promise<OpenBody> {
  const Range = start === 0 && end === undefined ? undefined : `bytes=${start}-${end === undefined ? '' : end - 1}`;
  const answer = await s3Request({ bucket, what: `GET ${key}` }, (abortSignal) =>
    bucket.client.send(new GetObjectCommand({ Bucket: bucket.name, Key: key, Range, IfMatch: etag }), { abortSignal }),
  );
  const stream = answer.Body as Readable;
  return { stream, bytes: stream[Symbol.asyncIterator](), end: start + answer.ContentLength!, etag: answer.ETag };
}

async function* chunks(reading: Reading, first: OpenBody): AsyncGenerator<Buffer> {
  let body = first;
  let cuts = 0;
  try {
    for (let at = reading.start; at < first.end; ) {
      const chunk = await nextOf(body, reading.bucket.pace.silentMs).catch((error: Error) => error);
      if (Buffer.isBuffer(chunk)) {
        at += chunk.length;
        cuts = 0;
        yield chunk;
        continue;
      }
      body.stream.destroy();
      const words = chunk?.message ?? 'the answer was too short';
      if (++cuts > MOST_CUTS) throw new TransientError(`object store: GET ${reading.key} cut at ${at} of ${first.end}: ${words}`);
      body = await open({ ...reading, start: at, end: first.end }, first.etag);
    }
  } finally {
    body.stream.destroy();
  }
}

/** undefined: no more. Nothing comes although somebody waits for it: the connection is dead. */
async function nextOf({ stream, bytes }: OpenBody, silentMs: number): Promise<Buffer | undefined> {
  const timer = setTimeout(() => stream.destroy(new Error(`nothing came for ${silentMs} ms`)), silentMs);
  try {
    const { value, done } = await bytes.next();
    return done ? undefined : (value as Buffer);
  } finally {
    clearTimeout(timer);
  }
}
