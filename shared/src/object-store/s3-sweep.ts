// Parts that nobody will ever join: of processes that were killed in the middle of a large object. They cost space and are seen by nobody.
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, type ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { isObjectKey } from '../brands.ts';
import { isNotFound } from './s3-objects.ts';
import { type S3Bucket, s3Request } from './s3-requests.ts';

/**
 * Aborts uploads under keys of ours that began before `olderThan`, by the store's clock. Any number of replicas may do it at once.
 * Resolves with how many were aborted.
 */
export async function sweepIncompleteUploads(bucket: S3Bucket, olderThan: Date): Promise<number> {
  let count = 0;
  let from: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
  while (from) {
    const page: ListMultipartUploadsCommandOutput = await listPage(bucket, from);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (!Key || !UploadId || !isObjectKey(Key) || !Initiated || Initiated >= olderThan) continue;
      count += await abort(bucket, Key, UploadId);
    }
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : undefined;
  }
  return count;
}

function listPage(bucket: S3Bucket, from: { KeyMarker?: string; UploadIdMarker?: string }) {
  const { client, name: Bucket } = bucket;
  return s3Request({ bucket, what: 'list uploads' }, (abortSignal) =>
    client.send(new ListMultipartUploadsCommand({ Bucket, ...from }), { abortSignal }),
  );
}

/** 0: another replica was first. */
async function abort(bucket: S3Bucket, Key: string, UploadId: string): Promise<number> {
  const { client, name: Bucket } = bucket;
  try {
    await s3Request({ bucket, what: `abort upload ${Key}` }, (abortSignal) =>
      client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), { abortSignal }),
    );
    return 1;
  } catch (error) {
    if (isNotFound(error)) return 0;
    throw error;
  }
}
