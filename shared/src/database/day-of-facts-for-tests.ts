// A day's facts for the tests of the projection: whatever can happen to an instance.
import { objectKey } from '../brands.ts';
import type { Delivery } from '../events/delivery.ts';
import type { Fact, Held } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import type { Retrieval } from '../events/retrieval.ts';
import {
  actedFact,
  attemptedFact,
  confirmedFact,
  failedFact,
  parkedFact,
  quarantinedFact,
  readyFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from './facts-for-tests.ts';

const held: Held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] };

/**
 * Delivered, retried, failed and retried, held and assigned, held and discarded, parked, quarantined, set in motion again, retrieved and fetched anew, moved to another
 * study by coercion.
 */
export function aDay(): Fact[] {
  const facts: Fact[] = [];
  const [original, failing, assigned, discarded, quarantined, revived] = [0, 1, 2, 3, 4, 5].map((n) =>
    sampleInstance(n % 3, n, { SeriesNumber: String(n) }),
  );
  const delivered = { ...original!, attributes: { ...original!.attributes, InstitutionName: 'MS44', PatientID: 'N-0' } };
  facts.push(receivedFact(original!, 0));
  const everyone = [failing!, assigned!, discarded!, quarantined!, revived!];
  for (const [n, instance] of everyone.entries()) facts.push(receivedFact(instance, 1 + n), readyFact(instance, 11 + n));
  facts.push(readyFact(delivered, 10));
  const cloud = sampleDelivery(delivered, 'cloud');
  facts.push(
    routedFact(delivered, 20, { to: ['cloud', 'pacs'] }),
    attemptedFact(cloud, 21, 1),
    attemptedFact(cloud, 22, 2),
    confirmedFact(cloud, 23),
  );
  const refused = sampleDelivery(failing!, 'cloud');
  const dueAgain: Fact = { ...sampleEnvelope(32, 1), type: 'ledger.delivery.due', delivery: refused };
  facts.push(routedFact(failing!, 30, { to: ['cloud'] }), failedFact(refused, 31), dueAgain, confirmedFact(refused, 33, 1));
  facts.push(actedFact('delivery-retried', refused.id, { seconds: 32, generation: 1 }));
  facts.push(routedFact(assigned!, 40, { held }), readyFact(assigned!, 41, 1), routedFact(assigned!, 42, { to: ['pacs'], generation: 1 }));
  facts.push(routedFact(discarded!, 50, { held }), actedFact('instance-discarded', discarded!.receiptId, { seconds: 51, generation: 0 }));
  facts.push(actedFact('delivery-discarded', sampleDelivery(delivered, 'pacs').id, { seconds: 52, generation: 0 }));
  const waiting = sampleDelivery(assigned!, 'pacs');
  const queuedAgain: Fact = { ...sampleEnvelope(44, 2), type: 'ledger.delivery.due', delivery: waiting };
  facts.push(parkedFact(waiting, 43, 1), queuedAgain, parkedFact(sampleDelivery(revived!, 'pacs'), 45));
  facts.push(quarantinedFact(quarantined!, 60), receivedFact(revived!, 61, 1), confirmedFact(sampleDelivery(revived!, 'cloud'), 62));
  const retrieval: Retrieval = {
    id: 'r1',
    source: 'cloud',
    studyInstanceUid: '1.2.3',
    destinations: ['pacs'],
    lane: 'prior',
    requestedBy: 'admin',
  };
  for (const [n, state] of (['fetching', 'fetching', 'done'] as const).entries()) {
    facts.push({
      ...sampleEnvelope(70 + n),
      type: 'ledger.retrieval.changed',
      retrieval,
      state,
      instances: 9,
      fetched: n * 4,
      fromCache: 1,
    });
  }
  facts.push({
    ...sampleEnvelope(80),
    type: 'ledger.destination.changed',
    destination: 'cloud',
    state: 'paused',
    reason: 'connect ECONNREFUSED',
  });
  const altered = { ...sampleInstance(0, 9), sopInstanceUid: original!.sopInstanceUid };
  const elsewhere = { ...sampleInstance(2, 10), sopInstanceUid: original!.sopInstanceUid };
  facts.push(receivedFact(altered, 90), receivedFact(elsewhere, 91));
  facts.push({ ...sampleEnvelope(81), type: 'ledger.destination.changed', destination: 'cloud', state: 'open' });
  facts.push(...movedByCoercion(), ...fetchedTwice());
  return facts;
}

/** Coercion gave it the Study Instance UID of another study, where another receipt has its SOP Instance UID. */
function movedByCoercion(): Fact[] {
  const received = sampleInstance(3, 11);
  const coerced = { ...received, studyInstanceUid: sampleInstance(4, 12).studyInstanceUid! };
  const other = { ...sampleInstance(4, 12), sopInstanceUid: received.sopInstanceUid };
  return [receivedFact(received, 92), receivedFact(other, 93), readyFact(coerced, 94)];
}

/** A retrieval that was taken up again fetched the instance anew: the delivery, by its id the same, is of the second receipt. */
function fetchedTwice(): Fact[] {
  const [first, second] = [13, 14].map((n) => ({
    ...sampleInstance(5, n),
    sopInstanceUid: '1.2.826.0.1.3680043.99.5.1.13',
    objectKey: objectKey(`retrieved/cloud/${'a'.repeat(32)}/${n}.dcm`),
  }));
  const of = (instance: Instance): Delivery => ({
    ...sampleDelivery(instance, 'pacs'),
    id: `019b8e5a-0000-7000-8000-000000000000-${'a'.repeat(32)}.pacs`,
  });
  const due = (instance: Instance, seconds: number): Fact => ({
    ...sampleEnvelope(seconds),
    type: 'ledger.delivery.due',
    delivery: of(instance),
  });
  return [due(first!, 95), due(second!, 96), confirmedFact(of(second!), 97)];
}
