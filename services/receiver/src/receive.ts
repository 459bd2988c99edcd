// The receiver's sentence: a data set streams in, is hashed, scanned and stored as it comes; once the object is durable and its event is
// acknowledged, the modality hears 0000. Whatever fails before that is answered with a status that makes the modality send again.
import { createHash } from 'node:crypto';
import { newReceiptId, receivedKey } from '@causeway/shared/brands';
import { resolveFacility } from '@causeway/shared/config/facility-resolution';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { HeaderReader } from '@causeway/shared/config/header-reader';
import { laneOf, priorityOf } from '@causeway/shared/config/rule-condition';
import type { AcceptedAssociation, CStoreRequest, DataSetSink, DimseStatus } from '@causeway/shared/dicom/dimse/scp';
import {
  type CustodyMeta,
  digestBytes,
  encodeCustodyMeta,
  encodeCustodyMetaAgain,
  laneBytes,
} from '@causeway/shared/dicom/part10/custody-meta';
import { type DataSetScan, DataSetScanner } from '@causeway/shared/dicom/part10/data-set-scanner';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { isUid } from '@causeway/shared/dicom/uid';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { type AssociationFacts, type Instance, type InstanceReceived, MOST_SUBJECT_CHARACTERS } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore, ObjectUpload } from '@causeway/shared/object-store/object-store';
import { linksToTraceOf, type OpenSpan, SpanKind, startSpan } from '@causeway/shared/spans';
import type { Refusal } from './admission.ts';
import { type Announcer, announceInstance } from './announce-instance.ts';
import { checkIdentity, type Identity, STATUS } from './check-identity.ts';
import { CustodyOverdue, inTime } from './in-time.ts';
import { type Defect, toleratedOf } from './sender-quirks.ts';
import { isStorageClass } from './storage-service.ts';
import type { StoreLatency } from './store-latency.ts';

export interface ReceiveParts {
  readonly store: ObjectStore;
  readonly announcer: Announcer;
  readonly header: () => HeaderReader;
  readonly document: () => GatewayDocument;
  readonly admission: { refusal(): Refusal | undefined; spaceRefusal(): Refusal | undefined };
  readonly latency: Pick<StoreLatency, 'begin'>;
  /** Counts, by the field of the gateway document. */
  readonly limitReached: (limit: string) => void;
  readonly log: Logger;
  /** Counts each answer: status, bytes of the data set, seconds from the command to the answer, and the facility, if the association alone decided it. */
  readonly answered: (answer: { status: number; bytes: number; seconds: number; facility: string | undefined }) => void;
}

/** A sink for one C-STORE, or the status that refuses it at once. */
export function receiveInstance(parts: ReceiveParts, association: AcceptedAssociation, request: CStoreRequest): DataSetSink | DimseStatus {
  const refusal = parts.admission.refusal();
  if (refusal) {
    parts.limitReached(refusal.limit);
    return { status: STATUS.outOfResources, comment: refusal.comment };
  }
  if (!isStorageClass(request.abstractSyntaxUid)) return { status: STATUS.sopClassNotSupported, comment: 'this context stores nothing' };
  if (request.affectedSopClassUid !== request.abstractSyntaxUid) {
    return { status: STATUS.doesNotMatch, comment: 'Affected SOP Class UID is not that of its context' };
  }
  // Its event would be understood by nobody: better told to the modality than stored and never forwarded. (The SOP class was checked with the context.)
  if (!isUid(request.affectedSopInstanceUid)) {
    return { status: STATUS.invalidSopInstance, comment: 'Affected SOP Instance UID is not a UID' };
  }
  return new InstanceSink(parts, association, request);
}

