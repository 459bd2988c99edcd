// What the user may say about this gateway: read from the environment once, by main.ts.
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

/** The checkout. */
export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const port = (fallback: number) => z.coerce.number().int().min(0).max(65535).default(fallback);

const variables = z.object({
  /** Everything that this gateway keeps. */
  CAUSEWAY_DATA: z.string().min(1).default('data'),
  /** A gateway document, YAML or JSON. */
  CAUSEWAY_CONFIG: z.string().min(1).optional(),
  CAUSEWAY_DICOM_HOST: z.string().default('0.0.0.0'),
  /** Port 0: a free one is chosen and kept. */
  CAUSEWAY_DICOM_PORT: port(4104),
  /** Receiver processes that share the DICOM ports: one fills one core, and one can be restarted while the others go on. */
  CAUSEWAY_RECEIVERS: z.coerce.number().int().min(1).max(16).default(1),
  CAUSEWAY_HTTP_HOST: z.string().default('127.0.0.1'),
  CAUSEWAY_HTTP_PORT: port(8080),
  CAUSEWAY_SANDBOX_PORT: port(8043),
  /** How long open associations and jobs may take to finish when the gateway is stopped, ms. */
  CAUSEWAY_DRAIN_MS: z.coerce.number().int().min(0).default(30_000),
  /** The longest wait before a process that keeps ending is started again, ms. */
  CAUSEWAY_RESTART_LONGEST_MS: z.coerce.number().int().min(500).default(30_000),
  /** Disk that JetStream's streams may take, bytes. */
  CAUSEWAY_STREAM_BYTES: z.coerce
    .number()
    .int()
    .min(1_000_000)
    .default(8 * 1024 ** 3),
  /** s3:<bucket> (with CAUSEWAY_S3_...); without: the folder `objects` of the data folder. */
  CAUSEWAY_OBJECT_STORE: z
    .string()
    .regex(/^(s3:|folder:\/)./, 's3:<bucket> or folder:<absolute path>')
    .optional(),
  CAUSEWAY_NATS_SERVER: z
    .string()
    .min(1)
    .default(join(ROOT, '.tools', 'bin', 'nats-server')),
});

export interface Settings {
  readonly dataFolder: string;
  readonly configFile: string | undefined;
  readonly dicomHost: string;
  readonly dicomPort: number;
  readonly receivers: number;
  readonly httpHost: string;
  readonly httpPort: number;
  readonly sandboxPort: number;
  readonly drainMs: number;
  readonly restartLongestMs: number;
  readonly streamBytes: number;
  readonly natsServer: string;
  readonly objectStore: string | undefined;
}

/** Throws one error that names every wrong variable. Paths become absolute. */
export function readSettings(environment: NodeJS.ProcessEnv): Settings {
  const read = variables.safeParse(environment);
  if (!read.success) throw new Error(read.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; '));
  const values = read.data;
  return {
    dataFolder: resolve(values.CAUSEWAY_DATA),
    configFile: values.CAUSEWAY_CONFIG === undefined ? undefined : resolve(values.CAUSEWAY_CONFIG),
    dicomHost: values.CAUSEWAY_DICOM_HOST,
    dicomPort: values.CAUSEWAY_DICOM_PORT,
    receivers: values.CAUSEWAY_RECEIVERS,
    httpHost: values.CAUSEWAY_HTTP_HOST,
    httpPort: values.CAUSEWAY_HTTP_PORT,
    sandboxPort: values.CAUSEWAY_SANDBOX_PORT,
    drainMs: values.CAUSEWAY_DRAIN_MS,
    restartLongestMs: values.CAUSEWAY_RESTART_LONGEST_MS,
    streamBytes: values.CAUSEWAY_STREAM_BYTES,
    natsServer: values.CAUSEWAY_NATS_SERVER,
    objectStore: values.CAUSEWAY_OBJECT_STORE,
  };
}
