// STOW-RS: instances in, an answer for each of them out (PS3.18 section 10.5).
import { uuidV7 } from '@causeway/shared/brands';
import { type DicomJson, jsonElement } from '@causeway/shared/dicomweb/dicom-json';
import { parseMediaType } from '@causeway/shared/dicomweb/media-type';
import { MultipartError, readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import type { Archive } from './archive.ts';
import type { ArrivalsJournal } from './arrivals-journal.ts';
import { answerStatus, cut, type Fault, type FaultBox, throughFault } from './faults.ts';
import { answerEmpty, answerJson, DICOM_JSON, drainRequest, type Exchange, HttpProblem } from './http-exchange.ts';
import { FAILURE, InstanceRefused, type ReceivedInstance, receiveInstance } from './receive-instance.ts';
import type { StoredInstance } from './stored-instance.ts';

export interface StowParts {
  readonly archive: Archive;
  readonly journal: ArrivalsJournal;
  readonly faults: FaultBox;
  /** Instances in one request; more are answered 413 and none is stored. */
  readonly maxInstances: number;
}

interface Outcome {
  readonly stored: StoredInstance[];
  readonly refused: InstanceRefused[];
}

/** Syncs to disk under way for one request at a time. */
const UNSYNCED_FILES = 16;

export async function storeInstances(parts: StowParts, exchange: Exchange): Promise<void> {
  requireDicomParts(exchange.request.headers['content-type']);
  const fault = parts.faults.meet('stow');
  if (fault?.mode === 'status' || fault?.mode === 'hang' || (fault?.mode === 'bare-200' && !fault.store))
    return dropRequest(exchange, fault);
  const outcome = await new StoreRequest(parts, exchange, fault).run();
  if (fault?.mode === 'cut') return cut(exchange.request.socket);
  if (fault?.mode === 'bare-200') return answerEmpty(exchange.response, { status: 200 });
  answerJson(exchange.response, { status: statusOf(outcome), contentType: DICOM_JSON }, answerOf(outcome, exchange.baseUrl));
}

/** PS3.18 section 10.5.1: only the DICOM representation is taken here, not metadata with bulk data. */
function requireDicomParts(contentType: string | undefined): void {
  const type = parseMediaType(contentType ?? '');
  const partType = type?.parameters.get('type')?.toLowerCase();
  if (type?.essence !== 'multipart/related' || (partType !== undefined && partType !== 'application/dicom')) {
    throw new HttpProblem(415, 'the Content-Type must be multipart/related; type="application/dicom"');
  }
}

async function dropRequest({ request, response }: Exchange, fault: Fault): Promise<void> {
  await drainRequest(request);
  if (fault.mode === 'hang') return;
  if (fault.mode === 'status') return answerStatus(response, fault);
  answerEmpty(response, { status: 200 });
}

/** Nothing of a request that breaks off is kept; what a whole request brings becomes visible at once. */
class StoreRequest {
  readonly #parts: StowParts;
  readonly #exchange: Exchange;
  readonly #fault: Fault | undefined;
  readonly #received: ReceivedInstance[] = [];
  readonly #repeated: StoredInstance[] = [];
  readonly #refused: InstanceRefused[] = [];
  #count = 0;

  constructor(parts: StowParts, exchange: Exchange, fault: Fault | undefined) {
    this.#parts = parts;
    this.#exchange = exchange;
    this.#fault = fault;
  }

  async run(): Promise<Outcome> {
    try {
      await this.#readParts();
      await this.#parts.archive.commit(this.#received);
    } catch (error) {
      await Promise.all(this.#received.map(({ file }) => file.discard()));
      if (error instanceof MultipartError) throw new HttpProblem(400, error.message);
      throw error;
    }
    const stored = [...this.#received.map(({ record }) => record), ...this.#repeated];
    await this.#parts.journal.append(stored, uuidV7());
    return { stored, refused: this.#refused };
  }

  async #readParts(): Promise<void> {
    const { request } = this.#exchange;
    const body = throughFault(request, { fault: this.#fault, socket: request.socket });
    for await (const part of readMultipart(body, request.headers['content-type'] ?? '')) {
      this.#count += 1;
      if (this.#count > this.#parts.maxInstances)
        throw new HttpProblem(413, `more than ${this.#parts.maxInstances} instances in one request`);
      requireDicom(part.headers.get('content-type'));
      await this.#readInstance(part.body);
      if (this.#count % UNSYNCED_FILES === 0) await Promise.all(this.#received.slice(-UNSYNCED_FILES).map(({ file }) => file.synced));
    }
    if (this.#count === 0) throw new HttpProblem(400, 'no instance in the request');
  }

  async #readInstance(body: AsyncIterable<Buffer>): Promise<void> {
    try {
      const instance = await receiveInstance(this.#parts.archive, body);
      const refusal = this.#refusalOf(instance.record);
      if (refusal === undefined && !this.#parts.archive.index.has(instance.record)) {
        this.#received.push(instance);
        return;
      }
      await instance.file.discard();
      if (refusal !== undefined) throw refusal;
      this.#repeated.push(instance.record);
    } catch (error) {
      if (!(error instanceof InstanceRefused)) throw error;
      this.#refused.push(error);
    }
  }

  #refusalOf(record: StoredInstance): InstanceRefused | undefined {
    const study = this.#exchange.parameters.study;
    if (study !== undefined && study !== record.studyInstanceUid) {
      return new InstanceRefused('not of the study in the path', FAILURE.doesNotMatchSopClass, record);
    }
    const fault = this.#fault;
    if (fault?.mode === 'refuse-instance' && this.#count % fault.every === 0) {
      return new InstanceRefused('an ordered fault', fault.reason, record);
    }
    return undefined;
  }
}

function requireDicom(contentType: string | undefined): void {
  if (contentType !== undefined && parseMediaType(contentType)?.essence !== 'application/dicom') {
    throw new HttpProblem(415, 'a part is not application/dicom');
  }
}

/** PS3.18 table 10.5.3-1. */
function statusOf({ stored, refused }: Outcome): number {
  if (refused.length === 0) return 200;
  return stored.length === 0 ? 409 : 202;
}

/** PS3.18 section 10.5.3.2 and annex I.2: what was stored, what was not and why. */
function answerOf({ stored, refused }: Outcome, baseUrl: string): DicomJson {
  const referenced = stored.map((record) => ({
    ...referenceOf(record),
    '00081190': jsonElement('UR', [
      `${baseUrl}/studies/${record.studyInstanceUid}/series/${record.seriesInstanceUid}/instances/${record.sopInstanceUid}`,
    ]),
  }));
  const named = refused.filter((refusal) => refusal.sopInstanceUid !== undefined);
  const unnamed = refused.filter((refusal) => refusal.sopInstanceUid === undefined);
  return {
    '00081199': jsonElement('SQ', referenced),
    ...(named.length === 0
      ? {}
      : {
          '00081198': jsonElement(
            'SQ',
            named.map((refusal) => ({ ...referenceOf(refusal), ...reasonOf(refusal) })),
          ),
        }),
    ...(unnamed.length === 0 ? {} : { '0008119A': jsonElement('SQ', unnamed.map(reasonOf)) }),
  };
}

const reasonOf = (refusal: InstanceRefused): DicomJson => ({ '00081197': jsonElement('US', [refusal.reason]) });

function referenceOf(instance: { sopClassUid: string | undefined; sopInstanceUid: string | undefined }): DicomJson {
  return { '00081150': jsonElement('UI', [instance.sopClassUid]), '00081155': jsonElement('UI', [instance.sopInstanceUid]) };
}
