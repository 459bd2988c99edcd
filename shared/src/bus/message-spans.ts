// The spans around messages: one when work is published, one when it is handled. Facts and probes have none: they are no step of an instance.
import { propagation, ROOT_CONTEXT } from '@opentelemetry/api';
import { inSpan, type SpanAttributes, SpanKind } from '../spans.ts';
import type { PublishOptions } from './bus.ts';

const WITHOUT_SPAN = /^(ledger|probe)\./;

/** Its `work` runs inside the span, so that the message carries it as parent. */
export function inPublishSpan(to: PublishOptions, event: object, work: () => Promise<void>): Promise<void> {
  if (WITHOUT_SPAN.test(to.subject)) return work();
  const words = to.subject.split('.').slice(0, 2).join('.');
  const attributes: SpanAttributes = {
    ...NATS,
    'messaging.operation.type': 'send',
    'messaging.destination.name': words,
    ...attributesOf(event),
  };
  return inSpan({ name: `send ${words}`, kind: SpanKind.PRODUCER, attributes }, work);
}

/** `traceparent`: of the message (W3C Trace Context); empty: a new trace. */
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
  return inSpan({ name: `process ${from.stream}`, kind: SpanKind.CONSUMER, attributes, parent }, work);
}

const NATS = { 'messaging.system': 'nats' } as const;

interface Described {
  readonly instance?: { readonly sopClassUid?: string; readonly transferSyntaxUid?: string };
  readonly delivery?: { readonly destination?: string; readonly instance?: Described['instance'] };
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
