// Numbers of the PDUs and their items (PS3.8 section 9.3, PS3.7 Annex D.3.3).

export const PDU_TYPE = {
  associateRq: 0x01,
  associateAc: 0x02,
  associateRj: 0x03,
  pDataTf: 0x04,
  releaseRq: 0x05,
  releaseRp: 0x06,
  abort: 0x07,
} as const;

export const ITEM_TYPE = {
  applicationContext: 0x10,
  presentationContextRq: 0x20,
  presentationContextAc: 0x21,
  abstractSyntax: 0x30,
  transferSyntax: 0x40,
  userInformation: 0x50,
  maximumLength: 0x51,
  implementationClassUid: 0x52,
  asynchronousOperationsWindow: 0x53,
  roleSelection: 0x54,
  implementationVersionName: 0x55,
  sopClassExtendedNegotiation: 0x56,
  sopClassCommonExtendedNegotiation: 0x57,
  userIdentityRq: 0x58,
  userIdentityAc: 0x59,
} as const;

/** PS3.7 Annex A.2.1. */
export const APPLICATION_CONTEXT_NAME = '1.2.840.10008.3.1.1.1';

/** PS3.8 table 9-26, reasons of a service-provider: 0 not specified, 1 unrecognized PDU, 2 unexpected PDU, 4 unrecognized parameter, 5 unexpected parameter, 6 invalid parameter value. */
export type AbortReason = 0 | 1 | 2 | 4 | 5 | 6;

/** First byte of a TLS record that holds a ClientHello (RFC 8446 section 5.1). */
export const TLS_HANDSHAKE = 0x16;
/** First byte of a TLS alert. */
export const TLS_ALERT = 0x15;

export function isKnownPduType(type: number): boolean {
  return type >= PDU_TYPE.associateRq && type <= PDU_TYPE.abort;
}
