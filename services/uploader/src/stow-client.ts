// Sends batches by STOW-RS (PS3.18 section 10.5), and takes nothing as delivered that the archive does not name, or prove to have.
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import { createHttpClient, type HttpClient } from '@causeway/shared/dicomweb/http-client';
import { describeError, TransientError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';
import type { Clock } from './circuit-breaker.ts';
import { faultOfError, surelyUnsent } from './connection-fault.ts';
import { httpWords, judgeHttpStatus, type Outcome, transient, unknownOutcome } from './delivery-outcome.ts';
import type { StowSettings } from './destination-settings.ts';
import { sourceOutcome } from './outbound-object.ts';
import type { Parcel, Sender, SenderParts } from './sender.ts';
import { parseStowAnswer } from './stow-answer.ts';
import { BatchLimit, bySyntax, halves } from './stow-batch.ts';
import { failedOutcome, type StowOutcome, stowOutcome } from './stow-outcome.ts';
import { StowProof } from './stow-proof.ts';
import { postInstances, type SourceFailure, type StowReply } from './stow-request.ts';
import { provenOutcome } from './stow-verdict.ts';

export interface StowParts extends SenderParts {
  readonly readSecret: SecretReader;
  readonly clock: Clock;
  readonly log: Logger;
}

export function createStowSender(settings: StowSettings, parts: StowParts): Sender {
  return new StowSender(settings, parts);
}

/** What a request is sent with. */
interface Way {
  readonly client: HttpClient;
  readonly proof: StowProof;
}

interface Lease {
  readonly way: Promise<Way>;
  requests: number;
  retired: boolean;
}

class StowSender implements Sender {
  readonly ahead = 0;
  readonly #settings: StowSettings;
  readonly #parts: StowParts;
  readonly #limit: BatchLimit;
  readonly #abort = new AbortController();
  /** Clients in use, with the requests under way on each: one that was reset is closed when its last request ends. */
  #client: Lease | undefined;
  readonly #leases = new Set<Lease>();

  constructor(settings: StowSettings, parts: StowParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.#limit = new BatchLimit(settings.batch, parts.clock);
  }

  get batch(): Sender['batch'] {
    return this.#limit.now();
  }

  async send(parcels: readonly Parcel[]): Promise<Outcome[]> {
    const lease = this.#lease();
    lease.requests += 1;
    try {
      return await this.#sendBy(await lease.way, parcels);
    } catch (error) {
      lease.retired = true;
      return parcels.map(() => transient(describeError(error), 'down'));
    } finally {
      lease.requests -= 1;
      await this.#closeIfDone(lease);
    }
  }

  reset(): void {
    if (this.#client === undefined) return;
    this.#client.retired = true;
    void this.#closeIfDone(this.#client);
    this.#client = undefined;
  }

  async close(): Promise<void> {
    this.reset();
    await Promise.all([...this.#leases].map((lease) => this.#closeIfDone(lease)));
  }

  abort(): void {
    this.#abort.abort();
  }

  #lease(): Lease {
    if (this.#client !== undefined && !this.#client.retired) return this.#client;
    this.#client = { way: this.#open(), requests: 0, retired: false };
    this.#leases.add(this.#client);
    return this.#client;
  }

  async #open(): Promise<Way> {
    const { id, url, auth, tls, proxy, proxyAuth, timeouts, concurrency } = this.#settings;
    const { readSecret, store, clock, log } = this.#parts;
    const client = await createHttpClient({
      ...{ url, auth, tls, readSecret, connections: concurrency },
      proxy: proxy === undefined ? undefined : { url: proxy, auth: proxyAuth },
      timeouts: { connectMs: timeouts.connect, idleMs: timeouts.idle },
      warn: (reason) => log.warn({ destination: id, reason }, 'renewed certificates of a destination'),
    });
    return { client, proof: new StowProof({ client, store, clock, idleMs: timeouts.idle, signal: this.#abort.signal }) };
  }

  async #closeIfDone(lease: Lease): Promise<void> {
    if (!lease.retired || lease.requests > 0 || !this.#leases.delete(lease)) return;
    if (this.#client === lease) this.#client = undefined;
    await lease.way.then(({ client }) => client.close()).catch(() => {});
  }

  async #sendBy(way: Way, parcels: readonly Parcel[]): Promise<Outcome[]> {
    if (parcels.length === 0) return [];
    const source: SourceFailure = {};
    let reply: StowReply;
    try {
      const { client } = way;
      reply = await postInstances(
        { client, store: this.#parts.store, idleMs: this.#settings.timeouts.idle, signal: this.#abort.signal },
        parcels,
        source,
      );
    } catch (error) {
      return await this.#afterError(way, parcels, { error, source });
    }
    return await this.#judge(way, parcels, reply);
  }

  async #judge(way: Way, parcels: readonly Parcel[], reply: StowReply): Promise<Outcome[]> {
    const words = httpWords(reply.status);
    switch (judgeHttpStatus(reply.status)) {
      case 'per-instance':
        return await this.#readPerInstance(way, parcels, reply);
      case 'syntax':
        return await this.#findRefusedSyntax(way, parcels, words);
      case 'split':
        return await this.#split(way, parcels, reply);
      case 'pause':
        return parcels.map(() => transient(words, 'down', reply.retryAfterMs));
      case 'suspect':
        return parcels.map(() => unknownOutcome(words, 'suspect', reply.retryAfterMs));
    }
  }

  /** An object that cannot be read is left out and the others go again; after any other error the outcome of all is open, unless nothing can have been sent. */
  async #afterError(way: Way, parcels: readonly Parcel[], failed: { error: unknown; source: SourceFailure }): Promise<Outcome[]> {
    const { error, source } = failed;
    if (source.failure === undefined) {
      const outcome = surelyUnsent(error) ? transient : unknownOutcome;
      const waitMs = error instanceof TransientError ? error.retryAfterMs : undefined;
      return parcels.map(() => outcome(describeError(error), faultOfError(error), waitMs));
    }
    const left = source.failure;
    const others = await this.#sendBy(
      way,
      parcels.filter((parcel) => parcel !== left.parcel),
    );
    const own = sourceOutcome(left.error);
    return parcels.map((parcel) => (parcel === left.parcel ? own : others.shift()!));
  }

  /** 413, 400: halved until it is known which one the archive means. 413 with Retry-After is a state of the archive (RFC 9110 section 15.5.14). */
  async #split(way: Way, parcels: readonly Parcel[], { status, retryAfterMs }: StowReply): Promise<Outcome[]> {
    if (status === 413 && retryAfterMs !== undefined) return parcels.map(() => transient(httpWords(status), 'down', retryAfterMs));
    if (parcels.length === 1) return [{ kind: 'permanent', reason: httpWords(status), because: 'instance' }];
    if (status === 413) this.#limit.lower(parcels);
    return await this.#sendInTurn(way, halves(parcels));
  }

  /** 415: those of one class and syntax are sent together, then halved: one of them may be what is meant. */
  async #findRefusedSyntax(way: Way, parcels: readonly Parcel[], reason: string): Promise<Outcome[]> {
    if (parcels.length === 1) return [{ kind: 'permanent', reason, because: 'syntax' }];
    const kinds = bySyntax(parcels);
    const groups = kinds.length > 1 ? kinds : halves(parcels);
    const found = await this.#sendInTurn(way, groups);
    const outcomes = new Map(groups.flat().map((parcel, place) => [parcel, found[place]!]));
    return parcels.map((parcel) => outcomes.get(parcel)!);
  }

  /** Stops when it turns out that the destination has a fault. One outcome for each parcel of all groups, in their order. */
  async #sendInTurn(way: Way, groups: readonly (readonly Parcel[])[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const group of groups) {
      if (outcomes.some((outcome) => outcome.kind === 'transient' && outcome.fault !== 'none')) {
        outcomes.push(...group.map(() => transient('not sent: the destination failed before its turn', 'none')));
      } else outcomes.push(...(await this.#sendBy(way, group)));
    }
    return outcomes;
  }

  async #readPerInstance({ proof }: Way, parcels: readonly Parcel[], { raw, status }: StowReply): Promise<Outcome[]> {
    const answer = raw === undefined ? undefined : await parseStowAnswer(raw);
    const said: StowOutcome[] = parcels.map(({ object }) => stowOutcome(answer, status, object.meta.sopInstanceUid));
    // What the archive cannot name can only be the one there is.
    if (parcels.length === 1 && said[0]!.kind === 'unsaid' && answer?.otherFailures.length === 1)
      said[0] = failedOutcome(answer.otherFailures[0]);
    const { confirm } = this.#settings;
    return await Promise.all(said.map((one, place) => provenOutcome(one, parcels[place]!, { proof, confirm })));
  }
}
