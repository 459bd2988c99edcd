// The receiver's sentence: a data set streams in, is hashed, scanned and stored as it comes; once the object is durable and its event is
// acknowledged, the modality hears 0000. Whatever fails before that is answered with a status that makes the modality send again.
import { createHash } from 'node:crypto';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import { resolveFacility } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { HeaderReader } from '@causeway/shared/config/header-reader';
import { laneOf, priorityOf } from '@causeway/shared/config/rule-condition';
import type { AcceptedAssociation, CStoreRequest, DataSetSink, DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import { digestBytes, encodeCustodyMeta, laneBytes } from '@causeway/shared/dicom/part10/custody-meta';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { isUid } from '@causeway/shared/dicom/uid';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type AssociationFacts, type Instance, type InstanceReceived, MOST_SUBJECT_CHARACTERS } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore, ObjectUpload } from '@causeway/shared/object-store/object-store';
import { type OpenSpan, SpanKind, startSpan } from '@causeway/shared/spans';
import { type Announcer, announceInstance } from './announce-instance.ts';
import { checkIdentity, STATUS } from './check-identity.ts';
import { CustodyOverdue, inTime } from './in-time.ts';

export interface ReceiveParts {
  readonly store: ObjectStore;
  readonly announcer: Announcer;
  readonly header: () => HeaderReader;
  readonly document: () => GatewayDocument;
  readonly refusal: () => string | undefined;
  readonly log: Logger;
  /** Counts each answer: status, bytes of the data set, seconds from the command to the answer. */
  readonly answered: (answer: { status: number; bytes: number; seconds: number }) => void;
}

/** A sink for one C-STORE, or the status that refuses it at once. */
export function receiveInstance(parts: ReceiveParts, association: AcceptedAssociation, request: CStoreRequest): DataSetSink | DimseStatus {
  const refusal = parts.refusal();
  if (refusal) return { status: STATUS.outOfResources, comment: refusal };
  if (request.affectedSopClassUid !== request.abstractSyntaxUid) {
    return { status: STATUS.doesNotMatch, comment: 'Affected SOP Class UID is not that of its context' };
  }
  // Its event would be understood by nobody: better told to the modality than stored and never forwarded. (The SOP class was checked with the context.)
  if (!isUid(request.affectedSopInstanceUid)) {
    return { status: STATUS.invalidSopInstance, comment: 'Affected SOP Instance UID is not a UID' };
  }
  return new InstanceSink(parts, association, request);
}

class InstanceSink implements DataSetSink {
  readonly #parts: ReceiveParts;
  readonly #request: CStoreRequest;
  readonly #facts: AssociationFacts;
  readonly #receiptId = newReceiptId();
  readonly #receivedAt = new Date();
  readonly #began = performance.now();
  readonly #hash = createHash('sha256');
  readonly #header: HeaderReader;
  readonly #span: OpenSpan;
  readonly #scanner: DataSetScanner;
  readonly #upload: ObjectUpload;
  readonly #places: { digestPosition: number; lanePosition: number };
  #bytes = 0;
  #failure: DimseStatus | undefined;
  /** The store did not answer in time: nobody waits for it any more. */
  #overdue = false;
  /** Then the upload is the commit's alone: it removes itself when it fails. */
  #commitGoesOn = false;

  constructor(parts: ReceiveParts, { request: { callingAe, calledAe, peer } }: AcceptedAssociation, request: CStoreRequest) {
    this.#parts = parts;
    this.#request = request;
    const tlsSubject = peer.tls?.subject?.slice(0, MOST_SUBJECT_CHARACTERS);
    this.#facts = { callingAe, calledAe, source: peer.address, listener: peer.listener, tlsSubject };
    const attributes = { 'dicom.sop_class_uid': request.affectedSopClassUid, 'dicom.transfer_syntax_uid': request.transferSyntaxUid };
    this.#span = startSpan({ name: 'C-STORE', kind: SpanKind.SERVER, attributes });
    this.#header = parts.header();
    this.#scanner = new DataSetScanner({ transferSyntaxUid: request.transferSyntaxUid, wanted: this.#header.wanted });
    this.#upload = parts.store.create(receivedKey(this.#receiptId));
    this.#places = this.#writeGroup2();
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#failure) return undefined;
    this.#bytes += chunk.length;
    this.#hash.update(chunk);
    const scanning = this.#scan(chunk);
    const writing = this.#failure ? undefined : this.#waitedFor(this.#upload.write(chunk));
    return scanning && writing ? Promise.all([scanning, writing]).then(() => {}) : (scanning ?? writing);
  }

  async end(): Promise<DimseStatus> {
    const status = this.#failure ?? (await this.#span.run(() => this.#store()));
    this.#span.set({ 'dicom.status': status.status.toString(16).padStart(4, '0') });
    this.#span.end();
    if (status.status !== STATUS.success) await this.#discard();
    this.#parts.answered({ status: status.status, bytes: this.#bytes, seconds: (performance.now() - this.#began) / 1_000 });
    return status;
  }

  abort(reason: Error): void {
    this.#span.end(reason);
    this.#parts.log.info({ receiptId: this.#receiptId, bytes: this.#bytes, reason: reason.message }, 'aborted in the middle of a data set');
    void this.#discard();
  }

