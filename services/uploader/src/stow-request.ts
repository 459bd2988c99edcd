// One STOW-RS request (PS3.18 section 10.5): a streamed multipart body, and its answer, bounded in size and time.
import { Readable } from 'node:stream';
import { readBytes } from '@causeway/shared/dicomweb/http-authorization';
import type { HttpClient } from '@causeway/shared/dicomweb/http-client';
import { type MultipartBody, multipartRelated } from '@causeway/shared/dicomweb/multipart-writer';
import { retryAfterMs } from '@causeway/shared/dicomweb/retry-after';
import { TransientError } from '@causeway/shared/errors';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { judgeHttpStatus } from './delivery-outcome.ts';
import { sizeToSend, wholeObject } from './outbound-object.ts';
import type { Parcel } from './sender.ts';
import type { RawAnswer } from './stow-answer.ts';

/** What the request came to. `raw`: of statuses whose body tells of each instance. */
export interface StowReply {
  readonly status: number;
  readonly raw: RawAnswer | undefined;
  readonly retryAfterMs: number | undefined;
}

/** Set by the producer of the body when the object, not the network, was the cause. */
export interface SourceFailure {
  failure?: { readonly parcel: Parcel; readonly error: unknown };
}

export interface StowRequest {
  readonly client: HttpClient;
  readonly store: ObjectStore;
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** The answer to the largest batch (instances x some 500 bytes) is far below it; more is not read. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** The text of a refusal is not used (it may repeat patient data); so much is read to keep the connection. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** A longer Retry-After is taken as this: the destination is asked again at least once an hour. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** Chunk of the object that is on its way to the socket, at most this and the one behind it. */
const BODY_CHUNK_BYTES = 64 * 1024;
/** An answer that has begun is through after so many idle times, however slowly its bytes drip. Sending has no such limit. */
const ANSWER_IDLE_TIMES = 10;

/** Rejects when the connection failed or an object could not be read; the latter stands in `source` then. */
export async function postInstances(request: StowRequest, parcels: readonly Parcel[], source: SourceFailure): Promise<StowReply> {
  const { client, store, signal, idleMs } = request;
  const body = bodyOf(parcels, store, source);
  const response = await client.request({
    method: 'POST',
    path: '/studies',
    headers: { 'content-type': body.contentType, 'content-length': String(body.contentLength), accept: 'application/dicom+json' },
    body: () => Readable.from(body.chunks(), { objectMode: false, highWaterMark: BODY_CHUNK_BYTES }),
    signal,
    traces: parcels.map(({ trace }) => trace),
  });
  const wait = retryAfterMs(response.headers['retry-after']);
  const told = judgeHttpStatus(response.statusCode) === 'per-instance';
  const raw = told ? await readAnswer(response, idleMs) : undefined;
  // A dump that breaks off costs the connection, not the answer that is already known.
  if (!told) await response.body.dump({ limit: MAX_REFUSAL_BYTES, signal: AbortSignal.timeout(idleMs) }).catch(() => {});
  return { status: response.statusCode, raw, retryAfterMs: wait === undefined ? undefined : Math.min(wait, MAX_RETRY_AFTER_MS) };
}

function bodyOf(parcels: readonly Parcel[], store: ObjectStore, source: SourceFailure): MultipartBody {
  const parts = parcels.map((parcel) => ({
    // Without transfer-syntax parameter: group 2 says it, and Orthanc 1.10 passes over parts that have one, with a 200.
    contentType: 'application/dicom',
    size: sizeToSend(parcel.object),
    open: () => readParcel(parcel, store, source),
  }));
  return multipartRelated(parts, { type: 'application/dicom' });
}

async function* readParcel(parcel: Parcel, store: ObjectStore, source: SourceFailure): AsyncGenerator<Buffer> {
  try {
    yield* wholeObject(store, parcel.object);
  } catch (error) {
    source.failure = { parcel, error };
    throw error;
  }
}

type Response = Awaited<ReturnType<HttpClient['request']>>;

/** An answer that is too long is no answer: an empty body. Rejects when the connection ends, or the answer takes too long. */
export async function readAnswer({ headers, body }: Response, idleMs: number): Promise<RawAnswer> {
  const contentType = headers['content-type'] === undefined ? undefined : String(headers['content-type']);
  const tooLong = new TransientError(`the answer was not through after ${(ANSWER_IDLE_TIMES * idleMs) / 1000} s`);
  const timer = setTimeout(() => body.destroy(tooLong), ANSWER_IDLE_TIMES * idleMs);
  try {
    return { contentType, body: await readBytes(body, MAX_ANSWER_BYTES) };
  } catch (error) {
    if (error instanceof TransientError && error !== tooLong) return { contentType, body: Buffer.alloc(0) };
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
