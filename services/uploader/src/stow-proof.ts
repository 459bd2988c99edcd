// Asks an archive what it really has: by a search (QIDO-RS, PS3.18 section 10.6), and by fetching the instance back (WADO-RS, section 10.4).
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import type { HttpClient } from '@causeway/shared/dicomweb/http-client';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import { describeError } from '@causeway/shared/errors';
import { originalOf } from '@causeway/shared/events/delivery';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { Clock } from './circuit-breaker.ts';
import { type Content, compareContent, contentOf, type Likeness } from './content-comparison.ts';
import { dataSetOf } from './outbound-object.ts';
import type { Parcel } from './sender.ts';
import { type InstanceMatch, parseInstanceMatches } from './stow-answer.ts';
import { readAnswer } from './stow-request.ts';

export interface ProofParts {
  readonly client: HttpClient;
  readonly store: ObjectStore;
  readonly clock: Pick<Clock, 'after'>;
  readonly idleMs: number;
  readonly signal: AbortSignal;
}

/** unanswered: nothing was learnt, ask another time. */
export type Search = { readonly kind: 'found'; readonly match: InstanceMatch } | { readonly kind: 'absent' } | Unanswered;
/** not-offered: the archive gives nothing back; a search alone did find the instance. */
export type Retrieval = Likeness | { readonly kind: 'absent' | 'not-offered' } | Unanswered;
interface Unanswered {
  readonly kind: 'unanswered';
  readonly reason: string;
}

/** Archives that index behind their answer are given so long, 7.75 s in all; what is not found then is sent again. */
const SEARCH_AGAIN_AFTER_MS: readonly number[] = [250, 500, 1000, 2000, 4000];
const MAX_REFUSAL_BYTES = 64 * 1024;
const MAX_GROUP_2_BYTES = 1024 * 1024;
/** As the archive has it: nothing is transcoded for the comparison. */
const AS_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*';
/** The archive has no such service, or none for us: no fault of the instance, and it will not pass. */
const NOT_OFFERED = new Set([403, 404, 405, 406, 501]);

export class StowProof {
  readonly #parts: ProofParts;

  constructor(parts: ProofParts) {
    this.#parts = parts;
  }

  /** Searches until it is found, with growing delays. */
  async searchPatiently(parcel: Parcel): Promise<Search> {
    let search = await this.search(parcel);
    for (const delayMs of SEARCH_AGAIN_AFTER_MS) {
      if (search.kind === 'found' || this.#parts.signal.aborted) break;
      await this.#wait(delayMs);
      search = await this.search(parcel);
    }
    return search;
  }

  async search({ object, delivery }: Parcel): Promise<Search> {
    const { client, signal, idleMs } = this.#parts;
    const uid = object.meta.sopInstanceUid;
    const study = delivery.instance.studyInstanceUid;
    const query = new URLSearchParams({ SOPInstanceUID: uid, ...(study === undefined ? {} : { StudyInstanceUID: study }), limit: '2' });
    try {
      const response = await client.request({
        method: 'GET',
        path: '/instances',
        query,
        headers: { accept: 'application/dicom+json' },
        signal,
      });
      const answer = await readAnswer(response, idleMs);
      if (response.statusCode === 204 || response.statusCode === 404) return { kind: 'absent' };
      if (response.statusCode !== 200) return { kind: 'unanswered', reason: `the search was answered with HTTP ${response.statusCode}` };
      const matches = await parseInstanceMatches(answer);
      if (matches === undefined) return { kind: 'unanswered', reason: 'the answer to the search cannot be read' };
      const match = matches.find(({ sopInstanceUid }) => sopInstanceUid === uid);
      return match === undefined ? { kind: 'absent' } : { kind: 'found', match };
    } catch (error) {
      return { kind: 'unanswered', reason: `the search failed: ${describeError(error)}` };
    }
  }

  /** Fetches what is stored under the SOP Instance UID, and compares it with every encoding of this delivery that counts as ours. */
  async compare(parcel: Parcel, match: InstanceMatch): Promise<Retrieval> {
    try {
      const theirs = await this.#retrieve(parcel, match);
      if (!('digest' in theirs)) return theirs;
      if (encodingsOf(parcel).has(theirs.digest)) return { kind: 'identical' };
      return compareContent(await contentOf(dataSetOf(this.#parts.store, parcel.object), parcel.object.meta.transferSyntaxUid), theirs);
    } catch (error) {
      return { kind: 'unanswered', reason: `what is stored could not be compared: ${describeError(error)}` };
    }
  }

  async #retrieve(parcel: Parcel, match: InstanceMatch): Promise<Content | Exclude<Retrieval, Likeness>> {
    const { client, signal } = this.#parts;
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = { ...parcel.delivery.instance, ...known(match) };
    const path = `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;
    if (studyInstanceUid === undefined || seriesInstanceUid === undefined) return { kind: 'not-offered' };
    const response = await client.request({ method: 'GET', path, headers: { accept: AS_STORED }, signal });
    if (response.statusCode === 200) return await storedContent(response.body, String(response.headers['content-type'] ?? ''));
    await response.body.dump({ limit: MAX_REFUSAL_BYTES }).catch(() => {});
    if (response.statusCode === 410) return { kind: 'absent' };
    if (NOT_OFFERED.has(response.statusCode)) return { kind: 'not-offered' };
    return { kind: 'unanswered', reason: `fetching what is stored was answered with HTTP ${response.statusCode}` };
  }

  #wait(delayMs: number): Promise<void> {
    const { clock, signal } = this.#parts;
    return new Promise((resolve) => {
      const timer = clock.after(delayMs, done);
      function done(): void {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }
}

/** Digests of the forms that this delivery has: each of them is it. What coercion on delivery changed is not what is stored here. */
function encodingsOf({ object, delivery }: Parcel): Set<string> {
  if (object.change !== undefined) return new Set(object.change.digest === undefined ? [] : [object.change.digest]);
  const forms = [object.ref, originalOf(delivery), delivery.compressed, delivery.derivation?.object];
  return new Set(forms.flatMap((form) => form?.digest ?? []));
}

const known = ({ sopInstanceUid, studyInstanceUid, seriesInstanceUid }: InstanceMatch) => ({
  sopInstanceUid,
  ...(studyInstanceUid === undefined ? {} : { studyInstanceUid }),
  ...(seriesInstanceUid === undefined ? {} : { seriesInstanceUid }),
});

/** The one instance of a multipart answer, or an answer that is the Part 10 file itself. Throws when it is neither, or breaks off. */
async function storedContent(body: AsyncIterable<Buffer>, contentType: string): Promise<Content> {
  if (!contentType.startsWith('multipart/')) return await fileContent(body);
  let content: Content | undefined;
  for await (const part of readMultipart(body, contentType)) content ??= await fileContent(part.body);
  if (content === undefined) throw new Error('the answer holds no instance');
  return content;
}

async function fileContent(file: AsyncIterable<Buffer>): Promise<Content> {
  const chunks = file[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  for (;;) {
    const parsed = parseFileMeta(head);
    if (parsed !== undefined) return await contentOf(rest(head.subarray(parsed.dataSetOffset), chunks), parsed.meta.transferSyntaxUid);
    const next = await chunks.next();
    if (next.done || head.length > MAX_GROUP_2_BYTES) throw new DicomParseError('what is stored has no group 2', { offset: head.length });
    head = Buffer.concat([head, next.value]);
  }
}

async function* rest(first: Buffer, chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  if (first.length > 0) yield first;
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
}
