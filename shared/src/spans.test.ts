// Traces as the SDK would export them: whose trace a span is in, what it links to, and what lines of the log say of it.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import { context, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';
import { newReceiptId } from './brands.ts';
import { inProcessSpan, inPublishSpan } from './bus/message-spans.ts';
import { inSpan, linksToTraceOf, linksToTraceparents, SpanKind, startSpan } from './spans.ts';
import { rootSpanIdOf, traceIdOf, WantedIdGenerator } from './trace-ids.ts';

type SpanProcessor = NonNullable<NonNullable<ConstructorParameters<typeof NodeSDK>[0]>['spanProcessors']>[number];
type EndedSpan = Parameters<SpanProcessor['onEnd']>[0];

let ended: EndedSpan[] = [];
const collecting: SpanProcessor = {
  onStart: () => {},
  onEnd: (span) => void ended.push(span),
  forceFlush: async () => {},
  shutdown: async () => {},
};
const sdk = new NodeSDK({
  spanProcessors: [collecting],
  idGenerator: new WantedIdGenerator(),
  autoDetectResources: false,
  metricReaders: [],
  logRecordProcessors: [],
});
before(() => sdk.start());
after(() => sdk.shutdown());
beforeEach(() => {
  ended = [];
});

const spans = () =>
  ended.map((span) => ({
    name: span.name,
    ...span.spanContext(),
    parent: span.parentSpanContext?.spanId,
    links: span.links.map((link) => link.context.spanId),
  }));
const INTERNAL = { kind: SpanKind.INTERNAL, attributes: {} };
const to = (subject: string) => ({ subject, messageId: 'x' });

describe('the trace of an instance', () => {
  it('has the id of its receipt, begins with a span that others can link to, and links to its association', () => {
    const [id, association] = [newReceiptId(), newReceiptId()];
    startSpan({ name: 'C-STORE', ...INTERNAL, of: { id, isFirst: true }, links: linksToTraceOf(association) }).end();
    const [span] = spans();
    const traceId = id.replaceAll('-', '');
    assert.deepEqual([span!.traceId, span!.spanId, span!.parent], [traceId, rootSpanIdOf(traceId), undefined]);
    assert.deepEqual(span!.links, [rootSpanIdOf(traceIdOf(association)!)]);
  });

  it('goes on over messages', async () => {
    const id = newReceiptId();
    const event = { instance: { receiptId: id } };
    let traceparent = '';
    const first = startSpan({ name: 'C-STORE', ...INTERNAL, of: { id, isFirst: true } });
    await first.run(() =>
      inPublishSpan(to('instance.received.stat.north'), event, async () => {
        const { traceId, spanId } = trace.getActiveSpan()!.spanContext();
        traceparent = `00-${traceId}-${spanId}-01`;
      }),
    );
    first.end();
    await inProcessSpan({ stream: 'RECEIVED', consumer: 'c', traceparent }, event, async () => {});
    const [send, store, process] = spans();
    assert.deepEqual([send!.name, send!.parent, store!.name], ['send instance.received', store!.spanId, 'C-STORE']);
    assert.deepEqual([process!.parent, process!.traceId, process!.links], [send!.spanId, store!.traceId, []]);
  });

  it('is gone on with by work that comes back from the ledger: linked to its first span, and to what brought it back', async () => {
    const id = newReceiptId();
    const delivery = { instance: { receiptId: id } };
    await inSpan({ name: 'POST /api/deliveries/:id/retry', ...INTERNAL }, () =>
      inPublishSpan(to('delivery.due.cloud.stat.north'), { delivery }, async () => {}),
    );
    const [send, request] = spans();
    assert.equal(send!.traceId, traceIdOf(id));
    assert.notEqual(request!.traceId, send!.traceId);
    assert.deepEqual(send!.links, [request!.spanId, rootSpanIdOf(traceIdOf(id)!)]);
  });

  it('of a retrieval is that of its order, also for what it delivers', async () => {
    const [id, receiptId] = [newReceiptId(), newReceiptId()];
    await inPublishSpan(to('retrieval.due.archive'), { retrieval: { id }, generation: 0 }, async () => {
      await inPublishSpan(to('delivery.due.pacs.routine.none'), { delivery: { retrievalId: id, instance: { receiptId } } }, async () => {});
    });
    const [due, order] = spans();
    assert.deepEqual([order!.traceId, order!.spanId], [traceIdOf(id), rootSpanIdOf(traceIdOf(id)!)]);
    assert.deepEqual([due!.traceId, due!.parent], [order!.traceId, order!.spanId]);
  });

  it('is not asked for by facts and probes, nor made up for ids that are no UUID', async () => {
    await inPublishSpan(to('ledger.instance.ready'), { instance: { receiptId: newReceiptId() } }, async () => {});
    await inPublishSpan(to('probe.receiver'), {}, async () => {});
    assert.deepEqual(spans(), []);
    assert.equal(traceIdOf('poll-0123'), undefined);
    startSpan({ name: 'x', ...INTERNAL, of: { id: 'poll-0123' } }).end();
    assert.match(spans()[0]!.traceId, /^[0-9a-f]{32}$/);
  });
});

describe('a span', () => {
  it('tells the class of an error, never its message', async () => {
    await assert.rejects(inSpan({ name: 'x', ...INTERNAL }, () => Promise.reject(new TypeError('DOE^JANE'))));
    const [span] = ended;
    assert.deepEqual([span!.attributes, span!.status.message, span!.events], [{ 'error.type': 'TypeError' }, undefined, []]);
  });

  it('is what work within it belongs to, and nothing after', async () => {
    await inSpan({ name: 'outer', ...INTERNAL }, () => inSpan({ name: 'inner', ...INTERNAL }, async () => {}));
    const [inner, outer] = spans();
    assert.equal(inner!.parent, outer!.spanId);
    assert.equal(trace.getSpan(context.active()), undefined);
  });

  it('of a batch links to each sampled trace once, and to so many at most', () => {
    const parent = (n: number, flags = '01') => `00-${String(n).padStart(32, '1')}-${String(n).padStart(16, '2')}-${flags}`;
    const links = linksToTraceparents([parent(1), parent(1), parent(2, '00'), 'nonsense', parent(3), parent(4)], 2);
    assert.deepEqual(
      links.map(({ context: linked }) => linked.traceId),
      [1, 3].map((n) => String(n).padStart(32, '1')),
    );
  });
});
