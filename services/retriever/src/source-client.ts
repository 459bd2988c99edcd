// A source as the retriever asks it: which instances a study has (QIDO-RS) and their content (WADO-RS), PS3.18 sections 10.6 and 10.4.
import { DicomJsonError, parseDicomJson, uidValue } from '@causeway/shared/dicomweb/dicom-json';
import { readText } from '@causeway/shared/dicomweb/http-authorization';
import type { HttpClient } from '@causeway/shared/dicomweb/http-client';
import { MultipartError, readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import { retryAfterMs } from '@causeway/shared/dicomweb/retry-after';
import { PermanentError, TransientError } from '@causeway/shared/errors';

export interface ListedInstance {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
}

export interface SourceClient {
  /** Every instance of the study by SOP Instance UID; empty: the source has no such study. */
  listInstances(studyInstanceUid: string, signal: AbortSignal): Promise<Map<string, ListedInstance>>;
  /** Studies that match, page by page. */
  searchStudies(query: URLSearchParams, signal: AbortSignal): AsyncGenerator<FoundStudy>;
  /** Part 10 files, one after the other; each must be read before the next is asked for. A body that ends early throws TransientError. */
  openStudy(studyInstanceUid: string, signal: AbortSignal): AsyncGenerator<AsyncIterable<Buffer>>;
  openInstance(studyInstanceUid: string, instance: ListedInstance, signal: AbortSignal): AsyncGenerator<AsyncIterable<Buffer>>;
}

export interface FoundStudy {
  readonly studyInstanceUid: string;
  /** Number of Study Related Instances (0020,1208), when the source says it. */
  readonly instances: string;
}

const PAGE = 500;
/** A source that never comes to an end is not believed. */
const MAX_INSTANCES = 200_000;
const MAX_PAGE_BYTES = 32 * 1024 * 1024;
const PAUSE_WHEN_UNAUTHORIZED_MS = 60_000;
const STUDY_INSTANCE_UID = '0020000D';
const SERIES_INSTANCE_UID = '0020000E';
const SOP_INSTANCE_UID = '00080018';
const NUMBER_OF_STUDY_RELATED_INSTANCES = '00201208';

/** Whatever syntax the instance is stored in: nothing is transcoded on the way (PS3.18 section 8.7.3.5.2). */
const ACCEPT_STORED = 'multipart/related; type="application/dicom"; transfer-syntax=*';

export function createSourceClient(http: HttpClient): SourceClient {
  return {
    listInstances: (study, signal) => listInstances(http, study, signal),
    searchStudies: (query, signal) => searchStudies(http, query, signal),
    openStudy: (study, signal) => openParts(http, `/studies/${study}`, signal),
    openInstance: (study, { seriesInstanceUid, sopInstanceUid }, signal) =>
      openParts(http, `/studies/${study}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`, signal),
  };
}

async function listInstances(http: HttpClient, study: string, signal: AbortSignal): Promise<Map<string, ListedInstance>> {
  const listed = new Map<string, ListedInstance>();
  for await (const found of pages(http, {
    path: `/studies/${study}/instances`,
    query: new URLSearchParams(),
    key: SOP_INSTANCE_UID,
    signal,
  })) {
    const sopInstanceUid = uidValue(found, SOP_INSTANCE_UID);
    const seriesInstanceUid = uidValue(found, SERIES_INSTANCE_UID);
    if (sopInstanceUid === undefined || seriesInstanceUid === undefined) {
      throw new PermanentError(`the source lists an instance of study ${study} without its UIDs`);
    }
    listed.set(sopInstanceUid, { sopInstanceUid, seriesInstanceUid });
  }
  return listed;
}

async function* searchStudies(http: HttpClient, query: URLSearchParams, signal: AbortSignal): AsyncGenerator<FoundStudy> {
  for await (const found of pages(http, { path: '/studies', query, key: STUDY_INSTANCE_UID, signal })) {
    const studyInstanceUid = uidValue(found, STUDY_INSTANCE_UID);
    const instances = found[NUMBER_OF_STUDY_RELATED_INSTANCES]?.Value?.[0];
    if (studyInstanceUid !== undefined) yield { studyInstanceUid, instances: String(instances ?? '') };
  }
}

interface Paging {
  readonly path: string;
  readonly query: URLSearchParams;
  /** Tag of the UID that tells results apart. */
  readonly key: string;
  readonly signal: AbortSignal;
}

/** A server may give fewer than asked for, or ignore the offset: the end is a page that brings nothing new. */
async function* pages(http: HttpClient, { path, query, key, signal }: Paging) {
  const seen = new Set<string>();
  for (;;) {
    const page = new URLSearchParams([...query, ['limit', String(PAGE)], ['offset', String(seen.size)]]);
    const before = seen.size;
    for (const found of await searchPage(http, { path, query: page, signal })) {
      const uid = uidValue(found, key);
      if (uid !== undefined && seen.has(uid)) continue;
      if (uid !== undefined) seen.add(uid);
      yield found;
    }
    if (seen.size === before) return;
    if (seen.size > MAX_INSTANCES) throw new PermanentError(`the source lists more than ${MAX_INSTANCES} results`);
  }
}

async function searchPage(http: HttpClient, { path, query, signal }: Omit<Paging, 'key'>) {
  const response = await http.request({ method: 'GET', path, query, headers: { accept: 'application/dicom+json' }, signal });
  if (response.statusCode === 404 || response.statusCode === 204) {
    await response.body.dump();
    return [];
  }
  await requireSuccess(response, 'search');
  try {
    return parseDicomJson(await readText(response.body, MAX_PAGE_BYTES));
  } catch (error) {
    if (error instanceof DicomJsonError)
      throw new PermanentError('the source answered a search with something else than DICOM JSON', { cause: error });
    throw error instanceof TransientError ? error : new TransientError('the answer to a search broke off', { cause: error });
  }
}

type HttpResponse = Awaited<ReturnType<HttpClient['request']>>;

async function* openParts(http: HttpClient, path: string, signal: AbortSignal): AsyncGenerator<AsyncIterable<Buffer>> {
  const response = await http.request({ method: 'GET', path, headers: { accept: ACCEPT_STORED }, signal });
  await requireSuccess(response, 'retrieve');
  const contentType = response.headers['content-type'];
  try {
    for await (const part of readMultipart(response.body, String(contentType ?? ''))) yield brokenIsTransient(part.body);
  } catch (error) {
    throw bodyFailure(error);
  } finally {
    response.body.destroy();
  }
}

async function* brokenIsTransient(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* body;
  } catch (error) {
    throw bodyFailure(error);
  }
}

function bodyFailure(error: unknown): Error {
  if (error instanceof TransientError || error instanceof PermanentError) return error;
  const words =
    error instanceof MultipartError && !error.truncated ? 'the source sent a malformed answer' : 'the answer of the source broke off';
  return new TransientError(words, { cause: error });
}

/** PS3.18 section 8.5 and RFC 9110: what may pass is tried again, what will not is shown. */
async function requireSuccess(response: HttpResponse, what: string): Promise<void> {
  const { statusCode } = response;
  if (statusCode >= 200 && statusCode < 300 && statusCode !== 204) return;
  await response.body.dump();
  const message = `the source answered ${statusCode} to a ${what} request`;
  if (statusCode === 401 || statusCode === 403) throw new TransientError(message, { retryAfterMs: PAUSE_WHEN_UNAUTHORIZED_MS });
  if (statusCode >= 500 || [408, 425, 429].includes(statusCode)) {
    const waitMs = retryAfterMs(response.headers['retry-after']);
    throw new TransientError(message, waitMs === undefined ? {} : { retryAfterMs: waitMs });
  }
  throw new PermanentError(message);
}