/** A data set that has grown beyond this must leave room for others: smaller ones may still finish when space becomes short. */
const LARGE_BYTES = 8 * 1024 ** 2;
/** In group 2, for two UIDs longer than those of the command: 64 characters each instead of one and its padding. */
const SPARE_BYTES = 128;

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
  readonly #tolerated: ReadonlySet<Defect>;
  #meta: CustodyMeta;
  #bytes = 0;
  #failure: DimseStatus | undefined;
  /** The store did not answer in time: nobody waits for it any more. */
  #overdue = false;
  /** Then the upload is the commit's alone: it removes itself when it fails. */
  #commitGoesOn = false;
  #facility: string | undefined;

  constructor(parts: ReceiveParts, { id, request: { callingAe, calledAe, peer } }: AcceptedAssociation, request: CStoreRequest) {
    this.#parts = parts;
    this.#request = request;
    const tlsSubject = peer.tls?.subject?.slice(0, MOST_SUBJECT_CHARACTERS);
    this.#facts = { id, callingAe, calledAe, source: peer.address, listener: peer.listener, tlsSubject };
    this.#span = startSpan({
      ...{ name: 'C-STORE', kind: SpanKind.SERVER, of: { id: this.#receiptId, isFirst: true }, links: linksToTraceOf(id) },
      attributes: {
        'causeway.receipt_id': this.#receiptId,
        'dicom.sop_class_uid': request.affectedSopClassUid,
        'dicom.transfer_syntax_uid': request.transferSyntaxUid,
      },
    });
    this.#header = parts.header();
    this.#scanner = new DataSetScanner({ transferSyntaxUid: request.transferSyntaxUid, wanted: this.#header.wanted });
    this.#upload = parts.store.create(receivedKey(this.#receiptId));
    this.#tolerated = toleratedOf(parts.document(), callingAe);
    this.#meta = encodeCustodyMeta(this.#custody(this.#said), this.#tolerated.has('uid-mismatch') ? SPARE_BYTES : 0);
    void this.#waitedFor(this.#upload.write(this.#meta.bytes));
  }

  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#failure) return undefined;
    this.#bytes += chunk.length;
    if (this.#bytes > LARGE_BYTES && this.#isOutOfSpace()) return undefined;
    this.#hash.update(chunk);
    const scanning = this.#scan(chunk);
    const writing = this.#failure ? undefined : this.#waitedFor(this.#upload.write(chunk));
    return scanning && writing ? Promise.all([scanning, writing]).then(() => {}) : (scanning ?? writing);
  }

  async end(): Promise<DimseStatus> {
    const status = this.#failure ?? (await this.#span.run(() => this.#store()));
    this.#span.set({ 'dicom.status': status.status.toString(16).padStart(4, '0') });
    if (status.status !== STATUS.success) this.#span.fail(status.status.toString(16));
    this.#span.end();
    if (status.status !== STATUS.success) await this.#discard();
    const seconds = (performance.now() - this.#began) / 1_000;
    this.#parts.answered({ status: status.status, bytes: this.#bytes, seconds, facility: this.#facility });
    return status;
  }

  abort(reason: Error): void {
    this.#span.end(reason);
    this.#parts.log.info({ receiptId: this.#receiptId, bytes: this.#bytes, reason: reason.message }, 'aborted in the middle of a data set');
    void this.#discard();
  }

  get #said(): Identity {
    return { sopClassUid: this.#request.affectedSopClassUid, sopInstanceUid: this.#request.affectedSopInstanceUid };
  }

  /** AE titles, addresses and lane go into the object too, so that routing can be decided again from it alone. */
  #custody(identity: Identity) {
    const { transferSyntaxUid } = this.#request;
    return { ...identity, transferSyntaxUid, lane: 'routine', receivedAt: this.#receivedAt.toISOString(), ...this.#facts };
  }

  #isOutOfSpace(): boolean {
    const refusal = this.#parts.admission.spaceRefusal();
    if (!refusal) return false;
    this.#parts.limitReached(refusal.limit);
    this.#failure = { status: STATUS.outOfResources, comment: refusal.comment };
    this.#tell(STATUS.outOfResources, `${refusal.comment}, after ${this.#bytes} bytes of a data set`);
    return true;
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
    const stored = this.#parts.latency.begin();
    try {
      const scan = await this.#scanner.end();
      const identity = checkIdentity(this.#request, scan, this.#tolerated);
      if ('status' in identity) {
        this.#tell(identity.status, identity.comment ?? '');
        return identity;
      }
      const instance = this.#describe(scan, identity);
      this.#completeGroup2(instance);
      const deadline = performance.now() + this.#custodyMs();
      const size = await this.#commit(instance);
      return await announceInstance(this.#parts.announcer, this.#event({ ...instance, size }), deadline);
    } catch (error) {
      const status = error instanceof DicomParseError ? STATUS.cannotUnderstand : STATUS.outOfResources;
      this.#fail(status, error);
      return { ...this.#failure!, status };
    } finally {
      stored();
    }
  }

  /** Who the object is decides the data set: a command that was wrong about it, and is tolerated, is not repeated in group 2. */
  #completeGroup2({ sopClassUid, sopInstanceUid, digest, lane }: Instance): void {
    const said = this.#said;
    if (said.sopClassUid !== sopClassUid || said.sopInstanceUid !== sopInstanceUid) {
      this.#meta = encodeCustodyMetaAgain(this.#custody({ sopClassUid, sopInstanceUid }), this.#meta);
      this.#upload.patch(0, this.#meta.bytes);
    }
    this.#upload.patch(this.#meta.digestPosition, digestBytes(digest));
    this.#upload.patch(this.#meta.lanePosition, laneBytes(lane));
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

  #describe(scan: DataSetScan, { sopClassUid, sopInstanceUid }: Identity): Instance {
    this.#facility = this.#resolveFacility();
    const attributes = this.#header.attributes(scan);
    const { transferSyntaxUid, priority } = this.#request;
    return {
      receiptId: this.#receiptId,
      objectKey: receivedKey(this.#receiptId),
      size: 0,
      digest: this.#hash.digest('hex'),
      transferSyntaxUid,
      receivedAt: this.#receivedAt.toISOString(),
      sopClassUid,
      sopInstanceUid,
      ...this.#header.identity(scan),
      lane: laneOf(this.#parts.document(), {
        ...this.#facts,
        attributes,
        priority: priorityOf(priority),
        sopClassUid,
        facility: this.#facility,
      }),
      association: this.#facts,
      attributes,
    };
  }

  #event(instance: Instance): InstanceReceived {
    return { ...newEnvelope(0, this.#facility), type: 'instance.received', instance };
  }

  /** What the association alone decides: asked once an instance, for its lane and its subject. */
  #resolveFacility(): string | undefined {
    const resolved = resolveFacility(this.#parts.document(), this.#facts);
    return 'facility' in resolved ? resolved.facility : undefined;
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
    if (error instanceof CustodyOverdue) {
      this.#overdue = true;
      this.#parts.limitReached('custody');
    }
    this.#tell(status, describeError(error));
  }

  #tell(status: number, reason: string): void {
    const sopInstanceUid = this.#request.affectedSopInstanceUid;
    this.#parts.log.warn({ receiptId: this.#receiptId, sopInstanceUid, status: status.toString(16), reason }, 'refused');
  }
}
