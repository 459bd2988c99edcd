// The projection: facts in, rows out. Facts may come late, twice and in any order; the rows are the same in the end.
import type { Fact, FactOf } from '../events/facts.ts';
import type { Instance } from '../events/instance.ts';
import { type AssociationRow, associationRowOf, insertAssociations } from './association-rows.ts';
import { applyCommitmentReports, type CommitmentReportRow, mergedReport } from './commitment-rows.ts';
import { type Conflict, noteConflicts } from './conflict-rows.ts';
import type { Database, Queryable } from './database.ts';
import {
  type Delivered,
  type DeliveryChange,
  type DeliveryRow,
  deliveryRowOf,
  mergedDelivery,
  OF_RETRIEVALS,
  upsertDeliveries,
} from './delivery-rows.ts';
import { upsertFacilityStudies } from './facility-study-rows.ts';
import { AFTER_OTHERS, DELIVERY_RANK, factOrder, INSTANCE_RANK } from './fact-order.ts';
import { type InstanceChange, type InstanceRow, instanceRowOf, mergedInstance, upsertInstances } from './instance-rows.ts';
import { recountStudies } from './kept-counts.ts';
import { MergedRows } from './merged-rows.ts';
import { applyDiscardings, insertOperatorActions, isReceiptId, type OperatorActionRow, operatorActionRowOf } from './operator-actions.ts';
import { receiptsOfDeliveries, settleOutcomes } from './outcomes.ts';
import {
  type DestinationStateRow,
  destinationStateRowOf,
  mergedDestinationState,
  mergedRetrieval,
  type RetrievalRow,
  retrievalRowOf,
  upsertDestinationStates,
  upsertRetrievals,
} from './retrieval-rows.ts';
import { storable } from './stored-text.ts';
import { ArrivalRows } from './study-arrivals.ts';
import { noteStudyFlags } from './study-flags.ts';
import {
  mergedSeries,
  mergedStudy,
  type SeriesRow,
  type StudyRow,
  seriesKeyOf,
  seriesRowOf,
  studyKeyOf,
  studyRowOf,
  upsertStudies,
} from './study-rows.ts';
import { writing } from './write-lock.ts';

type DeliveryFact = FactOf<
  'ledger.delivery.due' | 'ledger.delivery.parked' | 'ledger.delivery.attempted' | 'ledger.delivery.confirmed' | 'ledger.delivery.failed'
>;
type InstanceFact = FactOf<'ledger.instance.received' | 'ledger.instance.ready' | 'ledger.instance.quarantined' | 'ledger.instance.routed'>;

/**
 * Writes what the facts say, all or nothing; resolves with the conflicts of received instances that they brought. Throws TransientError, or PermanentError when the
 * data of a fact cannot be stored.
 */
export async function applyFacts(database: Database, facts: readonly Fact[]): Promise<Conflict[]> {
  const rows = new ProjectedRows();
  for (const fact of facts) rows.add(storable(fact));
  return facts.length > 0 ? rows.write(database) : [];
}

/** The rows that a batch of facts makes, merged in memory so that each row is written once. */
class ProjectedRows {
  readonly #studies = new MergedRows<StudyRow>(mergedStudy);
  readonly #series = new MergedRows<SeriesRow>(mergedSeries);
  readonly #instances = new MergedRows<InstanceRow>(mergedInstance);
  readonly #deliveries = new MergedRows<DeliveryRow>(mergedDelivery);
  readonly #retrievals = new MergedRows<RetrievalRow>(mergedRetrieval);
  readonly #destinations = new MergedRows<DestinationStateRow>(mergedDestinationState);
  readonly #reports = new MergedRows<CommitmentReportRow>(mergedReport);
  readonly #associations = new MergedRows<AssociationRow>((first) => first);
  readonly #actions = new MergedRows<OperatorActionRow>((first) => first);
  readonly #arrivals = new ArrivalRows();

  add(fact: Fact): void {
    this.#arrivals.add(fact);
    switch (fact.type) {
      case 'ledger.retrieval.changed':
        this.#retrievals.add(fact.retrieval.id, retrievalRowOf(fact));
        break;
      case 'ledger.destination.changed':
        this.#destinations.add(fact.destination, destinationStateRowOf(fact));
        break;
      case 'ledger.operator.acted':
        this.#actions.add(fact.id, operatorActionRowOf(fact));
        break;
      case 'ledger.commitment.reported':
        this.#reports.add(fact.commitment.id, { fact });
        break;
      case 'ledger.association.ended':
        this.#associations.add(fact.association.id, associationRowOf(fact.association));
        break;
      case 'ledger.associations.closed':
      case 'ledger.study.settled':
        break;
      case 'ledger.instance.received':
      case 'ledger.instance.ready':
      case 'ledger.instance.quarantined':
      case 'ledger.instance.routed':
        this.#addInstanceFact(fact);
        break;
      default:
        this.#addDeliveryFact(fact);
    }
  }

