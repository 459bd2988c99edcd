// Held work and a gateway document that changed, on a real PostgreSQL.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { readyFact, routedFact, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import type { Held } from '@causeway/shared/events/facts';
import { instanceReady } from '@causeway/shared/events/instance';
import { startTestLedger, type TestLedger } from './ledger-for-tests.ts';
import { releaseHeld } from './release.ts';

let ledger: TestLedger;
before(async () => {
  ledger = await startTestLedger();
});
after(() => ledger?.stop());
beforeEach(() => ledger.clear());

const held: Held = { reason: 'unmatched', detail: 'no endpoint rule of hub hub matches', facility: 'hub', candidates: [] };
/** The sample facts were decided by revision 1. */
const NEXT_REVISION = 2;

describe('releaseHeld', () => {
  test('what is held by an older revision goes to the rules again, with the next generation and what is on record', async () => {
    const instance = sampleInstance(1, 1);
    await applyFacts(ledger.database, [routedFact(instance, 1, { held, to: ['cloud'] })]);
    const parts = ledger.parts();
    assert.equal(await releaseHeld(parts, NEXT_REVISION), 1);
    const [published] = parts.bus.published;
    const event = instanceReady.parse(published?.event);
    assert.equal(published?.to.subject, 'instance.ready.routine.north');
    assert.equal(published?.to.messageId, `${instance.receiptId}.ready.1`);
    assert.deepEqual([event.generation, event.onRecord, event.assignment], [1, ['cloud'], undefined]);
    assert.deepEqual(event.instance.attributes, instance.attributes);
    assert.deepEqual(
      parts.bus.facts.map(({ type }) => type),
      ['ledger.instance.ready'],
    );
  });

  test('more than one page is released, each instance once', async () => {
    const instances = Array.from({ length: 501 }, (_, n) => sampleInstance(1, n + 1));
    await applyFacts(
      ledger.database,
      instances.map((instance) => routedFact(instance, 1, { held })),
    );
    const parts = ledger.parts();
    assert.equal(await releaseHeld(parts, NEXT_REVISION), 501);
    assert.equal(new Set(parts.bus.published.map(({ to }) => to.messageId)).size, 501);
  });

  test('what was held by this revision, what is not held, and what is decided again already stay as they are', async () => {
    const [again, routed] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    await applyFacts(ledger.database, [routedFact(again, 1, { held }), routedFact(routed, 1, { to: ['cloud'] })]);
    const parts = ledger.parts();
    assert.equal(await releaseHeld(parts, 1), 0);
    await applyFacts(ledger.database, [readyFact(again, 2, 1)]);
    assert.equal(await releaseHeld(parts, NEXT_REVISION), 0);
    assert.deepEqual(parts.bus.published, []);
  });
});
