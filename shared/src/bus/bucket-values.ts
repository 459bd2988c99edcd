// Single values of a key-value bucket, read and written without the client's own requests (replied-requests.ts says why). The layout is that of NATS: one subject
// a key, the last message is the value, read from any server that has it (ADR-8, ADR-31 of the NATS architecture).
import type { AcknowledgedPublisher } from './acknowledged-publisher.ts';
import type { RepliedRequests } from './replied-requests.ts';

export interface BucketValues {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
}

const KEY = /^[-/_=a-zA-Z0-9]+(\.[-/_=a-zA-Z0-9]+)*$/;
const NOT_FOUND = 404;
const OPERATION = 'KV-Operation';

export function bucketValues(
  bucket: string,
  { requests, publisher, timeoutMs }: { requests: RepliedRequests; publisher: AcknowledgedPublisher; timeoutMs: number },
): BucketValues {
  const subjectOf = (key: string): string => {
    if (!KEY.test(key)) throw new Error(`not a key of a bucket: ${JSON.stringify(key)}`);
    return `$KV.${bucket}.${key}`;
  };
  return {
    get: async (key) => {
      const found = await requests.send({ subject: `$JS.API.DIRECT.GET.KV_${bucket}.${subjectOf(key)}`, timeoutMs }, '');
      const code = found.headers?.code ?? 0;
      if (code === NOT_FOUND) return undefined;
      if (code !== 0 || found.headers === undefined)
        throw new Error(`bucket ${bucket} answered ${code} ${found.headers?.description ?? ''}`.trim());
      // A mark that the value was deleted.
      return found.headers.has(OPERATION) ? undefined : found.data;
    },
    put: async (key, value) => publisher.publish({ subject: subjectOf(key), timeoutMs }, value),
  };
}
