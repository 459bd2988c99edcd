// The requests that concern whole objects of one bucket: put, head, delete.
import { DeleteObjectCommand, HeadBucketCommand, HeadObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import type { ObjectStat } from './object-store.ts';
import { type BodySource, withBody } from './s3-body.ts';
import { S3RequestFailed } from './s3-failure.ts';
import { type S3Bucket, type S3Work, s3Request } from './s3-requests.ts';

type Limits = Pick<S3Work, 'tries' | 'limitMs' | 'signal'>;

/** Resolves when the store answered 200, having checked size and MD5. Sending it again is safe: nobody else writes this key. */
export async function putObject(bucket: S3Bucket, key: string, options: { body: BodySource } & Limits): Promise<void> {
  const { client, name: Bucket } = bucket;
  const { body, ...limits } = options;
  await s3Request({ bucket, what: `PUT ${key}`, bytes: body.size, ...limits }, (signal) =>
    withBody(body, signal, ({ stream, size, md5 }, abortSignal) =>
      client.send(new PutObjectCommand({ Bucket, Key: key, Body: stream, ContentLength: size, ContentMD5: md5 }), { abortSignal }),
    ),
  );
}

/** undefined: there is none. A bucket that is missing is a failure: its objects are not gone for good. */
export async function headObject(bucket: S3Bucket, key: string): Promise<ObjectStat | undefined> {
  const { client, name: Bucket } = bucket;
  try {
    const head = await s3Request({ bucket, what: `HEAD ${key}` }, (abortSignal) =>
      client.send(new HeadObjectCommand({ Bucket, Key: key }), { abortSignal }),
    );
    return { size: head.ContentLength!, modifiedAt: head.LastModified! };
  } catch (error) {
    if (!isNotFound(error)) throw error;
    // The answer to HEAD has no body that could say which of the two is missing.
    await s3Request({ bucket, what: `HEAD bucket ${Bucket}` }, (abortSignal) =>
      client.send(new HeadBucketCommand({ Bucket }), { abortSignal }),
    );
    return undefined;
  }
}

/** Deleting what is not there is no error. */
export async function deleteObject(bucket: S3Bucket, key: string, limits: Limits = {}): Promise<void> {
  const { client, name: Bucket } = bucket;
  await s3Request({ bucket, what: `DELETE ${key}`, ...limits }, (abortSignal) =>
    client.send(new DeleteObjectCommand({ Bucket, Key: key }), { abortSignal }),
  );
}

export const isNotFound = (error: unknown): boolean =>
  error instanceof S3RequestFailed && error.failure.status === 404 && error.failure.code !== 'NoSuchBucket';
