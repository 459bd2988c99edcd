// Sends batches by STOW-RS (PS3.18 section 10.5): one streamed multipart request, its answer read instance by instance.
import { Readable } from 'node:stream';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import { readText } from '@causeway/shared/dicomweb/http-authorization';
import { createHttpClient, type HttpClient, retryAfterMs } from '@causeway/shared/dicomweb/http-client';
import { type MultipartBody, multipartRelated } from '@causeway/shared/dicomweb/multipart-writer';
import { describeError, TransientError } from '@causeway/shared/errors';
import { faultOfError } from './connection-fault.ts';
import type { Delivered, HttpVerdict, Outcome } from './delivery-outcome.ts';
import { hexStatus, judgeHttpStatus, transient, unknownOutcome } from './delivery-outcome.ts';
import type { StowSettings } from './destination-settings.ts';
import { sourceOutcome, wholeObject } from './outbound-object.ts';
import type { Parcel, Sender, SenderParts } from './sender.ts';
import { parseInstanceMatches, parseStowAnswer } from './stow-answer.ts';
import { failedOutcome, type StowOutcome, stowOutcome } from './stow-outcome.ts';

/** The answer to the largest batch (instances x some 500 bytes) is far below it; more is not read. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** The text of a refusal is not used (it may repeat patient data); so much is read to keep the connection. */
const MAX_REFUSAL_BYTES = 64 * 1024;
/** A longer Retry-After is taken as this: the destination is asked again at least once an hour. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** Chunk of the object that is on its way to the socket, at most this and the one behind it. */
const BODY_CHUNK_BYTES = 64 * 1024;
const DICOM_JSON = 'application/dicom+json';

export interface StowParts extends SenderParts {
  readonly readSecret: SecretReader;
}

export function createStowSender(settings: StowSettings, parts: StowParts): Sender {
  return new StowSender(settings, parts);
}

/** What the request came to: a status to judge, or the error that ended it. */
type Answer = { readonly status: number; readonly text: string | undefined; readonly retryAfterMs: number | undefined };

class StowSender implements Sender {
  readonly batch: Sender['batch'];
  readonly ahead = 0;
  readonly #settings: StowSettings;
  readonly #parts: StowParts;
  readonly #abort = new AbortController();
  /** Clients in use, with the requests under way on each: one that was reset is closed when its last request ends. */
  #client: Lease | undefined;
  readonly #leases = new Set<Lease>();

  constructor(settings: StowSettings, parts: StowParts) {
    this.#settings = settings;
    this.#parts = parts;
    this.batch = settings.batch;
  }

  async send(parcels: readonly Parcel[]): Promise<Outcome[]> {
    const lease = this.#lease();
    lease.requests += 1;
    try {
      return await this.#sendBy(await lease.client, parcels);
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
    const { url, auth, tls, proxy, timeouts, concurrency } = this.#settings;
    const client = createHttpClient({
      ...{ url, auth, tls, proxy, readSecret: this.#parts.readSecret, connections: concurrency },
      timeouts: { connectMs: timeouts.connect, idleMs: timeouts.idle },
    });
    this.#client = { client, requests: 0, retired: false };
    this.#leases.add(this.#client);
    return this.#client;
  }

  async #closeIfDone(lease: Lease): Promise<void> {
    if (!lease.retired || lease.requests > 0 || !this.#leases.delete(lease)) return;
    if (this.#client === lease) this.#client = undefined;
    await lease.client.then((client) => client.close()).catch(() => {});
  }

  async #sendBy(client: HttpClient, parcels: readonly Parcel[]): Promise<Outcome[]> {
    if (parcels.length === 0) return [];
    const source: SourceFailure = {};
    let answer: Answer;
    try {
      answer = await this.#post(client, this.#body(parcels, source));
    } catch (error) {
      return await this.#afterError(client, parcels, { error, source });
    }
    const verdict = judgeHttpStatus(answer.status);
    if (verdict === 'per-instance') return await this.#readPerInstance(client, parcels, answer);
    if (verdict === 'split' || verdict === 'syntax') return await this.#isolate(client, parcels, { verdict, answer });
    const words = `HTTP ${answer.status}`;
    if (verdict === 'pause') return parcels.map(() => transient(words, 'down', answer.retryAfterMs));
    return parcels.map(() => unknownOutcome(words, 'suspect', answer.retryAfterMs));
  }

  #body(parcels: readonly Parcel[], source: SourceFailure): MultipartBody {
    const parts = parcels.map((parcel) => ({
      // Without transfer-syntax parameter: group 2 says it, and Orthanc 1.10 passes over parts that have one, with a 200.
      contentType: 'application/dicom',
      size: parcel.object.ref.size,
      open: () => this.#read(parcel, source),
    }));
    return multipartRelated(parts, { type: 'application/dicom' });
  }

  async *#read(parcel: Parcel, source: SourceFailure): AsyncGenerator<Buffer> {
    try {
      yield* wholeObject(this.#parts.store, parcel.object);
    } catch (error) {
      source.failure = { parcel, error };
      throw error;
    }
  }

  /** Rejects when the connection failed or the object could not be read. */
  async #post(client: HttpClient, body: MultipartBody): Promise<Answer> {
    const stream = Readable.from(body.chunks(), { objectMode: false, highWaterMark: BODY_CHUNK_BYTES });
    const response = await client.request({
      method: 'POST',
      path: '/studies',
      headers: { 'content-type': body.contentType, 'content-length': String(body.contentLength), accept: DICOM_JSON },
      body: stream,
      signal: this.#abort.signal,
    });
    const judged = judgeHttpStatus(response.statusCode);
    const wait = retryAfterMs(response.headers['retry-after']);
    const text = judged === 'per-instance' ? await readAnswer(response.body) : undefined;
    // A dump that breaks off costs the connection, not the answer that is already known.
    if (text === undefined) await response.body.dump({ limit: MAX_REFUSAL_BYTES }).catch(() => {});
    return { status: response.statusCode, text, retryAfterMs: wait === undefined ? undefined : Math.min(wait, MAX_RETRY_AFTER_MS) };
  }

