// A meter for tests, and what Prometheus would read of it.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Meter } from '@opentelemetry/api';
import { PrometheusExporter } from '@opentelemetry/exporter-prometheus';
import { MeterProvider } from '@opentelemetry/sdk-metrics';

export function scrape(): { meter: Meter; text: () => Promise<string> } {
  const exporter = new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const provider = new MeterProvider({ readers: [exporter] });
  const text = (): Promise<string> =>
    new Promise((resolve) => {
      const response = { setHeader: () => {}, end: resolve } as unknown as ServerResponse;
      exporter.getMetricsRequestHandler({} as IncomingMessage, response);
    });
  return { meter: provider.getMeter('test'), text };
}
