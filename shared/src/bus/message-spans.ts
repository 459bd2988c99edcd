// The spans around messages: one when work is published, one when it is handled. Facts and probes have none: they are no step of an instance.
import { propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { inSpan, type SpanAttributes, SpanKind, type SpanPlan } from '../spans.ts';
import type { PublishOptions } from './bus.ts';

const WITHOUT_SPAN = /^(ledger|probe)\./;

/** Its `work` runs inside the span, so that the message carries it as parent. Work that comes back goes on in the trace that it had. */
export function inPublishSpan(to: PublishOptions, event: object, work: () => Promise<void>): Promise<void> {
  if (WITHOUT_SPAN.test(to.subject)) return work();
  const words = to.subject.split('.').slice(0, 2).join('.');
  const attributes: SpanAttributes = {
    ...NATS,
    'messaging.operation.type': 'send',
    'messaging.destination.name': words,
    ...attributesOf(event),
  };
  return inSpan({ name: `send ${words}`, kind: SpanKind.PRODUCER, attributes, of: traceOf(event) }, work);
}

/** `traceparent`: of the message (W3C Trace Context); empty: of a publisher without traces. */
export function inProcessSpan<T>(
  from: { stream: string; consumer: string; traceparent: string },
  event: unknown,
  work: () => Promise<T>,
): Promise<T> {
  const parent = propagation.extract(ROOT_CONTEXT, { traceparent: from.traceparent });
  const attributes: SpanAttributes = {
    ...NATS,
    'messaging.operation.type': 'process',
    'messaging.destination.name': from.stream,
    'messaging.consumer.group.name': from.consumer,
    ...attributesOf(event),
  };
  return inSpan({ name: `process ${from.stream}`, kind: SpanKind.CONSUMER, attributes, parent, of: traceOf(event) }, work);
}

const NATS = { 'messaging.system': 'nats' } as const;

interface Described {
  readonly instance?: { readonly receiptId?: string; readonly sopClassUid?: string; readonly transferSyntaxUid?: string };
  readonly delivery?: { readonly destination?: string; readonly retrievalId?: string; readonly instance?: Described['instance'] };
  readonly retrieval?: { readonly id?: string };
  readonly generation?: number;
}

/** A retrieval has one for itself and all that it delivers, any other instance its own. */
function traceOf(event: unknown): SpanPlan['of'] {
  const { instance, delivery, retrieval, generation } = (event ?? {}) as Described;
  if (typeof retrieval?.id === 'string') return { id: retrieval.id, isFirst: generation === 0 };
  const id = delivery?.retrievalId ?? delivery?.instance?.receiptId ?? instance?.receiptId;
  return typeof id === 'string' ? { id } : undefined;
}

/** Of an event about an instance or a delivery: the two UIDs of the standard, and the destination of the gateway document. */
function attributesOf(event: unknown): SpanAttributes {
  const { instance, delivery } = (event ?? {}) as Described;
  const { sopClassUid, transferSyntaxUid } = instance ?? delivery?.instance ?? {};
  return {
    'dicom.sop_class_uid': sopClassUid,
    'dicom.transfer_syntax_uid': transferSyntaxUid,
    'causeway.destination': delivery?.destination,
  };
}
