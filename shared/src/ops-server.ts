// The ops port of a service: /health/live, /health/ready, /metrics. Nothing of an image is ever said here.
import { createServer, type Server } from 'node:http';
import { describeError } from './errors.ts';
import type { Telemetry } from './telemetry.ts';

export type Checks = Record<string, () => Promise<void> | void>;

export interface OpsServer {
  readonly port: number;
  /** What must hold for `ready`; replaced as the service starts and drains. */
  setChecks(checks: Checks): void;
  /** What /health/ready answers now. */
  isReady(): Promise<boolean>;
  /** Which revision of the gateway document the service has, told with its readiness; undefined: none yet. */
  setRevision(revision: () => number | undefined): void;
  close(): void;
}

/** A check that takes longer is taken as failed: a balancer asks every second or so. */
const CHECK_TIMEOUT_MS = 2_500;
/** Checks are remembered this long, so that many askers cost one probe. */
const CHECK_REMEMBERED_MS = 500;

export async function startOpsServer(at: { host: string; port: number; service: string }, telemetry: Telemetry): Promise<OpsServer> {
  let checks: Checks = { starting: () => Promise.reject(new Error('the service is starting')) };
  let revision: () => number | undefined = () => undefined;
  let remembered: { at: number; answer: Promise<Readiness> } | undefined;
  const readiness = (): Promise<Readiness> => {
    if (!remembered || performance.now() - remembered.at > CHECK_REMEMBERED_MS)
      remembered = { at: performance.now(), answer: runChecks(checks) };
    return remembered.answer;
  };
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0];
    if (path === '/metrics') return telemetry.serveMetrics(request, response);
    if (path === '/health/live') return void response.writeHead(200, JSON_TYPE).end(JSON.stringify({ service: at.service, live: true }));
    if (path !== '/health/ready') return void response.writeHead(404).end();
    void readiness().then((answer) =>
      response.writeHead(answer.ready ? 200 : 503, JSON_TYPE).end(JSON.stringify({ service: at.service, ...answer, revision: revision() })),
    );
  });
  const port = await listen(server, at);
  return {
    port,
    setChecks: (next) => {
      checks = next;
      remembered = undefined;
    },
    isReady: async () => (await readiness()).ready,
    setRevision: (next) => {
      revision = next;
    },
    close: () => server.close(),
  };
}

const JSON_TYPE = { 'content-type': 'application/json' };

interface Readiness {
  readonly ready: boolean;
  readonly checks: Record<string, string>;
}

async function runChecks(checks: Checks): Promise<Readiness> {
  const results = await Promise.all(Object.entries(checks).map(async ([name, check]) => [name, await outcomeOf(check)] as const));
  return { ready: results.every(([, outcome]) => outcome === 'ok'), checks: Object.fromEntries(results) };
}

async function outcomeOf(check: () => Promise<void> | void): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${CHECK_TIMEOUT_MS} ms`)), CHECK_TIMEOUT_MS);
  });
  try {
    await Promise.race([Promise.resolve().then(check), late]);
    return 'ok';
  } catch (error) {
    return describeError(error);
  } finally {
    clearTimeout(timer);
  }
}

function listen(server: Server, at: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(at.port, at.host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : at.port);
    });
  });
}
