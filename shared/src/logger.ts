// Structured logs. Only numbers, UIDs of services and configured names go in; never a patient attribute (invariant 10).
import { isSpanContextValid, trace } from '@opentelemetry/api';
import { type Logger, type LoggerOptions, pino } from 'pino';
import { LogOutput } from './log-output.ts';

export type { Logger };

/** pino writes the line's own fields into it: a new one for each line. */
function traceOfLine(): object {
  const span = trace.getActiveSpan()?.spanContext();
  return span === undefined || !isSpanContextValid(span) ? {} : { trace_id: span.traceId, span_id: span.spanId };
}

/** `output` [standard output]. */
export function createLogger(service: string, level = 'info', output = new LogOutput()): Logger {
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
  return pino(options, output);
}