  /** In one transaction, one writer at a time. */
  async write(database: Database): Promise<Conflict[]> {
    return writing(database, async (transaction) => {
      const touched = this.#maybeDiscarded();
      const receiptIds = await this.#receipts(transaction, touched.receiptIds);
      await upsertStudies(transaction, this.#studies.sorted(), this.#series.sorted());
      const received = await upsertInstances(transaction, this.#instances.sorted());
      await this.#arrivals.write(transaction);
      await upsertFacilityStudies(transaction, this.#instances.sorted());
      await upsertDeliveries(transaction, this.#deliveries.sorted());
      await upsertRetrievals(transaction, this.#retrievals.sorted());
      await upsertDestinationStates(transaction, this.#destinations.sorted());
      await applyCommitmentReports(transaction, this.#reports.sorted());
      await insertAssociations(transaction, this.#associations.sorted());
      await insertOperatorActions(transaction, this.#actions.sorted());
      await applyDiscardings(transaction, touched);
      await settleOutcomes(transaction, receiptIds);
      await recountStudies(transaction);
      await noteStudyFlags(transaction, this.#instances.sorted());
      return noteConflicts(transaction, received);
    });
  }

  #addInstanceFact(fact: InstanceFact): void {
    this.#addInstance(fact.instance, instanceChangeOf(fact));
    if (fact.type !== 'ledger.instance.routed') return;
    const { occurredAt: at, generation } = fact;
    const change: DeliveryChange = { state: 'due', order: factOrder(fact, DELIVERY_RANK.due), at, generation };
    const delivered = deliveredOf(fact.instance);
    for (const delivery of fact.deliveries) this.#deliveries.add(delivery.id, deliveryRowOf(delivery, delivered, change));
  }

  #addDeliveryFact(fact: DeliveryFact): void {
    const { delivery } = fact;
    // A delivery has generations of its own (retries); they say nothing about those of the instance.
    const implied = { state: 'routed', at: fact.occurredAt, generation: 0 } as const;
    const order = factOrder({ ...fact, generation: 0 }, INSTANCE_RANK.implied);
    const facilities = delivery.facility === undefined ? [] : [delivery.facility];
    this.#addInstance(delivery.instance, { ...implied, order, facility: fact.facility, facilities });
    this.#deliveries.add(delivery.id, deliveryRowOf(delivery, deliveredOf(delivery.instance), deliveryChangeOf(fact)));
  }

  #addInstance(instance: Instance, change: InstanceChange): void {
    this.#instances.add(instance.receiptId, instanceRowOf(instance, change));
    this.#studies.add(studyKeyOf(instance), studyRowOf(instance, change.order));
    this.#series.add(`${studyKeyOf(instance)} ${seriesKeyOf(instance)}`, seriesRowOf(instance, change.order));
  }

  /** All whose outcome may change: also those of deliveries that are discarded, or that a retrieval fetched anew and so takes from an earlier receipt. */
  async #receipts(transaction: Queryable, own: readonly string[]): Promise<string[]> {
    const fetched = this.#deliveries.sorted().flatMap((row) => (row.filed_under === OF_RETRIEVALS ? [row.id] : []));
    const further = await receiptsOfDeliveries(transaction, [...this.#subjects('delivery-discarded'), ...fetched]);
    return [...new Set([...own.filter(isReceiptId), ...further])];
  }

  #maybeDiscarded(): { receiptIds: string[]; deliveryIds: string[] } {
    return {
      receiptIds: [...this.#instances.sorted().map((row) => row.receipt_id), ...this.#subjects('instance-discarded')],
      deliveryIds: [...this.#deliveries.sorted().map((row) => row.id), ...this.#subjects('delivery-discarded')],
    };
  }

  #subjects(action: OperatorActionRow['action']): string[] {
    return this.#actions.sorted().flatMap((row) => (row.action === action ? [row.subject] : []));
  }
}

const deliveredOf = (instance: Instance): Delivered => ({
  receiptId: instance.receiptId,
  studyKey: studyKeyOf(instance),
  lane: instance.lane,
});

function instanceChangeOf(fact: InstanceFact): InstanceChange {
  const { occurredAt: at, generation, facility } = fact;
  const base = { at, generation, facility };
  switch (fact.type) {
    case 'ledger.instance.received':
      return { ...base, state: 'received', order: factOrder(fact, INSTANCE_RANK.received) };
    case 'ledger.instance.ready':
      return { ...base, state: 'ready', order: factOrder(fact, INSTANCE_RANK.ready), compression: fact.compression };
    case 'ledger.instance.quarantined':
      return { ...base, state: 'quarantined', order: factOrder(fact, INSTANCE_RANK.quarantined), reason: `${fact.step}: ${fact.reason}` };
    case 'ledger.instance.routed':
      return {
        ...base,
        state: fact.held ? 'held' : 'routed',
        order: factOrder(fact, INSTANCE_RANK.decided),
        facilities: fact.facilities.map(({ id }) => id),
        held: fact.held,
        revision: fact.revision,
        compression: fact.compression,
      };
  }
}

function deliveryChangeOf(fact: DeliveryFact): DeliveryChange {
  const { occurredAt: at, generation } = fact;
  switch (fact.type) {
    case 'ledger.delivery.due':
      return { at, generation, state: 'due', order: factOrder(fact, DELIVERY_RANK.due) };
    case 'ledger.delivery.parked': {
      // On its way back from a derivation it may have been tried before, in the same generation.
      const rank = fact.delivery.derivation === undefined ? DELIVERY_RANK.parked : DELIVERY_RANK.retrying;
      return { at, generation, state: 'parked', order: factOrder(fact, rank, AFTER_OTHERS), reason: fact.reason };
    }
    case 'ledger.delivery.attempted': {
      const { attempt: attempts, reason, nextAttemptAt } = fact;
      return { at, generation, state: 'retrying', order: factOrder(fact, DELIVERY_RANK.retrying), attempts, reason, nextAttemptAt };
    }
    case 'ledger.delivery.confirmed': {
      const { attempt: attempts, confirmation, warning, digest, coercion } = fact;
      return {
        at,
        generation,
        state: 'confirmed',
        order: factOrder(fact, DELIVERY_RANK.confirmed),
        attempts,
        confirmation,
        warning,
        digest,
        coercion,
      };
    }
    case 'ledger.delivery.failed': {
      const { attempt: attempts, reason } = fact;
      return { at, generation, state: 'failed', order: factOrder(fact, DELIVERY_RANK.failed), attempts, reason };
    }
  }
}
