// OpenTelemetry: metrics for Prometheus always, traces to OTEL_EXPORTER_OTLP_ENDPOINT when it is set.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Meter, metrics } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { observeProcess } from './observe-process.ts';
import { WantedIdGenerator } from './trace-ids.ts';

export type { BatchObservableResult, Meter } from '@opentelemetry/api';

export interface Telemetry {
  readonly meter: Meter;
  /** Answers GET /metrics in the Prometheus text format. */
  serveMetrics(request: IncomingMessage, response: ServerResponse): void;
  shutdown(): Promise<void>;
}

/** Label sets of one metric in one process: 1,000 destinations with five outcomes each. Beyond it they are counted together (otel_metric_overflow). */
const MOST_SERIES = 5_000;

/** Without an endpoint no trace SDK is loaded: it costs 40 MB resident and 0.2 s a process (measured, Node 24). */
export async function startTelemetry(service: string, otlpEndpoint?: string): Promise<Telemetry> {
  // Every series says whose it is, so that rules and dashboards need no labels of the scraping Prometheus.
  const exporter = new PrometheusExporter({
    preventServerStart: true,
    withResourceConstantLabels: /^service\.name$/,
    withoutScopeInfo: true,
  });
  const resource = resourceFromAttributes({ 'service.name': `causeway-${service}` });
  const shutdown = otlpEndpoint ? await startTracing(service) : async () => {};
  const provider = new MeterProvider({
    resource,
    readers: [exporter],
    views: [{ instrumentName: '*', aggregationCardinalityLimit: MOST_SERIES }],
  });
  metrics.setGlobalMeterProvider(provider);
  const meter = provider.getMeter('causeway');
  const observing = observeProcess(meter);
  return {
    meter,
    serveMetrics: (request, response) => exporter.getMetricsRequestHandler(request, response),
    shutdown: async () => {
      observing.stop();
      await shutdown();
      await provider.shutdown();
    },
  };
}

async function startTracing(service: string): Promise<() => Promise<void>> {
  const { NodeSDK } = await import('@opentelemetry/sdk-node');
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-proto');
  // Which spans are kept, how they are batched and where they go is set as everywhere with OpenTelemetry: OTEL_TRACES_SAMPLER, OTEL_BSP_*, OTEL_EXPORTER_OTLP_*.
  const sdk = new NodeSDK({
    serviceName: `causeway-${service}`,
    // Replicas have one name.
    resource: resourceFromAttributes({ 'service.instance.id': randomUUID() }),
    idGenerator: new WantedIdGenerator(),
    autoDetectResources: false,
    traceExporter: new OTLPTraceExporter(),
    metricReaders: [],
    logRecordProcessors: [],
    instrumentations: [],
  });
  sdk.start();
  return () => sdk.shutdown();
}
