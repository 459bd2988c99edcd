// Structured logs. Only numbers, UIDs of services and configured names go in; never a patient attribute (invariant 10).
import { type Logger, type LoggerOptions, pino } from 'pino';
import { LogOutput } from './log-output.ts';

export type { Logger };

export function createLogger(service: string, level = 'info'): Logger {
  const options: LoggerOptions = {
    name: service,
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    messageKey: 'message',
    formatters: { level: (label) => ({ level: label }) },
  };
  return pino(options, new LogOutput());
}
