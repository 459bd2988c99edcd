// Starts one service: environment, log, telemetry, ops server, drain on SIGTERM. main.ts of each service calls it and nothing else.
import type { Bus } from './bus/bus.ts';
import type { GatewayConfiguration } from './bus/gateway-configuration.ts';
import type { ServiceEnvironment } from './config/service-environment.ts';
import type { Logger } from './logger.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import type { Meter } from './telemetry.ts';

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
  /** Each must resolve for `/health/ready` to answer 200; the message of a rejection is shown there. */
  readonly checks: Record<string, () => Promise<void> | void>;
  /** SIGTERM: finish what is open within the grace period, refuse new work. */
  drain(graceMs: number): Promise<void>;
}

export declare function runService(name: string, build: (context: ServiceContext) => Promise<RunningService>): Promise<void>;
