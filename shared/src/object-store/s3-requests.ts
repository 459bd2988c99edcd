// Requests to an S3 store: each has a time limit by its size, is sent again where that is safe, and fails in words that an operator understands.
import { readFileSync } from 'node:fs';
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { S3Client } from '@aws-sdk/client-s3';
import { TransientError } from '../errors.ts';
import { S3RequestFailed, s3Failure } from './s3-failure.ts';

export interface S3Connection {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Bucket in the path (MinIO, Ceph), not in the host name. */
  readonly pathStyle: boolean;
  /** PEM file of the authority that signed the store's certificate. */
  readonly caFile?: string | undefined;
}

/** How long a bucket may take, ms. */
export interface S3Pace {
  /** One request, beside the time that its bytes take. */
  readonly answerMs: number;
  /** No further try is begun after this. */
  readonly tryForMs: number;
  /** A reader waits, and not a byte comes. */
  readonly silentMs: number;
  /** A store that is slower is of no use to a gateway. */
  readonly slowestBytesPerS: number;
}

export interface S3Bucket {
  readonly client: S3Client;
  readonly name: string;
  readonly pace: S3Pace;
}

export interface S3Work {
  readonly bucket: S3Bucket;
  /** For messages: "PUT received/..." */
  readonly what: string;
  /** Bytes that travel; they lengthen the time limit. */
  readonly bytes?: number;
  /** At most [as many as the pace allows]. */
  readonly tries?: number;
  readonly limitMs?: number;
  /** Ends the work, and its tries. */
  readonly signal?: AbortSignal | undefined;
}

/** Connections at a time, also those of slow readers; more requests wait. */
const MOST_CONNECTIONS = 256;
const CONNECT_MS = 3_000;
/** A connection on which nothing moves in either direction is dead, or its reader sleeps (which then goes on with a new one, s3-reading.ts). */
const IDLE_MS = 20_000;
/** A store that is well answers within milliseconds. One that restarts is waited out, but not beyond limits.custody (15 s). */
export const PACE: S3Pace = { answerMs: 8_000, tryForMs: 12_000, silentMs: 10_000, slowestBytesPerS: 1024 * 1024 };
/** Doubled with each try, and half of it by chance, so that replicas do not come back together. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_600;

/** The AWS client in the way that MinIO and Ceph understand, without its own tries, clock and words. */
export function createS3Client(connection: S3Connection): S3Client {
  const agent = { keepAlive: true, maxSockets: MOST_CONNECTIONS };
  const ca = connection.caFile === undefined ? undefined : readFileSync(connection.caFile);
  return new S3Client({
    endpoint: connection.endpoint,
    region: connection.region,
    credentials: { accessKeyId: connection.accessKey, secretAccessKey: connection.secretKey },
    forcePathStyle: connection.pathStyle,
    // Trailing checksums are not understood everywhere (Ceph 16): Content-MD5 is, and is checked by every store.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    maxAttempts: 1,
    requestHandler: {
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent({ ...agent, ca }),
      connectionTimeout: CONNECT_MS,
      socketTimeout: IDLE_MS,
    },
    logger: { trace() {}, debug() {}, info() {}, warn() {}, error() {} },
  });
}

/**
 * Resolves with what `attempt` resolved with. `attempt` must be repeatable: it is called again after failures that may pass.
 * Rejects with S3RequestFailed, or with the TransientError of `attempt` itself.
 */
export async function s3Request<T>(work: S3Work, attempt: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const began = performance.now();
  let mayBeDone = false;
  for (let tries = 1; ; tries++) {
    const limit = new AbortController();
    // Ends with the attempt: a body that is still being read must not be cut by it.
    const timer = setTimeout(() => limit.abort(), work.limitMs ?? timeLimitMs(work));
    try {
      return await attempt(work.signal ? AbortSignal.any([limit.signal, work.signal]) : limit.signal);
    } catch (cause) {
      // Our own: the spool file could not be read.
      if (cause instanceof TransientError) throw cause;
      const failure = s3Failure(cause, limit.signal.aborted);
      mayBeDone ||= failure.mayBeDone;
      const again =
        failure.mayPass && tries < (work.tries ?? Number.POSITIVE_INFINITY) && performance.now() - began < work.bucket.pace.tryForMs;
      if (!again || work.signal?.aborted) throw new S3RequestFailed(work.what, { failure, tries, mayBeDone, cause });
    } finally {
      clearTimeout(timer);
    }
    await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (tries - 1)));
  }
}

function timeLimitMs({ bucket: { pace }, bytes = 0 }: S3Work): number {
  return pace.answerMs + Math.ceil((bytes * 1_000) / pace.slowestBytesPerS);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms * (0.5 + Math.random())));
