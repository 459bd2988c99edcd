// Reads PDUs in place from the chunks of a socket: fragments of P-DATA-TF are handed on as they arrive (PS3.8 section 9.3).
import { type AbortReason, isKnownPduType, PDU_TYPE, TLS_ALERT, TLS_HANDSHAKE } from './pdu-fields.ts';

/**
 * A-ASSOCIATE-RQ and -AC are the only PDUs kept whole. 128 presentation contexts (PS3.8 9.3.2.2: odd ids to 255) with
 * 58 transfer syntaxes of 64 characters each come to 520 KiB, so that 1 MiB fits every honest one.
 */
const MAX_ASSOCIATE_BYTES = 1024 * 1024;
const HEADER_BYTES = 6;
const FIRST_BODY_BYTES = 1024;

/** PDV item header (PS3.8 table 9-23 and Annex E.2). One object for all of a connection's PDVs: read it, do not keep it. */
export interface PdvHeader {
  readonly contextId: number;
  /** Message control header bit 0: command, else data set. */
  readonly isCommand: boolean;
  /** Message control header bit 1: last fragment of the command or of the data set. */
  readonly isLast: boolean;
}

export interface PduListener {
  /** The header of a P-DATA-TF came; its fragments follow. */
  dataBegan(): void;
  /** A slice of a PDV; `complete` with the last slice of this PDV (which may be empty). */
  fragment(pdv: PdvHeader, slice: Buffer, complete: boolean): void;
  /** Any other PDU, whole, without its 6-byte header. */
  pdu(type: number, body: Buffer): void;
  /** The stream cannot be read on; everything that follows is dropped. */
  failed(error: PduError): void;
}

/** A PDU that PS3.8 forbids; `reason` is the provider's reason of A-ABORT (table 9-26). */
export class PduError extends Error {
  override readonly name = 'PduError';
  readonly reason: AbortReason;
  /** The first byte, if that is what was wrong. */
  readonly pduType?: number;
  /** It was right but for our own limit on inbound P-DATA-TFs. */
  readonly isTooLong: boolean;
  constructor(reason: AbortReason, message: string, more: { pduType?: number; isTooLong?: boolean } = {}) {
    super(message);
    this.reason = reason;
    this.pduType = more.pduType;
    this.isTooLong = more.isTooLong ?? false;
  }
}

type Stage = 'pdu header' | 'body' | 'pdv header' | 'fragment' | 'failed';

/** Memory: at most one A-ASSOCIATE PDU and the chunks pushed while held. */
export class PduReader {
  readonly #listener: PduListener;
  #maxDataBytes: number;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  readonly #pdv = { contextId: 0, isCommand: false, isLast: false };
  readonly #waiting: Buffer[] = [];
  #headerFill = 0;
  #stage: Stage = 'pdu header';
  #held = false;
  #pduType = 0;
  #pduRemaining = 0;
  #pdvRemaining = 0;
  #body = Buffer.alloc(0);
  #bodyFill = 0;

  /** `maxDataBytes`: our limit on the variable field of a P-DATA-TF (PS3.8 D.1); 0: none. */
  constructor(listener: PduListener, maxDataBytes: number) {
    this.#listener = listener;
    this.#maxDataBytes = maxDataBytes;
  }

  /** From the next PDU on. */
  set maxDataBytes(limit: number) {
    this.#maxDataBytes = limit;
  }

  get held(): boolean {
    return this.#held;
  }

