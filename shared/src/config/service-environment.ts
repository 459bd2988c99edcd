// The process environment of a service, validated once.
import { z } from 'zod';

/** Every variable that a service reads. Secrets come by environment or file, never by argument. */
export const serviceEnvironment = z.object({
  /** One server or several, with commas between: nats://host:port, or tls://host:port where nothing may go in the clear. */
  CAUSEWAY_NATS_URL: z
    .string()
    .regex(
      /^((nats|tls):\/\/)?[^,/\s]+\/?(,((nats|tls):\/\/)?[^,/\s]+\/?)*$/,
      'nats://host:port or tls://host:port, several with commas between',
    )
    .default('nats://127.0.0.1:4222'),
  CAUSEWAY_NATS_USER: z.string().optional(),
  CAUSEWAY_NATS_PASSWORD: z.string().optional(),
  /** A file that holds the password, read anew for each connection. */
  CAUSEWAY_NATS_PASSWORD_FILE: z.string().optional(),
  /** PEM files, read anew for each connection: who signed the servers' certificates (without: those that the system trusts), our certificate and its key. */
  CAUSEWAY_NATS_CA: z.string().optional(),
  CAUSEWAY_NATS_CERT: z.string().optional(),
  CAUSEWAY_NATS_KEY: z.string().optional(),
  /** folder:<absolute path> or s3:<bucket> */
  CAUSEWAY_OBJECT_STORE: z.string().regex(/^(folder:\/.+|s3:[a-z0-9][a-z0-9.-]{2,62})$/, 'folder:<absolute path> or s3:<bucket>'),
  /** With s3: http(s)://host:port of the store. */
  CAUSEWAY_S3_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  CAUSEWAY_S3_REGION: z.string().default('us-east-1'),
  CAUSEWAY_S3_ACCESS_KEY: z.string().min(1).optional(),
  /** A reference: env:NAME or file:/path. */
  CAUSEWAY_S3_SECRET_KEY: z
    .string()
    .regex(/^(env:.+|file:\/.+)$/, 'env:<NAME> or file:<absolute path>')
    .optional(),
  /** PEM file of the authority that signed the store's certificate; without: those that the system trusts. */
  CAUSEWAY_S3_CA: z.string().optional(),
  /** path: the bucket stands in the path (MinIO, Ceph); host: in the host name. */
  CAUSEWAY_S3_STYLE: z.enum(['path', 'host']).default('path'),
  /** A folder on a local disk where large objects wait for S3; not shared with other machines. Without: causeway-spool in the temporary folder. */
  CAUSEWAY_S3_SPOOL: z.string().optional(),
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
  /** ledger: what nothing happened to for so long may be set in motion again; longer than any step takes for the largest object. */
  CAUSEWAY_GRACE_MS: z.coerce.number().int().min(1_000).default(600_000),
  /** ledger: between two rounds of reconciliation and retention. */
  CAUSEWAY_UPKEEP_MS: z.coerce.number().int().min(1_000).default(300_000),
  /** ledger: how many days the rows of a month are kept after its end, once everything in it is done. */
  CAUSEWAY_LEDGER_DAYS: z.coerce.number().int().min(31).default(730),
  /** ledger and console: postgres://user@host:port/database; of several hosts (host:port,host:port) the one that accepts writes is used. */
  CAUSEWAY_DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\/\S+$/, 'postgres://user@host:port/database, several hosts with commas between')
    .optional(),
  /** A file that holds the password, read anew for each connection. */
  CAUSEWAY_DATABASE_PASSWORD_FILE: z.string().optional(),
  /** PEM file of the authority that signed the database's certificate: with it, connections are encrypted and the host name is checked. */
  CAUSEWAY_DATABASE_CA: z.string().optional(),
  /** console */
  CAUSEWAY_HTTP_HOST: z.string().default('127.0.0.1'),
  CAUSEWAY_HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  /** console: addresses and networks of proxies in front of it, with commas: it takes from them, and from nobody else, whom they speak for. */
  CAUSEWAY_HTTP_TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .pipe(z.array(z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()], 'an IP address or a network such as 10.0.0.0/24')))
    .optional(),
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

/** Throws one error that names every wrong variable; values are never in it. */
export function readServiceEnvironment(source: NodeJS.ProcessEnv): ServiceEnvironment {
  const result = serviceEnvironment.safeParse(source);
  const problems = result.success
    ? contradictions(result.data)
    : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  if (problems.length > 0) throw new Error(`environment: ${problems.join('; ')}`);
  return result.data!;
}

/** What each variable alone does not show. */
function contradictions(environment: ServiceEnvironment): string[] {
  const given = (name: keyof ServiceEnvironment): boolean => environment[name] !== undefined;
  const found: string[] = [];
  if (given('CAUSEWAY_NATS_PASSWORD') && given('CAUSEWAY_NATS_PASSWORD_FILE'))
    found.push('CAUSEWAY_NATS_PASSWORD and CAUSEWAY_NATS_PASSWORD_FILE: only one of them');
  if (given('CAUSEWAY_NATS_PASSWORD_FILE') && !given('CAUSEWAY_NATS_USER'))
    found.push('CAUSEWAY_NATS_PASSWORD_FILE: needs CAUSEWAY_NATS_USER');
  if (given('CAUSEWAY_NATS_CERT') !== given('CAUSEWAY_NATS_KEY')) found.push('CAUSEWAY_NATS_CERT and CAUSEWAY_NATS_KEY: both or none');
  if (given('CAUSEWAY_DATABASE_CA') && /[?&]ssl/.test(environment.CAUSEWAY_DATABASE_URL ?? ''))
    found.push('CAUSEWAY_DATABASE_CA: the URL must not say anything of SSL beside it');
  return found;
}
