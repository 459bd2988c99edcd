// Turns a whole PDU that came into its event of the state table, decoded where the state awaits it (PS3.8 sections 9.3.2 to 9.3.8).
import { decodeAssociateAccept, decodeAssociateRequest } from './associate-decoder.ts';
import { PDU_TYPE } from './pdu-fields.ts';
import type { State, UpperLayerEvent } from './state-machine.ts';
import { type TransitionInput, UNEXPECTED } from './transition-input.ts';

const AWAITING_ASSOCIATE_RQ: State = 2;
const AWAITING_ASSOCIATE_AC: State = 5;

export interface ReceivedEvent {
  readonly event: UpperLayerEvent;
  readonly input: TransitionInput;
}

/** `body`: without the 6-byte header, at least 4 bytes. Throws PduError if what is awaited is malformed; a PDU out of place is not even decoded. */
export function eventOfPdu(type: number, body: Buffer, state: State): ReceivedEvent {
  switch (type) {
    case PDU_TYPE.associateRq: {
      const input = state === AWAITING_ASSOCIATE_RQ ? { request: decodeAssociateRequest(body) } : UNEXPECTED.associateRq;
      return { event: 'A-ASSOCIATE-RQ PDU', input };
    }
    case PDU_TYPE.associateAc: {
      const input = state === AWAITING_ASSOCIATE_AC ? { accept: decodeAssociateAccept(body) } : UNEXPECTED.associateAc;
      return { event: 'A-ASSOCIATE-AC PDU', input };
    }
    case PDU_TYPE.associateRj:
      return { event: 'A-ASSOCIATE-RJ PDU', input: state === AWAITING_ASSOCIATE_AC ? rejectOf(body) : UNEXPECTED.associateRj };
    case PDU_TYPE.releaseRq:
      return { event: 'A-RELEASE-RQ PDU', input: UNEXPECTED.releaseRq };
    case PDU_TYPE.releaseRp:
      return { event: 'A-RELEASE-RP PDU', input: UNEXPECTED.releaseRp };
    default:
      return { event: 'A-ABORT PDU', input: { abort: { source: body[2] as number, reason: body[3] as number } } };
  }
}

/** Byte 7 reserved, 8 result, 9 source, 10 reason (PS3.8 table 9-21). */
function rejectOf(body: Buffer): TransitionInput {
  return { reject: { result: body[1] as number, source: body[2] as number, reason: body[3] as number } };
}
