// One trace for each instance from C-STORE to confirmation, linked to its association; also over failures, a person's decision, and retrieval.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { untilArrived } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import type { CollectedSpan } from './otlp-trace.ts';
import { sendStudy, startTracedGateway, type TracedGateway } from './traced-gateway.ts';
import { until } from './wait-for-fact.ts';

let traced: TracedGateway;
let client: ConsoleClient;
before(async () => {
  traced = await startTracedGateway();
  client = await signIn(traced.gateway.pageUrl, traced.gateway.firstPassword());
});
after(() => traced?.stop());

const traceOf = (traceId: string): CollectedSpan[] =>
  traced.collector.spans.filter((span) => span.traceId === traceId).sort((one, other) => one.startMs - other.startMs);
const named = (spans: readonly CollectedSpan[], name: string): CollectedSpan[] => spans.filter((span) => span.name === name);
const untilSpans = (traceId: string, names: readonly string[]): Promise<CollectedSpan[]> =>
  until(`spans ${names.join(', ')}`, () => {
    const spans = traceOf(traceId);
    return names.every((name) => named(spans, name).length > 0) && spans;
  });

/** Of each instance, as the API says it. */
async function traceIds(studyInstanceUid: string, howMany: number): Promise<string[]> {
  const told = await until('the study is on record', async () => {
    const instances = await client
      .get<{ instances: { traceId: string; receiptId: string; state: string }[] }>(`/api/explain?study=${studyInstanceUid}`)
      .then((answer) => answer.instances)
      .catch(() => []);
    return instances.length === howMany && instances.every(({ state }) => state !== 'received') && instances;
  });
  for (const { traceId, receiptId } of told) assert.equal(traceId, receiptId.replaceAll('-', ''));
  return told.map(({ traceId }) => traceId);
}

const STEPS = [
  ...['C-STORE', 'object_store commit', 'send instance.received', 'process RECEIVED', 'compress', 'send instance.ready'],
  ...['process READY', 'send delivery.due', 'process DELIVERIES', 'deliver', 'POST /studies'],
];

