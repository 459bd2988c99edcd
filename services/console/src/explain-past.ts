// Explains what was received: with the revision of the document that decided, and what the instances of the same study before it had matched.
import { setImmediate as turn } from 'node:timers/promises';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { explainInstance } from '@causeway/shared/config/explain-instance';
import { Rehearsal } from '@causeway/shared/config/rehearsal';
import { headerReaderFor, type StoredHeader } from '@causeway/shared/config/stored-header';
import type { Database } from '@causeway/shared/database/database';
import { type DecidedInstance, findRecordedDeliveries, type RecordedDelivery } from '@causeway/shared/database/header-queries';
import { type ExplainedInstance, explainedFetched, explainedReceipt } from './explained-instance.ts';
import { PastRevisions } from './past-revisions.ts';

export interface PastToExplain {
  readonly wanted: readonly DecidedInstance[];
  /** Of their study, in the order of receipt; `wanted` among them. */
  readonly study: readonly DecidedInstance[];
  /** That holds now: for what is not routed yet, and where the revision that decided is not on record. */
  readonly current: Revision;
}

/** In the order of `wanted`. */
export async function explainPast(database: Database, { wanted, study, current }: PastToExplain): Promise<ExplainedInstance[]> {
  const revisions = new PastRevisions(database);
  const recorded = await findRecordedDeliveries(
    database,
    wanted.map(({ receiptId }) => receiptId),
  );
  const explained = new Map<string, ExplainedInstance>();
  for (const asked of new Set(wanted.map(({ routingRevision }) => routingRevision))) {
    const revision = (asked === null ? undefined : await revisions.find(asked)) ?? current;
    const chosen = new Set(wanted.filter(({ routingRevision }) => routingRevision === asked).map(({ receiptId }) => receiptId));
    for await (const one of explainedBy(revision, { study, chosen, revisions, recorded })) explained.set(one.receiptId!, one);
  }
  return wanted.map(({ receiptId }) => explained.get(receiptId)!);
}

interface Explaining {
  readonly study: readonly DecidedInstance[];
  readonly chosen: ReadonlySet<string>;
  readonly revisions: PastRevisions;
  readonly recorded: readonly RecordedDelivery[];
}

async function* explainedBy({ document, revision }: Revision, by: Explaining): AsyncGenerator<ExplainedInstance> {
  const rehearsal = new Rehearsal(document);
  const read = headerReaderFor(document);
  for (const decided of by.study) {
    const deliveries = by.recorded.filter(({ receiptId }) => receiptId === decided.receiptId);
    const isChosen = by.chosen.has(decided.receiptId);
    if (decided.fetched) {
      if (isChosen) yield explainedFetched(decided, deliveries);
      continue;
    }
    const header = await headerOf(decided, by.revisions);
    if (isChosen) {
      const { attributes, missed } = read(header);
      const explanation = explainInstance(document, { ...header, attributes, studyEndpoints: rehearsal.studyEndpoints(header) });
      yield explainedReceipt(explanation, { decided, deliveries, document, revision, missed });
      await turn();
    }
    rehearsal.decide({ ...header, began: true });
  }
}

const headerOf = async (decided: DecidedInstance, revisions: PastRevisions): Promise<StoredHeader> => ({
  association: decided.association,
  sopClassUid: decided.sopClassUid,
  attributes: decided.attributes,
  studyInstanceUid: decided.studyInstanceUid ?? undefined,
  readPaths: await revisions.readPaths(decided),
});
