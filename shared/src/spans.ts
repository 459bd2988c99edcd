// Traces: one for each instance, retrieval and association. Only the attributes named here may go into a span: never one of the patient (invariant 10),
// and no UID that tells a study, series or instance; the receipt id, which is ours and random, finds the trace.
import {
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { rootSpanIdOf, traceIdOf, withIds } from './trace-ids.ts';

export { type Context, SpanKind } from '@opentelemetry/api';

/** messaging.*, http.*, server.*, url.*, db.*: OpenTelemetry's semantic conventions. Values come from configuration, from our own tables, or are UIDs of the standard. */
export interface SpanAttributes {
  'messaging.system'?: 'nats';
  'messaging.operation.type'?: 'send' | 'process';
  /** The first two words of the subject, or the name of the stream. */
  'messaging.destination.name'?: string;
  'messaging.consumer.group.name'?: string;
  'http.request.method'?: string;
  'http.response.status_code'?: number;
  /** Of the console, with names of parameters: `/api/studies/:key`. */
  'http.route'?: string;
  /** Of an archive: `/studies/{study}/instances`. */
  'url.template'?: string;
  /** As the gateway document names it. */
  'server.address'?: string;
  'server.port'?: number;
  'db.system.name'?: 'postgresql';
  'db.operation.name'?: string;
  'db.operation.batch.size'?: number;
  'dicom.sop_class_uid'?: string;
  'dicom.transfer_syntax_uid'?: string;
  /** C-STORE status, four hexadecimal digits. */
  'dicom.status'?: string;
  /** C-STOREs of an association that were answered with success. */
  'dicom.instances'?: number;
  'causeway.receipt_id'?: string;
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
  /** Whose trace it must be in: what is under way elsewhere is linked. `isFirst`: it is the one that the trace begins with. */
  readonly of?: { readonly id: string; readonly isFirst?: boolean } | undefined;
  readonly links?: readonly Link[];
  readonly startedAt?: Date;
}

export interface OpenSpan {
  /** Runs the work as part of this span. */
  run<T>(work: () => T): T;
  set(attributes: SpanAttributes): void;
  /** It did not go well, in a word of ours or of the protocol. */
  fail(type: string): void;
  /** `error`: its class is told, its message is not. */
  end(error?: unknown): void;
}

/** Costs next to nothing when no trace exporter is configured. */
export function startSpan({ parent = context.active(), ...plan }: SpanPlan): OpenSpan {
  const home = plan.of === undefined ? undefined : traceIdOf(plan.of.id);
  const isElsewhere = home !== undefined && trace.getSpanContext(parent)?.traceId !== home;
  const span = isElsewhere ? startAtHome(plan, parent, home) : start(plan, parent, plan.links);
  const inside = trace.setSpan(parent, span);
  return {
    run: (work) => context.with(inside, work),
    set: (more) => void span.setAttributes({ ...more }),
    fail: (type) => void span.setAttribute('error.type', type).setStatus({ code: SpanStatusCode.ERROR }),
    end: (error) => {
      if (error !== undefined) {
        span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown');
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

type Planned = Omit<SpanPlan, 'parent'>;

const start = ({ name, kind, attributes, startedAt }: Planned, parent: Context, links: readonly Link[] = []) =>
  trace.getTracer('causeway').startSpan(name, { kind, attributes: { ...attributes }, links: [...links], startTime: startedAt }, parent);

/** In the trace of its own, whatever is under way; the sampler decides anew, and the same, for it goes by the trace id. */
function startAtHome(plan: Planned, parent: Context, home: string) {
  const isFirst = plan.of?.isFirst === true;
  const links = [...(plan.links ?? []), ...linksTo(parent), ...(isFirst ? [] : [linkToFirst(home)])];
  return withIds({ trace: home, span: isFirst ? rootSpanIdOf(home) : undefined }, () => start(plan, ROOT_CONTEXT, links));
}

const linkToFirst = (traceId: string): Link => ({ context: { traceId, spanId: rootSpanIdOf(traceId), traceFlags: TraceFlags.SAMPLED } });

/** To the first span of the trace of an association, a retrieval or an instance. */
export function linksToTraceOf(id: string): Link[] {
  const traceId = traceIdOf(id);
  return traceId === undefined ? [] : [linkToFirst(traceId)];
}

/** To the span of a context, if there is one. */
export function linksTo(other: Context | undefined): Link[] {
  const found = other && trace.getSpanContext(other);
  return found && isSpanContextValid(found) ? [{ context: found }] : [];
}

/** Of messages (W3C Trace Context), each trace once, at most so many; none where nothing is sampled. */
export function linksToTraceparents(traceparents: readonly string[], most: number): Link[] {
  const found = new Map<string, Link>();
  for (const text of traceparents) {
    const [, traceId = '', spanId = '', flags] = text.split('-');
    if (flags !== '01' || found.has(traceId)) continue;
    if (isSpanContextValid({ traceId, spanId, traceFlags: TraceFlags.SAMPLED }))
      found.set(traceId, { context: { traceId, spanId, traceFlags: TraceFlags.SAMPLED } });
    if (found.size === most) break;
  }
  return [...found.values()];
}

export const activeContext = (): Context => context.active();
export const isInSpan = (): boolean => trace.getActiveSpan() !== undefined;

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
