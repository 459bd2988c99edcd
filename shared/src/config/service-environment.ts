// The process environment of a service, validated once.
import { z } from 'zod';

/** Every variable that a service reads. Secrets come by environment or file, never by argument. */
export const serviceEnvironment = z.object({
  CAUSEWAY_NATS_URL: z.string().default('nats://127.0.0.1:4222'),
  CAUSEWAY_NATS_USER: z.string().optional(),
  CAUSEWAY_NATS_PASSWORD: z.string().optional(),
  /** folder:<absolute path> */
  CAUSEWAY_OBJECT_STORE: z.string().regex(/^folder:\/.+$/, 'folder:<absolute path>'),
  /** Where the ops server (health, metrics) of the service listens; port 0: any free one. */
  CAUSEWAY_OPS_HOST: z.string().default('127.0.0.1'),
  CAUSEWAY_OPS_PORT: z.coerce.number().int().min(0).max(65535).default(0),
  /** Copies of a JetStream stream: 3 on a cluster, 1 on one machine. */
  CAUSEWAY_STREAM_REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  /** Bytes all streams together may take on disk. */
  CAUSEWAY_STREAM_BYTES: z.coerce
    .number()
    .int()
    .min(1_000_000)
    .default(8 * 1024 ** 3),
  CAUSEWAY_DRAIN_MS: z.coerce.number().int().min(0).default(30_000),
  CAUSEWAY_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  OTEL_EXPORTER_OTLP_ENDPOINT: z.string().optional(),
  /** receiver: how long of the drain its ports stay open at least, answering with transient rejects, until a balancer has noticed the 503 of /health/ready. */
  CAUSEWAY_DRAIN_NOTICE_MS: z.coerce.number().int().min(0).default(0),
  /** receiver */
  CAUSEWAY_DICOM_HOST: z.string().default('0.0.0.0'),
  CAUSEWAY_DICOM_PORT: z.coerce.number().int().min(0).max(65535).default(4104),
  /** receiver: several of them listen on the same ports of one machine. */
  CAUSEWAY_DICOM_REUSE_PORT: z.stringbool().default(false),
  /** ledger and console */
  CAUSEWAY_DATABASE_URL: z.string().optional(),
  /** console */
  CAUSEWAY_HTTP_HOST: z.string().default('127.0.0.1'),
  CAUSEWAY_HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  /** A gateway document to apply at start when it differs from the one last applied from a file. */
  CAUSEWAY_CONFIG: z.string().optional(),
  /** JSON object, service name to the base URL of its ops server, for the health page. */
  CAUSEWAY_SERVICES: z.string().optional(),
  /** File that holds the first password of the user `admin`, made by the supervisor (0600). */
  CAUSEWAY_FIRST_PASSWORD_FILE: z.string().optional(),
  /** Base URL of the sandbox archive for the default document. */
  CAUSEWAY_SANDBOX_URL: z.string().optional(),
});
export type ServiceEnvironment = z.infer<typeof serviceEnvironment>;

/** Throws one error that names every wrong variable. */
export function readServiceEnvironment(source: NodeJS.ProcessEnv): ServiceEnvironment {
  const result = serviceEnvironment.safeParse(source);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`environment: ${problems.join('; ')}`);
}
