// Starts one service: environment, log, telemetry, ops server, bus, store, gateway document; drains on SIGTERM. main.ts of each service calls it and nothing else.
import type { Bus } from './bus/bus.ts';
import { followGatewayDocument, type GatewayConfiguration } from './bus/gateway-configuration.ts';
import { measuredBus } from './bus/measured-bus.ts';
import { natsAccess } from './bus/nats-access.ts';
import { connectBus } from './bus/nats-bus.ts';
import { patientStart } from './bus/patient-start.ts';
import { readServiceEnvironment, type ServiceEnvironment } from './config/service-environment.ts';
import { describeError } from './errors.ts';
import { createLogger, type Logger } from './logger.ts';
import { measuredStore } from './object-store/measured-store.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import { observeConnections, observeReadiness } from './observe-service.ts';
import { openObjectStore } from './open-object-store.ts';
import { type OpsServer, startOpsServer } from './ops-server.ts';
import { type Meter, startTelemetry, type Telemetry } from './telemetry.ts';

export interface ServiceContext {
  readonly name: string;
  readonly environment: ServiceEnvironment;
  readonly log: Logger;
  readonly meter: Meter;
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly configuration: GatewayConfiguration;
}

export interface RunningService {
  /** Each must resolve for `/health/ready` to answer 200; the message of a rejection is shown there. `jetstream` and `store` are always checked. */
  readonly checks: Record<string, () => Promise<void> | void>;
  /** SIGTERM: finish what is open within the grace period, refuse new work. */
  drain(graceMs: number): Promise<void>;
}

/** Closing what is left after the drain may take this long before the process is ended. */
const LAST_WORDS_MS = 3_000;

/** Runs until SIGTERM or SIGINT. An error that nobody handled ends the process with 1: its supervisor starts a clean one. */
export async function runService(name: string, build: (context: ServiceContext) => Promise<RunningService>): Promise<void> {
  const environment = readServiceEnvironment(process.env);
  const log = createLogger(name, environment.CAUSEWAY_LOG_LEVEL);
  endOnUnhandled(log);
  const telemetry = await startTelemetry(name, environment.OTEL_EXPORTER_OTLP_ENDPOINT);
  const ops = await startOpsServer({ host: environment.CAUSEWAY_OPS_HOST, port: environment.CAUSEWAY_OPS_PORT, service: name }, telemetry);
  const stopping = stopRequested();
  void stopping.then(() => setTimeout(() => process.exit(1), environment.CAUSEWAY_DRAIN_MS + LAST_WORDS_MS).unref());
  observeReadiness(telemetry.meter, ops.isReady);
  const started = startParts({ name, environment, log, meter: telemetry.meter }, build);
  const parts = await Promise.race([started, stopping]);
  if (!parts) process.exit(0);
  ops.setChecks(checksOf(parts));
  const observing = observeConnections(telemetry.meter, parts);
  ops.setRevision(() => parts.configuration.current()?.revision);
  log.info({ opsPort: ops.port }, 'started');
  await stopping;
  observing.stop();
  await stop(parts, { ops, telemetry, log, graceMs: environment.CAUSEWAY_DRAIN_MS });
  process.exit(0);
}

interface Parts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly configuration: GatewayConfiguration;
  readonly running: RunningService;
}

async function startParts(
  base: Omit<ServiceContext, 'bus' | 'store' | 'configuration'>,
  build: (context: ServiceContext) => Promise<RunningService>,
): Promise<Parts> {
  const { environment, log, meter, name } = base;
  const store = measuredStore(await openObjectStore(environment, log), meter);
  const connected = await connectBus({
    name,
    ...natsAccess(environment),
    sizing: { replicas: environment.CAUSEWAY_STREAM_REPLICAS, totalBytes: environment.CAUSEWAY_STREAM_BYTES },
    log,
  });
  const { bus, started } = patientStart(measuredBus(connected, meter), { log });
  const configuration = await followGatewayDocument(bus, (problem) => log.error({ problem }, 'gateway document'));
  const running = await build({ ...base, bus, store, configuration });
  started();
  return { bus, store, configuration, running };
}

const checksOf = ({ bus, store, running }: Parts): RunningService['checks'] => ({
  jetstream: () => bus.probe(),
  store: () => store.probe(),
  ...running.checks,
});

async function stop(parts: Parts, around: { ops: OpsServer; telemetry: Telemetry; log: Logger; graceMs: number }): Promise<void> {
  const { ops, telemetry, log, graceMs } = around;
  log.info({ graceMs }, 'draining');
  ops.setChecks({ draining: () => Promise.reject(new Error('the service is draining')) });
  try {
    await parts.running.drain(graceMs);
    await parts.bus.close();
    await telemetry.shutdown();
    log.info('stopped');
  } catch (error) {
    log.warn({ reason: describeError(error) }, 'the drain did not end well');
  }
}

function stopRequested(): Promise<undefined> {
  return new Promise((resolve) => {
    process.once('SIGTERM', () => resolve(undefined));
    process.once('SIGINT', () => resolve(undefined));
  });
}

function endOnUnhandled(log: Logger): void {
  const end = (error: unknown) => {
    log.fatal({ reason: describeError(error), stack: error instanceof Error ? error.stack : undefined }, 'unhandled: the process ends');
    process.exit(1);
  };
  process.on('uncaughtException', end);
  process.on('unhandledRejection', end);
}
