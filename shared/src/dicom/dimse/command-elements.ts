// The command elements and command fields of DIMSE (PS3.7 Annex E.1, tables E.1-1 and E.1-2), as tables.

export type CommandVr = 'UI' | 'UL' | 'US' | 'AE' | 'AT' | 'LO';

/** Element number of group 0000 by its name. */
export const COMMAND_ELEMENT = {
  commandGroupLength: 0x0000,
  affectedSopClassUid: 0x0002,
  requestedSopClassUid: 0x0003,
  commandField: 0x0100,
  messageId: 0x0110,
  messageIdBeingRespondedTo: 0x0120,
  moveDestination: 0x0600,
  priority: 0x0700,
  commandDataSetType: 0x0800,
  status: 0x0900,
  offendingElement: 0x0901,
  errorComment: 0x0902,
  errorId: 0x0903,
  affectedSopInstanceUid: 0x1000,
  requestedSopInstanceUid: 0x1001,
  eventTypeId: 0x1002,
  actionTypeId: 0x1008,
  moveOriginatorAe: 0x1030,
  moveOriginatorMessageId: 0x1031,
} as const;

export type CommandElementName = keyof typeof COMMAND_ELEMENT;

export const COMMAND_VR: Readonly<Record<CommandElementName, CommandVr>> = {
  commandGroupLength: 'UL',
  affectedSopClassUid: 'UI',
  requestedSopClassUid: 'UI',
  commandField: 'US',
  messageId: 'US',
  messageIdBeingRespondedTo: 'US',
  moveDestination: 'AE',
  priority: 'US',
  commandDataSetType: 'US',
  status: 'US',
  offendingElement: 'AT',
  errorComment: 'LO',
  errorId: 'US',
  affectedSopInstanceUid: 'UI',
  requestedSopInstanceUid: 'UI',
  eventTypeId: 'US',
  actionTypeId: 'US',
  moveOriginatorAe: 'AE',
  moveOriginatorMessageId: 'US',
};

export const COMMAND_FIELD = {
  cStoreRq: 0x0001,
  cStoreRsp: 0x8001,
  cEchoRq: 0x0030,
  cEchoRsp: 0x8030,
  nEventReportRq: 0x0100,
  nEventReportRsp: 0x8100,
  nActionRq: 0x0130,
  nActionRsp: 0x8130,
  cCancelRq: 0x0fff,
} as const;

/** A response has the command field of its request with this bit set. */
export const RESPONSE_BIT = 0x8000;

/** (0000,0800): any other value announces a data set. */
export const NO_DATA_SET = 0x0101;
export const DATA_SET_FOLLOWS = 0x0001;