describe('traces', () => {
  it('lead from the association over every step to the archive, under the id that the API tells', async () => {
    const study = await sendStudy(traced.gateway.ports.dicom, { seed: 71, instances: 3 });
    await untilArrived(traced.gateway.sandboxUrl, study.sopInstanceUids);
    const ids = await traceIds(study.studyInstanceUid, 3);
    for (const id of ids) {
      const spans = await untilSpans(id, STEPS);
      const known = new Set(spans.map(({ spanId }) => spanId));
      const roots = spans.filter(({ parentSpanId }) => !parentSpanId);
      assert.deepEqual(
        roots.map(({ name }) => name),
        ['C-STORE'],
      );
      assert.deepEqual(
        spans.filter(({ parentSpanId }) => parentSpanId && !known.has(parentSpanId)),
        [],
        'no span hangs in the air',
      );
      const [association] = await until('the span of the association', () => {
        const found = traced.collector.spans.filter(({ spanId }) => spanId === roots[0]!.links[0]?.spanId);
        return found.length > 0 && found;
      });
      assert.deepEqual([association!.name, association!.attributes['dicom.instances']], ['A-ASSOCIATE', 3]);
      assert.ok(association!.startMs <= roots[0]!.startMs && association!.endMs >= roots[0]!.endMs);
    }
    const batches = await until('batches of the ledger that link to the study', () => {
      const found = named(traced.collector.spans, 'BATCH facts').filter(({ links }) => links.some(({ traceId }) => ids.includes(traceId)));
      return found.length > 0 && found;
    });
    assert.ok(batches.every(({ attributes }) => Number(attributes['db.operation.batch.size']) > 0));
  });

  it('show an attempt that failed and the next one; the log line of a failure names the trace', async () => {
    await traced.orderFault({ mode: 'status', status: 503, times: 1 });
    const again = await sendStudy(traced.gateway.ports.dicom, { seed: 72, instances: 1 });
    await untilArrived(traced.gateway.sandboxUrl, again.sopInstanceUids);
    const [id] = await traceIds(again.studyInstanceUid, 1);
    const spans = await until('two requests', () => named(traceOf(id!), 'POST /studies').length === 2 && traceOf(id!));
    assert.deepEqual(
      named(spans, 'POST /studies').map(({ failed, attributes }) => [
        failed,
        attributes['http.response.status_code'],
        attributes['error.type'],
      ]),
      [
        [true, 503, '503'],
        [false, 200, undefined],
      ],
    );
    await traced.orderFault({ mode: 'refuse-instance', reason: 0x0122 });
    const refused = await sendStudy(traced.gateway.ports.dicom, { seed: 73, instances: 1 });
    const [failedId] = await traceIds(refused.studyInstanceUid, 1);
    const line = await until('the line', () => {
      const text = readFileSync(join(traced.gateway.dataFolder, 'log', 'uploader.log'), 'utf8');
      return text.split('\n').find((one) => one.includes('delivery failed for good') && one.includes(failedId!));
    });
    const { trace_id, span_id } = JSON.parse(line) as { trace_id: string; span_id: string };
    assert.equal(trace_id, failedId);
    await until('its span', () => traceOf(failedId!).some(({ spanId }) => spanId === span_id));
    await traced.clearFaults();
    const [delivery] = await until('the failed delivery', async () => {
      const { deliveries } = await client.get<{ deliveries: { id: string }[] }>('/api/deliveries?state=failed&limit=10');
      return deliveries.length > 0 && deliveries;
    });
    await client.send('POST', `/api/deliveries/${delivery!.id}/retry`);
    await untilArrived(traced.gateway.sandboxUrl, refused.sopInstanceUids);
    const sent = await until('the retry in the same trace', () =>
      traceOf(failedId!).find(({ name, service }) => name === 'send delivery.due' && service === 'causeway-console'),
    );
    await until('what came of it', () =>
      traceOf(failedId!).some(({ name, startMs, failed }) => name === 'deliver' && startMs > sent.startMs && !failed),
    );
    await until('the request that it is linked to', () =>
      named(traced.collector.spans, 'POST /api/deliveries/:id/retry').some(({ spanId }) =>
        sent.links.some((link) => link.spanId === spanId),
      ),
    );
  });

  it('go on when held work is assigned', async () => {
    const study = await sendStudy(traced.gateway.ports.dicom, { seed: 74, instances: 1, calledAe: 'NOWHERE' });
    const receiptIds = await until('the held instance', async () => {
      const { waiting } = await client.get<{ waiting: { receiptIds: string[] }[] }>('/api/held');
      return waiting.length > 0 && waiting[0]!.receiptIds;
    });
    await client.send('POST', '/api/held/assign', { receiptIds, facilities: ['main'] });
    await untilArrived(traced.gateway.sandboxUrl, study.sopInstanceUids);
    const traceId = receiptIds[0]!.replaceAll('-', '');
    await untilSpans(traceId, STEPS);
    await until('routed a second time', () => named(traceOf(traceId), 'process READY').length === 2);
  });

  it('of a retrieval go from its order over the requests to the delivery, under its own id', async () => {
    const study = await sendStudy(traced.gateway.ports.dicom, { seed: 75, instances: 2 });
    await untilArrived(traced.gateway.sandboxUrl, study.sopInstanceUids);
    const order = { source: 'cloud', studyInstanceUid: study.studyInstanceUid, destinations: ['archive'] };
    const { body } = await client.send<{ id: string }>('POST', '/api/retrievals', order);
    const names = [
      'send retrieval.due',
      'process RETRIEVALS',
      'GET /studies/{study}/instances',
      'GET /studies/{study}',
      'send delivery.due',
      'POST /studies',
    ];
    const spans = await untilSpans(body.id.replaceAll('-', ''), names);
    assert.deepEqual([spans[0]!.name, spans[0]!.service], ['send retrieval.due', 'causeway-console']);
    const request = await until('the request that ordered it', () =>
      traced.collector.spans.find(({ spanId }) => spans[0]!.links.some((link) => link.spanId === spanId)),
    );
    assert.deepEqual([request.name, request.attributes['http.response.status_code']], ['POST /api/retrievals', 202]);
  });
});
