// OpenTelemetry: Prometheus metrics always, traces to OTEL_EXPORTER_OTLP_ENDPOINT when it is set.
export type { Meter } from '@opentelemetry/api';