  /** AE titles, addresses and lane go into the object too, so that routing can be decided again from it alone. */
  #writeGroup2(): { digestPosition: number; lanePosition: number } {
    const { affectedSopClassUid: sopClassUid, affectedSopInstanceUid: sopInstanceUid, transferSyntaxUid } = this.#request;
    const receivedAt = this.#receivedAt.toISOString();
    const meta = encodeCustodyMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid, lane: 'routine', receivedAt, ...this.#facts });
    void this.#waitedFor(this.#upload.write(meta.bytes));
    return meta;
  }

  /** A disk that hangs must not hold the association for ever: the rest of the data set is read and left, and its answer is A700. */
  #waitedFor(writing: Promise<void> | undefined): Promise<void> | undefined {
    if (!writing) return undefined;
    return inTime(writing, this.#custodyMs(), 'writing').catch((error: unknown) => this.#fail(STATUS.outOfResources, error));
  }

  #custodyMs(): number {
    return this.#parts.document().limits.custody;
  }

  #scan(chunk: Buffer): Promise<void> | undefined {
    try {
      return this.#scanner.write(chunk)?.catch((error: unknown) => this.#fail(STATUS.cannotUnderstand, error));
    } catch (error) {
      this.#fail(STATUS.cannotUnderstand, error);
      return undefined;
    }
  }

  async #store(): Promise<DimseStatus> {
    try {
      const scan = await this.#scanner.end();
      const mismatch = checkIdentity(this.#request, scan);
      if (mismatch) return mismatch;
      const instance = this.#describe(scan);
      this.#upload.patch(this.#places.digestPosition, digestBytes(instance.digest));
      this.#upload.patch(this.#places.lanePosition, laneBytes(instance.lane));
      const deadline = performance.now() + this.#custodyMs();
      const size = await this.#commit(instance);
      return await announceInstance(this.#parts.announcer, this.#event({ ...instance, size }), deadline);
    } catch (error) {
      const status = error instanceof DicomParseError ? STATUS.cannotUnderstand : STATUS.outOfResources;
      this.#fail(status, error);
      return { ...this.#failure!, status };
    }
  }

  /** What becomes durable too late has been refused by then, and no event tells of it: it is taken away again. */
  async #commit({ objectKey }: Instance): Promise<number> {
    const committing = this.#upload.commit();
    try {
      return (await inTime(committing, this.#custodyMs(), 'storing')).size;
    } catch (error) {
      this.#commitGoesOn = error instanceof CustodyOverdue;
      if (this.#commitGoesOn) void this.#takeBack(committing, objectKey);
      throw error;
    }
  }

  async #takeBack(committing: Promise<unknown>, objectKey: Instance['objectKey']): Promise<void> {
    const { store, log } = this.#parts;
    try {
      await committing;
      await store.delete(objectKey);
      log.warn({ receiptId: this.#receiptId }, 'stored too late, and taken away again');
    } catch (error) {
      log.warn({ receiptId: this.#receiptId, reason: describeError(error) }, 'too late, and not stored or not taken away');
    }
  }

  #describe(scan: DataSetScan): Instance {
    const identity = this.#header.identity(scan);
    const attributes = this.#header.attributes(scan);
    const { affectedSopClassUid, affectedSopInstanceUid, transferSyntaxUid, priority } = this.#request;
    return {
      receiptId: this.#receiptId,
      objectKey: receivedKey(this.#receiptId),
      size: 0,
      digest: this.#hash.digest('hex'),
      transferSyntaxUid,
      receivedAt: this.#receivedAt.toISOString(),
      sopClassUid: affectedSopClassUid,
      sopInstanceUid: affectedSopInstanceUid,
      ...identity,
      lane: laneOf(this.#parts.document(), {
        ...this.#facts,
        attributes,
        priority: priorityOf(priority),
        sopClassUid: affectedSopClassUid,
      }),
      association: this.#facts,
      attributes,
    };
  }

  #event(instance: Instance): InstanceReceived {
    const resolved = resolveFacility(this.#parts.document(), this.#facts);
    return { ...newEnvelope(0, 'facility' in resolved ? resolved.facility : undefined), type: 'instance.received', instance };
  }

  /** What cannot be removed is not visible either; the store sweeps it at its next start. */
  async #discard(): Promise<void> {
    if (this.#commitGoesOn) return;
    try {
      const discarding = this.#upload.discard();
      await inTime(discarding, this.#overdue ? 0 : this.#custodyMs(), 'discarding');
    } catch (error) {
      this.#parts.log.warn({ receiptId: this.#receiptId, reason: describeError(error) }, 'upload not discarded');
    }
  }

  #fail(status: number, error: unknown): void {
    const comment = status === STATUS.cannotUnderstand ? 'data set cannot be parsed' : 'storage failed, send again';
    this.#failure ??= { status, comment };
    this.#overdue ||= error instanceof CustodyOverdue;
    this.#parts.log.warn(
      {
        receiptId: this.#receiptId,
        sopInstanceUid: this.#request.affectedSopInstanceUid,
        status: status.toString(16),
        reason: describeError(error),
      },
      'refused',
    );
  }
}
