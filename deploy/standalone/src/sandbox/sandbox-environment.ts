// The process environment of the sandbox archive, validated once.
import { z } from 'zod';

const sandboxEnvironment = z
  .object({
    /** Where instances, index and journal lie; made when absent. */
    CAUSEWAY_SANDBOX_DIR: z.string().min(1),
    CAUSEWAY_SANDBOX_HOST: z.string().default('127.0.0.1'),
    CAUSEWAY_SANDBOX_PORT: z.coerce.number().int().min(0).max(65535).default(8043),
    /** 1: tests may order faults at /sandbox/faults. */
    CAUSEWAY_SANDBOX_FAULTS: z
      .enum(['0', '1'])
      .default('0')
      .transform((text) => text === '1'),
    /** PEM files; both or neither. */
    CAUSEWAY_SANDBOX_TLS_CERT: z.string().optional(),
    CAUSEWAY_SANDBOX_TLS_KEY: z.string().optional(),
    CAUSEWAY_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  })
  .refine((all) => (all.CAUSEWAY_SANDBOX_TLS_CERT === undefined) === (all.CAUSEWAY_SANDBOX_TLS_KEY === undefined), {
    path: ['CAUSEWAY_SANDBOX_TLS_CERT'],
    message: 'certificate and key come together',
  });

/** Throws one error that names every wrong variable. */
export function readSandboxEnvironment(source: NodeJS.ProcessEnv): z.infer<typeof sandboxEnvironment> {
  const result = sandboxEnvironment.safeParse(source);
  if (result.success) return result.data;
  throw new Error(`environment: ${result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')}`);
}
