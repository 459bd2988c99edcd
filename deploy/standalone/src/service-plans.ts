// The services as child processes: program, environment, priority. Names of variables: shared/src/config/service-environment.ts.
import { join } from 'node:path';
import type { DataFolder } from './data-folder.ts';
import type { ProcessPlan } from './kept-process.ts';
import { NATS_USER, natsUrl } from './nats-server.ts';
import { NODE_ENVIRONMENT, NODE_FLAGS } from './node-runtime.ts';
import type { Ports } from './ports.ts';
import { databaseUrl } from './postgres/postgres.ts';
import type { Secrets } from './secrets.ts';
import { ROOT, type Settings } from './settings.ts';

export const SERVICES = ['receiver', 'compressor', 'router', 'uploader', 'retriever', 'ledger', 'console'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** A service as a process: `receiver`, and where there are more of it `receiver-2` and so on. */
export interface ServiceProcess {
  readonly name: string;
  readonly service: ServiceName;
}

export function serviceProcesses({ receivers }: Pick<Settings, 'receivers'>): ServiceProcess[] {
  const further = Array.from({ length: receivers - 1 }, (_, at) => ({ name: `receiver-${at + 2}`, service: 'receiver' as const }));
  const [receiver, ...others] = SERVICES.map((service) => ({ name: service, service }));
  return [receiver!, ...further, ...others];
}

/** Ports that nobody outside needs to know. */
export const innerPorts = (settings: Pick<Settings, 'receivers'>): string[] => [
  ...['nats', 'natsMonitor', 'postgres'],
  ...serviceProcesses(settings).map(({ name }) => `ops-${name}`),
];

export interface ServicePlanOptions {
  readonly settings: Settings;
  readonly data: DataFolder;
  readonly ports: Ports;
  readonly secrets: Secrets;
  /** What the services may be told of: undefined when the file is wrong and the last good document goes on. */
  readonly configFile: string | undefined;
}

/**
 * Niceness relative to the supervisor's: a modality waits for the receiver, nobody waits for the others within milliseconds. Only root may go below
 * its own; where even root may not (a container without CAP_SYS_NICE), nice says so in the log and starts the program all the same.
 */
const NICENESS = { receiver: { asRoot: -5, asUser: 0 }, others: 5 } as const;

export function planServices(options: ServicePlanOptions): ProcessPlan[] {
  return serviceProcesses(options.settings).map((process) =>
    plan(options, process, join(ROOT, 'services', process.service, 'src', 'main.ts')),
  );
}

/** The archive that the default document uploads to. */
export function planSandbox(options: ServicePlanOptions): ProcessPlan {
  return plan(options, { name: 'sandbox', service: 'sandbox' }, join(ROOT, 'deploy', 'standalone', 'src', 'sandbox', 'main.ts'));
}

/** `name`: of the process. */
export const opsUrl = (ports: Ports, name: string): string => `http://127.0.0.1:${ports[`ops-${name}`]}`;

interface PlannedProcess {
  readonly name: string;
  readonly service: ServiceName | 'sandbox';
}

function plan(options: ServicePlanOptions, planned: PlannedProcess, main: string): ProcessPlan {
  // nice becomes the program: the process id is its own, and the priority stands before its first thread starts (setpriority(2) reaches one thread).
  const [command, ...rest] = ['nice', '-n', String(nicenessOf(planned.service)), process.execPath, ...NODE_FLAGS, main];
  return {
    name: planned.name,
    command: command!,
    arguments: rest,
    environment: { ...process.env, ...common(options), ...special(options, planned) },
    workingFolder: ROOT,
    stopSignal: 'SIGTERM',
  };
}

function nicenessOf(name: ServiceName | 'sandbox'): number {
  if (name !== 'receiver') return NICENESS.others;
  return process.getuid?.() === 0 ? NICENESS.receiver.asRoot : NICENESS.receiver.asUser;
}

function common({ settings, data, ports, secrets }: ServicePlanOptions): NodeJS.ProcessEnv {
  return {
    CAUSEWAY_NATS_URL: natsUrl(ports),
    CAUSEWAY_NATS_USER: NATS_USER,
    CAUSEWAY_NATS_PASSWORD: secrets.natsPassword,
    CAUSEWAY_OBJECT_STORE: settings.objectStore ?? `folder:${data.objects}`,
    CAUSEWAY_STREAM_BYTES: String(settings.streamBytes),
    CAUSEWAY_DRAIN_MS: String(settings.drainMs),
    CAUSEWAY_OPS_HOST: '127.0.0.1',
    ...NODE_ENVIRONMENT,
    CAUSEWAY_CONFIG: undefined,
  };
}

function special(options: ServicePlanOptions, { name, service }: PlannedProcess): NodeJS.ProcessEnv {
  const { settings, data, ports, secrets } = options;
  if (service === 'sandbox')
    return { CAUSEWAY_SANDBOX_DIR: data.sandbox, CAUSEWAY_SANDBOX_HOST: '127.0.0.1', CAUSEWAY_SANDBOX_PORT: String(settings.sandboxPort) };
  const own = { CAUSEWAY_OPS_PORT: String(ports[`ops-${name}`]) };
  if (service === 'receiver')
    return {
      ...own,
      CAUSEWAY_DICOM_HOST: settings.dicomHost,
      CAUSEWAY_DICOM_PORT: String(settings.dicomPort),
      CAUSEWAY_DICOM_REUSE_PORT: String(settings.receivers > 1),
    };
  if (service === 'ledger') return { ...own, CAUSEWAY_DATABASE_URL: databaseUrl(ports.postgres!, secrets) };
  return service === 'console' ? { ...own, ...consoleEnvironment(options) } : own;
}

function consoleEnvironment({ settings, ports, secrets, configFile }: ServicePlanOptions): NodeJS.ProcessEnv {
  const others = serviceProcesses(settings).filter(({ service }) => service !== 'console');
  return {
    CAUSEWAY_DATABASE_URL: databaseUrl(ports.postgres!, secrets),
    CAUSEWAY_HTTP_HOST: settings.httpHost,
    CAUSEWAY_HTTP_PORT: String(settings.httpPort),
    CAUSEWAY_DICOM_PORT: String(settings.dicomPort),
    CAUSEWAY_SERVICES: JSON.stringify(Object.fromEntries(others.map(({ name }) => [name, opsUrl(ports, name)]))),
    CAUSEWAY_FIRST_PASSWORD_FILE: secrets.firstPasswordFile,
    CAUSEWAY_SANDBOX_URL: `http://127.0.0.1:${settings.sandboxPort}/dicom-web`,
    CAUSEWAY_CONFIG: configFile,
  };
}
