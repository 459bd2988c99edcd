// Whether the whole gateway is ready: every service's own answer, and a published gateway document. No patient data, so no sign-in.
import { describeError } from '@causeway/shared/errors';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { ConsoleParts } from './console-parts.ts';

export interface ServiceHealth {
  readonly ready: boolean;
  /** Why not; absent when ready. */
  readonly reasons?: string[];
  /** Of the gateway document that it works by; absent: it has none, or does not say. */
  readonly revision?: number;
}

/** Longer than a service gives its own checks (2.5 s): it is the one that can say what is wrong. */
const ANSWER_WITHIN_MS = 3_500;

const opsAnswer = z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()), revision: z.int().optional() });

export function healthRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  app.get('/health/live', async () => ({ live: true }));
  app.get('/health/ready', async (_, reply) => {
    const services = await askServices(parts);
    const ready = Object.values(services).every((service) => service.ready);
    return reply.code(ready ? 200 : 503).send({ ready, services });
  });
}

/** Each service's own answer, and whether there is a gateway document. */
export async function askServices(
  parts: Pick<ConsoleParts, 'services' | 'revision' | 'configurationProblem'>,
): Promise<Record<string, ServiceHealth>> {
  const names = Object.entries(parts.services);
  const answers = await Promise.all(names.map(async ([name, url]) => [name, await askService(url)] as const));
  return { ...Object.fromEntries(answers), configuration: configurationHealth(parts) };
}

async function askService(url: string): Promise<ServiceHealth> {
  try {
    const response = await fetch(new URL('/health/ready', url), { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const { ready, checks, revision } = opsAnswer.parse(await response.json());
    if (ready) return { ready, revision };
    const reasons = Object.entries(checks).flatMap(([check, outcome]) => (outcome === 'ok' ? [] : [`${check}: ${outcome}`]));
    return { ready, reasons, revision };
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    return { ready: false, reasons: [timedOut ? `no answer within ${ANSWER_WITHIN_MS} ms` : `no answer: ${describeError(error)}`] };
  }
}

/** A wrong new document leaves the last good one in force: that is shown, but the gateway is ready. */
function configurationHealth({ revision, configurationProblem }: Pick<ConsoleParts, 'revision' | 'configurationProblem'>): ServiceHealth {
  const problem = configurationProblem();
  const published = revision() !== undefined;
  if (published) return problem === undefined ? { ready: true } : { ready: true, reasons: [problem] };
  return { ready: false, reasons: [problem ?? 'no gateway document is published yet'] };
}
