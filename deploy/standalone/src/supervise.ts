// The story of `npm start`: prepare, start the stores, start the services, say where they are, watch, and stop in good order.
import { announcement, readyUrl } from './announce.ts';
import { type DataFolder, diskSpaceOf, isLow, prepareDataFolder } from './data-folder.ts';
import { lockDataFolder } from './data-folder-lock.ts';
import { checkGatewayDocument, noteDocumentInForce } from './gateway-document-check.ts';
import { GatewayProcesses } from './gateway-processes.ts';
import { watchJetStream } from './jetstream-watch.ts';
import { watchLiveness } from './liveness-watch.ts';
import { natsUrl, planNatsServer } from './nats-server.ts';
import { endOrphans } from './orphans.ts';
import { checkWantedPorts, choosePorts, type Ports } from './ports.ts';
import { ensureCluster } from './postgres/cluster.ts';
import { ensureDatabase, planPostgres } from './postgres/postgres.ts';
import { placePostgres } from './postgres/postgres-places.ts';
import { postgresUser } from './postgres/postgres-user.ts';
import { Interrupted, pageSaysReady, portAnswers, until } from './readiness.ts';
import { ensureSecrets, type Secrets } from './secrets.ts';
import { innerPorts, opsUrl, planSandbox, planServices, serviceProcesses } from './service-plans.ts';
import type { Settings } from './settings.ts';
import type { Say } from './terminal.ts';

export interface Stop {
  /** Aborts at the first Ctrl-C: drain and stop. */
  readonly first: AbortSignal;
  /** Aborts at the second: hurry. */
  readonly second: AbortSignal;
}

/** Runs the gateway until a stop is asked for. Throws StartProblem or DataFolderTaken when it cannot start. */
export async function supervise(wanted: Settings, stop: Stop, say: Say): Promise<void> {
  const startedAt = Date.now();
  const data = prepareDataFolder(wanted.dataFolder);
  const lock = await lockDataFolder(data.path);
  const gateway = new GatewayProcesses(data, say, wanted.restartLongestMs);
  try {
    await endOrphans({ runFolder: data.run, graceMs: ORPHAN_GRACE_MS, say });
    const prepared = await prepare(wanted, data, say);
    await startStores(gateway, prepared, stop.first);
    await startServices(gateway, prepared, stop.first);
    noteDocumentInForce(data.run);
    say(announcement({ ...prepared, data, seconds: (Date.now() - startedAt) / 1000 }));
    await watch(gateway, prepared, stop.first);
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  } finally {
    await gateway.stop(wanted.drainMs, stop.second);
    lock.release();
  }
}

/** An orphan has nobody to wait for it: what is not finished by then, the sender or JetStream repeats. */
const ORPHAN_GRACE_MS = 5_000;

interface Prepared {
  readonly settings: Settings;
  readonly ports: Ports;
  readonly secrets: Secrets;
  readonly configFile: string | undefined;
}

/** Everything that can be found wrong is found here, before anything runs. */
async function prepare(wanted: Settings, data: DataFolder, say: Say): Promise<Prepared> {
  const configFile = checkGatewayDocument(wanted.configFile, data.run, say);
  warnOfLowSpace(data, say);
  const { settings, ports } = await settlePorts(wanted, data);
  const { dicomHost: host, dicomPort, httpHost, httpPort, sandboxPort } = settings;
  await checkWantedPorts([
    { host, port: dicomPort, purpose: 'DICOM', variable: 'CAUSEWAY_DICOM_PORT' },
    { host: httpHost, port: httpPort, purpose: 'the web page', variable: 'CAUSEWAY_HTTP_PORT' },
    { host: '127.0.0.1', port: sandboxPort, purpose: 'the sandbox archive', variable: 'CAUSEWAY_SANDBOX_PORT' },
  ]);
  return { settings, ports, secrets: ensureSecrets(data.secrets), configFile };
}

/** Port 0 in the settings becomes a chosen one. */
async function settlePorts(wanted: Settings, data: DataFolder): Promise<{ settings: Settings; ports: Ports }> {
  const outer = (['dicomPort', 'httpPort', 'sandboxPort'] as const).filter((name) => wanted[name] === 0);
  const ports = await choosePorts(data.run, [...innerPorts(wanted), ...outer]);
  return { settings: { ...wanted, ...Object.fromEntries(outer.map((name) => [name, ports[name]])) }, ports };
}

async function startStores(gateway: GatewayProcesses, { settings, ports, secrets }: Prepared, signal: AbortSignal): Promise<void> {
  const { data, say } = gateway;
  const nats = planNatsServer({ program: settings.natsServer, data, ports, secrets, streamBytes: settings.streamBytes, say });
  await gateway.start('nats-server', nats);
  const places = placePostgres(data, postgresUser());
  if (!places.cluster.startsWith(data.path)) say(`the database lies in ${places.cluster}: its user cannot reach ${data.path}`);
  ensureCluster(places, secrets.postgresAdminPassword, say);
  await gateway.start('postgres', planPostgres(places, ports.postgres!));
  await until('nats-server', () => portAnswers(ports.nats!), { signal, say });
  await until('PostgreSQL', () => ensureDatabase(ports.postgres!, secrets), { signal, say });
}

async function startServices(gateway: GatewayProcesses, prepared: Prepared, signal: AbortSignal): Promise<void> {
  const { data, say } = gateway;
  const options = { ...prepared, data };
  await gateway.start('sandbox', planSandbox(options));
  for (const plan of planServices(options)) await gateway.start('service', plan);
  const sandbox = `http://127.0.0.1:${prepared.settings.sandboxPort}/health/ready`;
  await until('the sandbox archive', () => pageSaysReady(sandbox), { signal, say });
  await until('the services', () => pageSaysReady(readyUrl(prepared.settings)), { signal, say });
}

const LOOK_AT_DISK_EVERY_MS = 60_000;

async function watch(gateway: GatewayProcesses, { ports, secrets, settings }: Prepared, signal: AbortSignal): Promise<void> {
  const { data, say } = gateway;
  const disk = setInterval(() => warnOfLowSpace(data, say), LOOK_AT_DISK_EVERY_MS);
  const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  // Never waited for: with nats-server away it may not answer for long, and a stop must go on.
  void watchJetStream(
    {
      url: natsUrl(ports),
      password: secrets.natsPassword,
      streamBytes: settings.streamBytes,
      folder: data.nats,
      restart: () => gateway.restart('nats-server'),
      say,
    },
    signal,
  ).catch((error: Error) => say(`JetStream is not watched any more: ${error.message}`));
  const services = serviceProcesses(settings).map(({ name }) => ({
    name,
    liveUrl: `${opsUrl(ports, name)}/health/live`,
    restart: () => gateway.restart(name),
  }));
  void watchLiveness({ services, say }, signal);
  if (!signal.aborted) await stopped;
  clearInterval(disk);
}

function warnOfLowSpace(data: DataFolder, say: Say): void {
  const space = diskSpaceOf(data.path);
  if (!isLow(space)) return;
  const free = (space.freeBytes / 1024 ** 2).toFixed(0);
  say(
    `WARNING: only ${free} MiB are free for ${data.path}: below the watermark of the gateway document (admission.freeSpaceBelow) images are refused. Free some space.`,
  );
}