  /** Something came that is kept for `resume`. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** What of a PDU has come, in words, when the stream ends here; undefined between two PDUs, and while something waits unread. */
  get unfinished(): string | undefined {
    if (this.#stage === 'failed' || this.#waiting.length > 0) return undefined;
    if (this.#stage === 'pdu header')
      return this.#headerFill === 0 ? undefined : `after ${this.#headerFill} of the ${HEADER_BYTES} bytes of a PDU header`;
    const ofPdv = this.#stage === 'fragment' ? this.#pdvRemaining : 0;
    const left = this.#pduRemaining + ofPdv - (this.#stage === 'pdv header' ? this.#headerFill : 0);
    return `in the middle of a PDU of type ${this.#pduType}, ${left} bytes before its end`;
  }

  /** Stops after the current callback; what is left of the chunk, and further ones, are kept for `resume`. */
  hold(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    while (!this.#held && this.#waiting.length > 0) this.#consume(this.#waiting.shift() as Buffer, true);
  }

  /** The chunk is valid until it returns: what waits is copied. */
  push(chunk: Buffer): void {
    if (this.#held) this.#waiting.push(Buffer.from(chunk));
    else this.#consume(chunk, false);
  }

  /** Drops what waits and what will come. */
  stop(): void {
    this.#stage = 'failed';
    this.#waiting.length = 0;
    this.#body = Buffer.alloc(0);
  }

  /** `isOurs`: a copy that was made already. */
  #consume(chunk: Buffer, isOurs: boolean): void {
    let position = 0;
    while (position < chunk.length && this.#stage !== 'failed') {
      if (this.#held) {
        const rest = chunk.subarray(position);
        this.#waiting.unshift(isOurs ? rest : Buffer.from(rest));
        return;
      }
      if (this.#stage === 'fragment') position = this.#readFragment(chunk, position);
      else if (this.#stage === 'body') position = this.#readBody(chunk, position);
      else position = this.#readHeader(chunk, position);
    }
  }

  #readHeader(chunk: Buffer, start: number): number {
    let position = start;
    while (this.#headerFill < HEADER_BYTES && position < chunk.length) this.#header[this.#headerFill++] = chunk[position++] as number;
    if (this.#headerFill === HEADER_BYTES) {
      this.#headerFill = 0;
      if (this.#stage === 'pdv header') this.#beginPdv();
      else this.#beginPdu();
    }
    return position;
  }

  /** Byte 1 type, 2 reserved, 3-6 length of what follows, big endian. */
  #beginPdu(): void {
    this.#pduType = this.#header[0] as number;
    this.#pduRemaining = this.#header.readUInt32BE(2);
    const refusal = this.#refusePdu(this.#pduType, this.#pduRemaining);
    if (refusal !== undefined) {
      this.#fail(refusal);
      return;
    }
    if (this.#pduType === PDU_TYPE.pDataTf) {
      this.#stage = 'pdv header';
      this.#listener.dataBegan();
    } else {
      this.#stage = 'body';
      this.#bodyFill = 0;
      this.#body = Buffer.allocUnsafe(Math.min(this.#pduRemaining, FIRST_BODY_BYTES));
    }
  }

  #refusePdu(type: number, length: number): PduError | undefined {
    if (!isKnownPduType(type)) return unrecognizedPdu(type);
    if (type === PDU_TYPE.pDataTf) {
      const isTooLarge = this.#maxDataBytes > 0 && length > this.#maxDataBytes;
      if (isTooLarge)
        return new PduError(6, `P-DATA-TF of ${length} bytes, our limit is ${this.#maxDataBytes} (PS3.8 D.1)`, { isTooLong: true });
      if (length < HEADER_BYTES) return new PduError(6, `P-DATA-TF of ${length} bytes holds no PDV (PS3.8 table 9-22)`);
      return undefined;
    }
    const isAssociate = type === PDU_TYPE.associateRq || type === PDU_TYPE.associateAc;
    if (isAssociate && length > MAX_ASSOCIATE_BYTES) {
      return new PduError(6, `A-ASSOCIATE PDU of ${length} bytes, our limit is ${MAX_ASSOCIATE_BYTES}`);
    }
    if (!isAssociate && length !== 4) return new PduError(6, `PDU type ${type} of ${length} bytes instead of 4 (PS3.8 section 9.3)`);
    if (length === 0) return new PduError(6, `PDU type ${type} is empty`);
    return undefined;
  }

  /** Grows with what really arrived, never by the length that was announced. */
  #readBody(chunk: Buffer, start: number): number {
    const count = Math.min(this.#pduRemaining, chunk.length - start);
    const needed = this.#bodyFill + count;
    if (needed > this.#body.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, this.#body.length * 2));
      this.#body.copy(grown, 0, 0, this.#bodyFill);
      this.#body = grown;
    }
    chunk.copy(this.#body, this.#bodyFill, start, start + count);
    this.#bodyFill = needed;
    this.#pduRemaining -= count;
    if (this.#pduRemaining === 0) {
      this.#stage = 'pdu header';
      this.#listener.pdu(this.#pduType, this.#body.subarray(0, this.#bodyFill));
    }
    return start + count;
  }

  /** Bytes 1-4 length of what follows, 5 presentation context id, 6 message control header. */
  #beginPdv(): void {
    const length = this.#header.readUInt32BE(0);
    if (length < 2 || length + 4 > this.#pduRemaining) {
      this.#fail(new PduError(6, `PDV of ${length} bytes with ${this.#pduRemaining} bytes left in its P-DATA-TF`));
      return;
    }
    this.#pduRemaining -= length + 4;
    if (this.#pduRemaining > 0 && this.#pduRemaining < HEADER_BYTES) {
      this.#fail(new PduError(6, `${this.#pduRemaining} bytes after the last PDV of a P-DATA-TF`));
      return;
    }
    const control = this.#header[5] as number;
    this.#pdv.contextId = this.#header[4] as number;
    this.#pdv.isCommand = (control & 1) === 1;
    this.#pdv.isLast = (control & 2) === 2;
    this.#pdvRemaining = length - 2;
    this.#stage = 'fragment';
    if (this.#pdvRemaining === 0) this.#readFragment(this.#body.subarray(0, 0), 0);
  }

  #readFragment(chunk: Buffer, start: number): number {
    const end = Math.min(chunk.length, start + this.#pdvRemaining);
    this.#pdvRemaining -= end - start;
    const isComplete = this.#pdvRemaining === 0;
    if (isComplete) this.#stage = this.#pduRemaining === 0 ? 'pdu header' : 'pdv header';
    this.#listener.fragment(this.#pdv, start === 0 && end === chunk.length ? chunk : chunk.subarray(start, end), isComplete);
    return end;
  }

  #fail(error: PduError): void {
    this.stop();
    this.#listener.failed(error);
  }
}

/** Names what came by mistake, because these two mistakes of configuration are frequent. */
function unrecognizedPdu(type: number): PduError {
  if (type === TLS_HANDSHAKE) return new PduError(1, 'a TLS ClientHello came on a connection without TLS', { pduType: type });
  if (type === TLS_ALERT) return new PduError(1, 'a TLS alert came on a connection without TLS: the peer expects TLS', { pduType: type });
  return new PduError(1, `unrecognized PDU type 0x${type.toString(16).padStart(2, '0')}`, { pduType: type });
}
