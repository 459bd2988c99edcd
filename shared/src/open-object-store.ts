// The object store that the environment names.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveSecret } from './config/secrets.ts';
import type { ServiceEnvironment } from './config/service-environment.ts';
import type { Logger } from './logger.ts';
import { openFolderStore } from './object-store/folder.ts';
import type { ObjectStore } from './object-store/object-store.ts';

/** Resolves when the folder is open, or the bucket has answered: it waits for an S3 store as long as it takes, and says so in the log. */
export async function openObjectStore(environment: ServiceEnvironment, log: Logger): Promise<ObjectStore> {
  const [kind, ...rest] = environment.CAUSEWAY_OBJECT_STORE.split(':');
  const place = rest.join(':');
  return kind === 's3' ? openBucket(environment, place, log) : openFolderStore(place);
}

async function openBucket(environment: ServiceEnvironment, bucket: string, log: Logger): Promise<ObjectStore> {
  const { CAUSEWAY_S3_ENDPOINT: endpoint, CAUSEWAY_S3_ACCESS_KEY: accessKey, CAUSEWAY_S3_SECRET_KEY: secretKey } = environment;
  if (endpoint === undefined || accessKey === undefined || secretKey === undefined)
    throw new Error('environment: with s3: CAUSEWAY_S3_ENDPOINT, CAUSEWAY_S3_ACCESS_KEY and CAUSEWAY_S3_SECRET_KEY are needed');
  // Loaded only where it is used: the client costs a process 25 MB.
  const { openS3Store } = await import('./object-store/s3.ts');
  return openS3Store({
    bucket,
    endpoint,
    accessKey,
    secretKey: await resolveSecret(secretKey),
    region: environment.CAUSEWAY_S3_REGION,
    pathStyle: environment.CAUSEWAY_S3_STYLE === 'path',
    caFile: environment.CAUSEWAY_S3_CA,
    spoolFolder: environment.CAUSEWAY_S3_SPOOL ?? join(tmpdir(), 'causeway-spool'),
    report: (problem) => log.warn({ problem }, 'object store'),
  });
}
