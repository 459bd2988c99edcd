// The negotiation record and storage commitment over HTTP: lists, filters, one record, who may see it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';
import { associationFacts, undeliverableCommitment } from './network-samples-for-tests.ts';

let gateway: TestConsole;

before(async () => {
  gateway = await startTestConsole();
});
after(() => gateway?.stop());
beforeEach(() => gateway.clear());

describe('GET /api/associations', () => {
  const sources = async (query: string): Promise<string[]> => {
    const reply = await gateway.request('GET', `/api/associations${query}`);
    assert.equal(reply.statusCode, 200, reply.body);
    return reply.json<{ associations: { source: string }[] }>().associations.map(({ source }) => source);
  };

  it('filters by peer, AE title on either side, outcome and time, newest first', async () => {
    await applyFacts(gateway.database, associationFacts());
    assert.equal((await sources('')).length, 4);
    assert.deepEqual(await sources('?source=10.1.0.9'), ['10.1.0.9']);
    assert.deepEqual(await sources('?aeTitle=CT1'), ['10.1.0.7']);
    assert.deepEqual((await sources('?aeTitle=GATEWAY')).sort(), ['10.1.0.2', '10.1.0.7']);
    assert.deepEqual(await sources('?outcome=no-association'), ['10.1.0.11']);
    assert.deepEqual(await sources('?since=2026-01-05T10:01:00Z'), []);
    assert.equal((await sources('?before=2026-01-05T11:01:00%2B01:00&limit=2')).length, 2);
    const wrong = await gateway.request('GET', '/api/associations?outcome=nonsense');
    assert.equal(wrong.statusCode, 400);
  });

  it('gives one record with everything that was negotiated; the same fact twice is one row', async () => {
    const [fact, ...others] = associationFacts();
    await applyFacts(gateway.database, [fact!, ...others]);
    await applyFacts(gateway.database, [fact!]);
    assert.equal((await sources('')).length, 4);
    assert.ok(fact?.type === 'ledger.association.ended');
    const reply = await gateway.request('GET', `/api/associations/${fact.association.id}`);
    const { contexts, tls, implementation, maxPduBytes, responses, instances } = reply.json<typeof fact.association>();
    const { association } = fact;
    assert.deepEqual(
      { contexts, tls, implementation, maxPduBytes, responses, instances },
      {
        contexts: association.contexts,
        tls: association.tls,
        implementation: association.implementation,
        maxPduBytes: association.maxPduBytes,
        responses: association.responses,
        instances: association.instances,
      },
    );
    assert.equal((await gateway.request('GET', `/api/associations/${randomUUID()}`)).statusCode, 404);
    assert.equal((await gateway.request('GET', '/api/associations/x')).statusCode, 400);
  });
});

describe('GET /api/commitments', () => {
  it('lists by state and caller, gives failures, and tells again what is undeliverable, once', async () => {
    const { id } = await undeliverableCommitment(gateway.database);
    const listed = async (query: string) =>
      (await gateway.request('GET', `/api/commitments${query}`)).json<{ commitments: { id: string }[] }>().commitments.map((one) => one.id);
    assert.deepEqual(await listed('?state=undeliverable&callingAe=CT1'), [id]);
    assert.deepEqual(await listed('?state=open'), []);
    const detail = (await gateway.request('GET', `/api/commitments/${id}`)).json<{ failures: { reason: number }[] }>();
    assert.deepEqual(
      detail.failures.map(({ reason }) => reason),
      [0x0112],
    );
    assert.equal((await gateway.request('POST', `/api/commitments/${id}/retry`)).statusCode, 202);
    assert.equal((await gateway.request('POST', `/api/commitments/${id}/retry`)).statusCode, 409);
    assert.equal((await gateway.request('POST', `/api/commitments/${randomUUID()}/retry`)).statusCode, 404);
    assert.deepEqual(await listed('?state=open'), [id], 'decided anew before it is told');
  });
});

it('nobody sees either without signing in', async () => {
  for (const url of ['/api/associations', `/api/associations/${randomUUID()}`, '/api/commitments', `/api/commitments/${randomUUID()}`])
    assert.equal((await gateway.app.inject({ method: 'GET', url })).statusCode, 401, url);
});
