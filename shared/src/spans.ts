// Traces: one span for an instance and step. Only the attributes named here may go into a span: never one of the patient (invariant 10).
import { type Context, context, type SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

export { SpanKind } from '@opentelemetry/api';

/** messaging.*: OpenTelemetry semantic conventions for messaging. Values come from configuration, from our own tables, or are UIDs of the standard. */
export interface SpanAttributes {
  'messaging.system'?: 'nats';
  'messaging.operation.type'?: 'send' | 'process';
  /** The first two words of the subject, or the name of the stream. */
  'messaging.destination.name'?: string;
  'messaging.consumer.group.name'?: string;
  'dicom.sop_class_uid'?: string;
  'dicom.transfer_syntax_uid'?: string;
  /** C-STORE status, four hexadecimal digits. */
  'dicom.status'?: string;
  'causeway.destination'?: string;
  'causeway.outcome'?: string;
  'error.type'?: string;
}

export interface SpanPlan {
  readonly name: string;
  readonly kind: SpanKind;
  readonly attributes: SpanAttributes;
  /** Where it belongs [what is under way]. */
  readonly parent?: Context;
}

export interface OpenSpan {
  /** Runs the work as part of this span. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** `error`: its class is told, its message is not. */
  end(error?: unknown): void;
}

/** Costs next to nothing when no trace exporter is configured. */
export function startSpan({ name, kind, attributes, parent = context.active() }: SpanPlan): OpenSpan {
  const span = trace.getTracer('causeway').startSpan(name, { kind, attributes: { ...attributes } }, parent);
  const inside = trace.setSpan(parent, span);
  return {
    run: (work) => context.with(inside, work),
    set: (more) => void span.setAttributes({ ...more }),
    end: (error) => {
      if (error !== undefined) {
        span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

/** The work with a span around it, which ends when the work does. */
export async function inSpan<T>(plan: SpanPlan, work: (span: OpenSpan) => Promise<T>): Promise<T> {
  const span = startSpan(plan);
  try {
    const result = await span.run(() => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}
