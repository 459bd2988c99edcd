// Polling finds new studies at a real archive, waits until they have stopped growing, and brings each instance once.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { makeInstance } from '@causeway/shared/dicomweb/instances-for-tests';
import { TransientError } from '@causeway/shared/errors';
import { retrievalDue } from '@causeway/shared/events/retrieval';
import { pollSource } from './poll-source.ts';
import { RetrieverUnderTest, type SandboxProcess, SILENT, startSandboxProcess } from './retriever-for-tests.ts';

const MINUTE_MS = 60_000;
const today = new Date('2026-03-01T12:00:00Z');

let sandbox: SandboxProcess;
let retriever: RetrieverUnderTest;
let minutes = 0;
before(async () => {
  sandbox = await startSandboxProcess();
});
after(() => sandbox.stop());
beforeEach(async () => {
  retriever = await RetrieverUnderTest.start(sandbox.url);
});
afterEach(() => retriever.stop());

function sourceWith(filter: Record<string, string>, destinations = ['viewer']) {
  const poll = { every: '60s', filter, window: '2d' };
  const viewer = { id: 'viewer', kind: 'dimse', host: '127.0.0.1', port: 104, calledAe: 'VIEWER' };
  const document = parseGatewayDocument({
    destinations: [viewer],
    retrieval: { sources: [{ id: 'archive', url: sandbox.url, poll, destinations }] },
  });
  const [source] = document.retrieval.sources;
  return { ...source!, poll: source!.poll! };
}

async function look(source = sourceWith({}), every = 1): Promise<number> {
  minutes += every;
  const now = new Date(today.getTime() + minutes * MINUTE_MS);
  const seen = await retriever.bus.bucket('seen');
  const { bus, store, client } = retriever;
  return pollSource({ bus, store, client, seen, log: SILENT, now: () => now }, source, new AbortController().signal);
}

const make = (study: string, number: number, change: { studyDate?: string; modality?: string } = {}) =>
  makeInstance({ study, series: `${study}.1`, instance: `${study}.1.${number}`, studyDate: '20260228', ...change });
const asked = () => retriever.bus.retrievals.map(({ retrieval }) => retrieval.studyInstanceUid);

describe('pollSource', () => {
  it('makes a study due once, after two looks that found it alike, and again when it has grown; each instance has one delivery id', async () => {
    await sandbox.store([make('1.2.50', 1), make('1.2.50', 2)]);
    assert.equal(await look(), 0);
    await sandbox.store([make('1.2.50', 3)]);
    assert.equal(await look(), 0);
    assert.equal(await look(), 1);
    assert.equal(await look(), 0);
    const [first] = retriever.bus.retrievals;
    retrievalDue.parse(first);
    await retriever.run(first!);
    assert.equal(retriever.bus.deliveries.length, 3);
    await sandbox.store([make('1.2.50', 4)]);
    assert.equal((await look()) + (await look()), 1);
    const second = retriever.bus.retrievals[1]!;
    assert.deepEqual([second.retrieval.id, second.generation], [first!.retrieval.id, 1]);
    await retriever.run(second);
    const announced = new Set(retriever.bus.deliveries.map(({ delivery, generation }) => `${delivery.id} ${generation}`));
    assert.equal(announced.size, 4, 'an uploader knows the first three as done');
  });

  it('asks for the window and the filter only', async () => {
    await sandbox.store([
      make('1.2.51', 1, { studyDate: '20260101' }),
      make('1.2.52', 1, { modality: 'MR' }),
      make('1.2.53', 1, { modality: 'MR' }),
    ]);
    const source = sourceWith({ ModalitiesInStudy: 'MR', '(0008,0050)': 'A2.53' });
    await look(source);
    await look(source);
    assert.deepEqual(asked(), ['1.2.53']);
    const all = sourceWith({});
    await look(all);
    await look(all);
    assert.ok(!asked().includes('1.2.51'));
    assert.ok(asked().includes('1.2.52'));
  });

  it('looks once an interval, whichever replica asks, and never without destinations', async () => {
    await look();
    const before = retriever.asked.length;
    await look(sourceWith({}), 0.5);
    await look(sourceWith({}, []), 5);
    assert.equal(retriever.asked.length, before);
    await look();
    assert.ok(retriever.asked.length > before);
  });

  it('fails as transient while the source is away, and marks nothing', async () => {
    await sandbox.order({ mode: 'status', target: 'qido', status: 503 });
    await assert.rejects(look(), TransientError);
    await sandbox.order(undefined);
    assert.deepEqual([...retriever.bus.values.keys()], ['archive.looked']);
  });
});
