// The retriever's sentence: a study that is due is taken from the cache when it lies there whole, else the source is asked which instances it has
// and gives what is missing; each instance goes to the destinations as soon as it is durable. What broke off is taken up where it ended.

import type { Bus } from '@causeway/shared/bus/bus';
import type { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { createHeaderReader, type HeaderReader } from '@causeway/shared/config/header-reader';
import { describeError, PermanentError, TransientError } from '@causeway/shared/errors';
import type { AssociationFacts, Instance } from '@causeway/shared/events/instance';
import type { RetrievalDue } from '@causeway/shared/events/retrieval';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { DeliveryAnnouncer } from './announce-delivery.ts';
import { type Arrival, InstanceRefused, storeArriving } from './arriving-instance.ts';
import { describeCached } from './describe-cached.ts';
import type { KeyedTurns } from './keyed-turns.ts';
import { RetrievalProgress } from './retrieval-progress.ts';
import type { RetrieverMetrics } from './retriever-metrics.ts';
import type { ListedInstance, SourceClient } from './source-client.ts';
import { StudyCache, type StudyList } from './study-cache.ts';

export interface RetrieveParts {
  readonly bus: Bus;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
  readonly store: ObjectStore;
  readonly log: Logger;
  readonly metrics: RetrieverMetrics;
  readonly revision: () => Revision | undefined;
  /** One retrieval of a study at a time in this process: the second finds the cache filled. */
  readonly turns: KeyedTurns;
  readonly now: () => Date;
}

/** A source that is out of reach for so long is not waited for any more: nobody waits for the study either. */
const GIVE_UP_AFTER_MS = 24 * 3_600_000;
/** Instances asked for at a time when they are fetched one by one. */
const FETCHES_AT_A_TIME = 4;

/**
 * Resolves when every instance is set in motion, or when the retrieval failed for good and the ledger was told. Throws TransientError: to be given back.
 * `signal`: ends what is under way when the service drains.
 */
export async function retrieve(
  parts: RetrieveParts,
  client: SourceClient,
  work: { due: RetrievalDue; signal: AbortSignal },
): Promise<void> {
  const { due } = work;
  const progress = new RetrievalProgress(parts.bus, due);
  const { id, source } = due.retrieval;
  try {
    const revision = requireConfigured(parts, due);
    const key = `${source} ${due.retrieval.studyInstanceUid}`;
    await parts.turns.take(key, () => new StudyRetrieval({ parts, client, work, revision, progress }).run());
    await progress.tell('done');
    parts.metrics.retrieved(source, 'done');
    parts.log.info({ retrieval: id, source, fetched: progress.fetched, fromCache: progress.fromCache }, 'study retrieved');
  } catch (error) {
    const reason = describeError(error);
    const givenUp = parts.now().getTime() - Date.parse(due.occurredAt) > GIVE_UP_AFTER_MS;
    parts.log.warn({ retrieval: id, source, fetched: progress.fetched, reason }, 'study not retrieved');
    if (!(error instanceof PermanentError) && !givenUp) {
      await progress.tell('fetching', reason);
      throw error;
    }
    await progress.tell('failed', reason);
    parts.metrics.retrieved(source, 'failed');
  }
}

function requireConfigured({ revision }: RetrieveParts, { retrieval }: RetrievalDue): Revision {
  const current = revision();
  if (current === undefined) throw new TransientError('no gateway document was published yet');
  const { document } = current;
  if (!document.retrieval.sources.some(({ id }) => id === retrieval.source))
    throw new PermanentError(`no source ${retrieval.source} is configured`);
  const unknown = retrieval.destinations.filter((wanted) => !document.destinations.some(({ id }) => id === wanted));
  if (unknown.length > 0) throw new PermanentError(`no destination ${unknown.join(', ')} is configured`);
  return current;
}

interface StudyParts {
  readonly parts: RetrieveParts;
  readonly client: SourceClient;
  readonly work: { readonly due: RetrievalDue; readonly signal: AbortSignal };
  readonly revision: Revision;
  readonly progress: RetrievalProgress;
}

interface Fetching {
  readonly missing: Map<string, ListedInstance>;
  readonly list: StudyList;
}

class StudyRetrieval {
  readonly #given: StudyParts;
  readonly #study: string;
  readonly #cache: StudyCache;
  readonly #header: HeaderReader;
  readonly #announcer: DeliveryAnnouncer;
  readonly #refused: PermanentError[] = [];

  constructor(given: StudyParts) {
    const { parts, work, revision } = given;
    this.#given = given;
    this.#study = work.due.retrieval.studyInstanceUid;
    this.#cache = new StudyCache(parts.store, work.due.retrieval.source, this.#study);
    this.#header = createHeaderReader(revision.document);
    this.#announcer = new DeliveryAnnouncer(parts, work.due, revision.revision);
  }

  async run(): Promise<void> {
    const { parts, revision } = this.#given;
    await this.#cache.look(new Date(parts.now().getTime() - revision.document.retrieval.cache.keep));
    const complete = await this.#cache.complete();
    if (complete === undefined) await this.#askSource();
    else for await (const instance of complete) await this.#announce(instance, 'fromCache');
    await this.#announcer.settled();
  }

  async #askSource(): Promise<void> {
    const { client, progress, work } = this.#given;
    const missing = await client.listInstances(this.#study, work.signal);
    if (missing.size === 0) throw new PermanentError(`the source has no study ${this.#study}`);
    progress.instances = missing.size;
    await progress.tell('fetching');
    const list = this.#cache.newList();
    try {
      await this.#takeFromCache(missing, list);
      await this.#fetch(missing, list);
      await this.#announcer.settled();
      this.#requireAll(missing);
      await list.commit();
    } catch (error) {
      await list.discard();
      throw error;
    }
  }

  async #takeFromCache(missing: Map<string, ListedInstance>, list: StudyList): Promise<void> {
    for (const uid of [...missing.keys()]) {
      const cached = this.#cache.find(uid);
      const instance = cached && (await describeCached(this.#given.parts.store, cached, this.#header));
      if (instance === undefined) continue;
      await this.#take(instance, list, 'fromCache');
      missing.delete(uid);
    }
  }

  /** The whole study in one answer when nothing of it is here; else, and for what did not come that way, one by one. */
  async #fetch(missing: Map<string, ListedInstance>, list: StudyList): Promise<void> {
    const { client, work, progress } = this.#given;
    if (progress.fromCache === 0) {
      const whole = () => client.openStudy(this.#study, work.signal);
      await this.#storeAll(whole, { missing, list }).catch((error: unknown) => this.#onlyPermanent(error));
    }
    this.#refused.length = 0;
    const queue = [...missing.values()];
    const fetchers = Array.from({ length: FETCHES_AT_A_TIME }, () => this.#fetchEach(queue, { missing, list }));
    const ends = await Promise.allSettled(fetchers);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  /** A failure that may pass ends the work of all; what the source refuses for good is remembered, and the others still come. */
  async #fetchEach(queue: ListedInstance[], into: Fetching): Promise<void> {
    const { client, work } = this.#given;
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const instance = next;
      try {
        await this.#storeAll(() => client.openInstance(this.#study, instance, work.signal), into);
      } catch (error) {
        if (!(error instanceof PermanentError)) queue.length = 0;
        this.#onlyPermanent(error);
      }
    }
  }

  #onlyPermanent(error: unknown): void {
    if (!(error instanceof PermanentError)) throw error;
    this.#refused.push(error);
    const { id, source } = this.#given.work.due.retrieval;
    this.#given.parts.log.warn({ retrieval: id, source, reason: describeError(error) }, 'instances refused');
  }

  async #storeAll(open: () => AsyncIterable<AsyncIterable<Buffer>>, into: Fetching): Promise<void> {
    for await (const body of open()) await this.#store(body, into);
  }

  async #store(body: AsyncIterable<Buffer>, { missing, list }: Fetching): Promise<void> {
    const { parts, work } = this.#given;
    try {
      const instance = await storeArriving(this.#arrival(), body);
      missing.delete(instance.sopInstanceUid);
      parts.metrics.fetched(work.due.retrieval.source, instance.size);
      await this.#take(instance, list, 'fetched');
    } catch (error) {
      if (!(error instanceof InstanceRefused)) throw error;
      this.#onlyPermanent(error);
    }
  }

  #arrival(): Arrival {
    const { parts, work } = this.#given;
    return {
      store: parts.store,
      header: this.#header,
      studyInstanceUid: this.#study,
      lane: work.due.retrieval.lane,
      association: this.#associationFacts(),
      keyFor: (uid, receiptId) => this.#cache.keyFor(uid, receiptId),
      now: parts.now,
    };
  }

  /** A retrieval has no association; what stands in its place names us and the source. */
  #associationFacts(): AssociationFacts {
    const { revision, work } = this.#given;
    const own = revision.document.gateway.aeTitle;
    return { callingAe: own, calledAe: own, source: work.due.retrieval.source, listener: 'retrieval' };
  }

  async #take(instance: Instance, list: StudyList, origin: 'fetched' | 'fromCache'): Promise<void> {
    await list.add(instance);
    await this.#announce(instance, origin);
  }

  async #announce(instance: Instance, origin: 'fetched' | 'fromCache'): Promise<void> {
    await this.#announcer.add(instance);
    await this.#given.progress.count(origin);
    if (origin === 'fromCache') this.#given.parts.metrics.fromCache(this.#given.work.due.retrieval.source);
  }

  /** What came is delivered all the same; but a study that is not whole is never called done. */
  #requireAll(missing: Map<string, ListedInstance>): void {
    if (missing.size === 0 && this.#refused.length === 0) return;
    const first = missing.keys().next().value ?? 'of its number';
    const why = this.#refused[0] === undefined ? 'the source lists them and does not give them' : describeError(this.#refused[0]);
    throw new PermanentError(`${Math.max(missing.size, this.#refused.length)} instances of the study did not come, first ${first}: ${why}`);
  }
}
