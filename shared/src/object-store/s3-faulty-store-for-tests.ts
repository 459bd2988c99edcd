// An S3 store behind a proxy that can misbehave, and the same bucket past it: what really lies there.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3';
import { openS3Store, type S3Store, type S3StoreOptions } from './s3.ts';
import { type S3FaultProxy, startS3FaultProxy } from './s3-fault-proxy-for-tests.ts';
import { createS3Client, type S3Pace } from './s3-requests.ts';
import { type S3Server, type S3ServerOptions, startS3Server } from './s3-server-for-tests.ts';

export interface FaultyS3 {
  readonly server: S3Server;
  readonly proxy: S3FaultProxy;
  /** Through the proxy. */
  readonly store: S3Store;
  /** Past the proxy. */
  readonly truth: S3Store;
  readonly spoolFolder: string;
  /** What the stores reported. */
  readonly problems: string[];
  /** Another store through the proxy. */
  open(options?: Partial<S3StoreOptions>): Promise<S3Store>;
  /** How many multipart uploads were begun and neither completed nor aborted. */
  incompleteUploads(): Promise<number>;
  stop(): Promise<void>;
}

/** Short, so that tests need not wait; in proportion as in production. */
export const SHORT_PACE: S3Pace = { answerMs: 1_500, tryForMs: 3_000, silentMs: 1_000, slowestBytesPerS: 16 * 1024 * 1024 };
const BUCKET = 'faults';

export async function startFaultyS3(options: S3ServerOptions): Promise<FaultyS3> {
  const server = await startS3Server(options);
  const proxy = await startS3FaultProxy(server.port);
  const spoolFolder = await mkdtemp(join(tmpdir(), 'causeway-spool-'));
  const problems: string[] = [];
  const connection = { accessKey: server.accessKey, secretKey: server.secretKey, region: 'us-east-1', pathStyle: true };
  const open = (more: Partial<S3StoreOptions> = {}) =>
    openS3Store({
      ...{ ...connection, bucket: BUCKET, endpoint: proxy.endpoint, spoolFolder, pace: SHORT_PACE },
      ...{ report: (problem: string) => problems.push(problem), ...more },
    });
  const [store, truth] = [await open(), await open({ endpoint: server.endpoint })];
  const client = createS3Client({ ...connection, endpoint: server.endpoint });
  return {
    ...{ server, proxy, store, truth, spoolFolder, problems, open },
    incompleteUploads: async () => (await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }))).Uploads?.length ?? 0,
    stop: async () => {
      client.destroy();
      for (const one of [store, truth]) await one.close();
      await proxy.close();
      await server.stop();
      await rm(spoolFolder, { recursive: true, force: true });
    },
  };
}
