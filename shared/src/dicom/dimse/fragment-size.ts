// How much of a message goes into one P-DATA-TF (PS3.8 section D.1 and Annex E).
import { PDV_HEADER_BYTES } from '../upper-layer/pdu-writer.ts';

/** What we send at most, whatever the peer allows: measured with 512 KB instances, larger PDUs bring nothing. */
const OWN_MAX_PDU_BYTES = 131_072;

/** Even, as data elements are; below 2 nothing can be sent. `peerMaxPduBytes` 0: the peer has no limit. */
export function maxFragmentBytes(peerMaxPduBytes: number): number {
  const pduBytes = peerMaxPduBytes === 0 ? OWN_MAX_PDU_BYTES : Math.min(peerMaxPduBytes, OWN_MAX_PDU_BYTES);
  const fragmentBytes = pduBytes - PDV_HEADER_BYTES;
  return fragmentBytes - (fragmentBytes & 1);
}
