// Records that are no images: what was lost is taken up again, what is old is forgotten, the rest stays.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { commitmentKey, uuidV7 } from '@causeway/shared/brands';
import { listAssociations } from '@causeway/shared/database/association-rows';
import { listCommitments } from '@causeway/shared/database/commitment-queries';
import { takeCommitment } from '@causeway/shared/database/commitment-rows';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { TransientError } from '@causeway/shared/errors';
import type { AssociationRecord } from '@causeway/shared/events/association-record';
import { type Commitment, commitmentDue } from '@causeway/shared/events/commitment';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { writeJsonObject } from '@causeway/shared/object-store/json-objects';
import { adoptCommitments, forgetRecords, RECORDS_KEPT_MS } from './keep-records.ts';
import { failing, startTestLedger, type TestLedger } from './ledger-for-tests.ts';
import { dayPrefixes } from './received-objects.ts';

const HOUR_MS = 3_600_000;
let ledger: TestLedger;
const now = new Date();

before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(() => ledger.clear());

async function request(): Promise<Commitment> {
  const id = uuidV7();
  const association = { id: randomUUID(), replica: randomUUID() };
  const about = {
    id,
    transactionUid: '1.2.9',
    callingAe: 'CT1',
    calledAe: 'GATEWAY',
    source: '10.1.0.7',
    requestedAt: now.toISOString(),
    association,
  };
  const requestKey = commitmentKey(id, 'request');
  await writeJsonObject(ledger.store, requestKey, {
    commitment: about,
    sopClassUids: ['1.2'],
    unsupported: [],
    references: [[0, '1.2.3']],
  });
  return { ...about, requestKey, references: 1 };
}

const know = (commitment: Commitment) =>
  takeCommitment(ledger.database, { commitment, referencesDigest: 'x', after: 'custody', deadlineAt: now, now });
const reported = (commitment: Commitment, occurredAt: Date) =>
  applyFacts(ledger.database, [
    {
      ...newEnvelope(),
      occurredAt: occurredAt.toISOString(),
      type: 'ledger.commitment.reported',
      commitment,
      attempt: 1,
      outcome: 'reported',
      association: 'new',
    },
  ]);

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of ledger.store.list('commitments/')) found.push(key);
  return found;
}

describe('storage commitment requests', () => {
  it('that only the store knows are taken up again, once they cannot be on their way any more', async () => {
    const [lost, known] = [await request(), await request()];
    await know(known);
    const parts = ledger.parts();
    const [today] = dayPrefixes('commitments/', now, now);
    const adopted = (olderThan: number, prefix = today!) =>
      adoptCommitments(parts, { olderThan: new Date(olderThan), now, prefixes: [prefix] });
    assert.equal(await adopted(now.getTime() - HOUR_MS), 0);
    assert.equal(await adopted(Date.now() + HOUR_MS, 'commitments/2026/01/01/'), 0);
    assert.equal(await adopted(Date.now() + HOUR_MS), 1);
    assert.deepEqual(commitmentDue.parse(parts.bus.published[0]!.event).commitment, lost);
  });

  it('that cannot be read keep no other from being taken up', async () => {
    const [bad, good] = [await request(), await request()];
    const base = ledger.parts();
    const broken = new TransientError('object cannot be reached (EIO)');
    const parts = { ...base, store: failing(base.store, 'get', (key) => (key === bad.requestKey ? Promise.reject(broken) : undefined)) };
    const adopted = await adoptCommitments(parts, { olderThan: new Date(Date.now() + HOUR_MS), now, prefixes: ['commitments/'] });
    assert.equal(adopted, 1);
    assert.equal(commitmentDue.parse(parts.bus.published[0]!.event).commitment.id, good.id);
  });

  it('and their objects are forgotten a month after they were finished, and not before', async () => {
    const [old, recent, open] = [await request(), await request(), await request()];
    for (const one of [old, recent, open]) await know(one);
    await reported(old, new Date(now.getTime() - RECORDS_KEPT_MS - HOUR_MS));
    await reported(recent, new Date(now.getTime() - RECORDS_KEPT_MS + HOUR_MS));
    await forgetRecords(ledger.parts(), now);
    assert.deepEqual((await listCommitments(ledger.database, { limit: 9 })).map(({ id }) => id).sort(), [recent.id, open.id].sort());
    assert.deepEqual((await keys()).sort(), [recent.requestKey, open.requestKey].sort());
  });
});

describe('records of associations', () => {
  it('are forgotten after a month', async () => {
    const record = (endedAt: Date): AssociationRecord => ({
      id: randomUUID(),
      outcome: 'released',
      detail: 'released by the peer',
      count: 1,
      startedAt: endedAt.toISOString(),
      endedAt: endedAt.toISOString(),
      source: '10.1.0.7',
      contexts: [],
      instances: 1,
      dataSetBytes: 1,
      responses: {},
    });
    const records = [record(now), record(new Date(now.getTime() - RECORDS_KEPT_MS - HOUR_MS))];
    await applyFacts(
      ledger.database,
      records.map((association) => ({ ...newEnvelope(), type: 'ledger.association.ended', association })),
    );
    await forgetRecords(ledger.parts(), now);
    assert.deepEqual(
      (await listAssociations(ledger.database, { limit: 9 })).map(({ id }) => id),
      [records[0]!.id],
    );
  });
});
