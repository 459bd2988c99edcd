// Structured logs. Only numbers, UIDs of services and configured names go in; never a patient attribute (invariant 10).
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type Logger, type LoggerOptions, pino } from 'pino';
import { LogOutput } from './log-output.ts';

export type { Logger };

const NO_TRACE = {};

function traceOfLine(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined || !isSpanContextValid(span) ? NO_TRACE : { trace_id: span.traceId, span_id: span.spanId };
}

export function createLogger(service: string, level = 'info'): Logger {
  const options: LoggerOptions = {
    name: service,
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    // Lines that belong to a trace say so (names as OpenTelemetry has them for logs outside of its own format).
    mixin: () => traceOfLine(),
    formatters: { level: (label) => ({ level: label }) },
  };
  return pino(options, new LogOutput());
}