  /** An object that cannot be read is left out and the others go again; after any other error the outcome of all is unknown. */
  async #afterError(client: HttpClient, parcels: readonly Parcel[], failed: { error: unknown; source: SourceFailure }): Promise<Outcome[]> {
    const { failure } = failed.source;
    if (failure === undefined) return parcels.map(() => unknownOutcome(describeError(failed.error), faultOfError(failed.error)));
    const others = await this.#sendBy(
      client,
      parcels.filter((parcel) => parcel !== failure.parcel),
    );
    const own = sourceOutcome(failure.error);
    return parcels.map((parcel) => (parcel === failure.parcel ? own : others.shift()!));
  }

  /** Sends each alone, to find out which one the archive means; stops when it turns out that the destination has a fault. */
  async #isolate(client: HttpClient, parcels: readonly Parcel[], refused: { verdict: HttpVerdict; answer: Answer }): Promise<Outcome[]> {
    const { verdict, answer } = refused;
    if (parcels.length === 1)
      return [{ kind: 'permanent', reason: `HTTP ${answer.status}`, because: verdict === 'syntax' ? 'syntax' : 'instance' }];
    const outcomes: Outcome[] = [];
    for (const parcel of parcels) {
      const [outcome] = await this.#sendBy(client, [parcel]);
      outcomes.push(outcome!);
      if (outcome!.kind === 'transient' && outcome!.fault !== 'none') break;
    }
    return parcels.map((_, place) => outcomes[place] ?? transient('not sent: the destination failed before its turn', 'none'));
  }

  async #readPerInstance(client: HttpClient, parcels: readonly Parcel[], answer: Answer): Promise<Outcome[]> {
    const parsed = answer.text === undefined ? undefined : parseStowAnswer(answer.text);
    const outcomes = parcels.map(({ object }) => stowOutcome(parsed, answer.status, object.meta.sopInstanceUid));
    if (parcels.length === 1 && outcomes[0]!.kind === 'refused' && parsed?.otherFailures.length === 1) {
      outcomes[0] = failedOutcome(parsed.otherFailures[0]);
    }
    return await Promise.all(outcomes.map((outcome, place) => this.#prove(client, parcels[place]!, outcome)));
  }

  /** What is said to be there already, and with `confirm: qido` everything, is looked up before it counts as delivered. */
  async #prove(client: HttpClient, parcel: Parcel, outcome: StowOutcome): Promise<Outcome> {
    if (outcome.kind === 'already-stored') {
      const words = `Failure Reason ${hexStatus(outcome.reason)} (already stored)`;
      if (!parcel.resend) return { kind: 'refused', reason: `${words}, and not by this delivery: the content may be another` };
      return await this.#lookUp(client, parcel, { kind: 'delivered', confirmation: 'stow already-stored', warning: words });
    }
    if (outcome.kind !== 'delivered' || this.#settings.confirm !== 'qido') return outcome;
    return await this.#lookUp(client, parcel, outcome);
  }

  /** A query that finds nothing is a refusal; one that was not answered says nothing against the instance. */
  async #lookUp(client: HttpClient, parcel: Parcel, said: Delivered): Promise<Outcome> {
    const there = await this.#isThere(client, parcel);
    if (there === undefined) return unknownOutcome(`${said.confirmation}, but the query for it was not answered`, 'suspect');
    if (!there) return { kind: 'refused', reason: `${said.confirmation}, but a query does not find the instance`, mayHaveArrived: true };
    return { ...said, confirmation: `${said.confirmation} + qido` };
  }

  /** undefined: the archive did not answer the query (PS3.18 section 10.6.3.3: 200, or 204 for nothing found). */
  async #isThere(client: HttpClient, { object, delivery }: Parcel): Promise<boolean | undefined> {
    const uid = object.meta.sopInstanceUid;
    const study = delivery.instance.studyInstanceUid;
    const query = new URLSearchParams({ SOPInstanceUID: uid, ...(study === undefined ? {} : { StudyInstanceUID: study }), limit: '2' });
    try {
      const request = { method: 'GET', path: '/instances', query, headers: { accept: DICOM_JSON }, signal: this.#abort.signal } as const;
      const response = await client.request(request);
      const text = await readText(response.body, MAX_ANSWER_BYTES);
      if (response.statusCode === 204 || response.statusCode === 404) return false;
      return response.statusCode === 200 ? parseInstanceMatches(text).includes(uid) : undefined;
    } catch {
      return undefined;
    }
  }
}

/** An answer that is too long is no answer: empty text. Rejects when the connection ends. */
async function readAnswer(body: AsyncIterable<Buffer>): Promise<string> {
  try {
    return await readText(body, MAX_ANSWER_BYTES);
  } catch (error) {
    if (error instanceof TransientError) return '';
    throw error;
  }
}

interface Lease {
  readonly client: Promise<HttpClient>;
  requests: number;
  retired: boolean;
}

/** Set by the producer of the body when the object, not the network, was the cause. */
interface SourceFailure {
  failure?: { readonly parcel: Parcel; readonly error: unknown };
}
