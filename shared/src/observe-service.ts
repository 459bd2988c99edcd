// What every service tells of itself, and of its connections, to Prometheus.
import { readFileSync } from 'node:fs';
import type { Bus } from './bus/bus.ts';
import type { GatewayConfiguration } from './bus/gateway-configuration.ts';
import { observe, observedGauge } from './metrics/instruments.ts';
import type { ObjectStore } from './object-store/object-store.ts';
import type { Meter } from './telemetry.ts';

/** A clock drifts by some ms an hour; one that jumps is noticed within a minute. */
const CLOCK_EVERY_MS = 60_000;

export interface ObservedService {
  readonly bus: Pick<Bus, 'clockOffsetMs'>;
  readonly store: Pick<ObjectStore, 'freeBytes'>;
  readonly configuration: GatewayConfiguration;
}

export function observeReadiness(meter: Meter, isReady: () => Promise<boolean>): void {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  observedGauge(meter, 'causeway.service.info').addCallback((result) => result.observe(1, { version }));
  observe(meter, 'causeway.service.ready', async () => ((await isReady()) ? 1 : 0));
}

/** The clock is compared at once, and again every minute until it is stopped. */
export function observeConnections(meter: Meter, { bus, store, configuration }: ObservedService): { stop(): void } {
  observe(meter, 'causeway.configuration.revision', () => configuration.current()?.revision);
  observeSpace(meter, store);
  let offsetMs: number | undefined;
  const compare = (): void => {
    bus.clockOffsetMs().then(
      (measured) => {
        offsetMs = measured;
      },
      () => {
        offsetMs = undefined;
      },
    );
  };
  compare();
  const comparing = setInterval(compare, CLOCK_EVERY_MS);
  comparing.unref();
  observe(meter, 'causeway.clock.offset', () => (offsetMs === undefined ? undefined : offsetMs / 1_000));
  return { stop: () => clearInterval(comparing) };
}

function observeSpace(meter: Meter, store: Pick<ObjectStore, 'freeBytes'>): void {
  if (store.freeBytes === undefined) return;
  const free = observedGauge(meter, 'causeway.object_store.free');
  const size = observedGauge(meter, 'causeway.object_store.size');
  meter.addBatchObservableCallback(
    async (result) => {
      const space = await store.freeBytes?.().catch(() => undefined);
      if (space === undefined) return;
      result.observe(free, space.free);
      result.observe(size, space.total);
    },
    [free, size],
  );
}
