// Which abstract syntaxes the gateway takes: Verification, and every SOP class that can be stored, private ones included.

export const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';

/** Services of the standard that are no storage (PS3.4 Annexes F to JJ, PS3.6 table A-1): refused with result 3. A UID that equals an entry or lies below it. */
const OTHER_SERVICES = [
  '1.2.840.10008.1.3.10', // media storage directory
  '1.2.840.10008.1.9', // basic study content notification
  '1.2.840.10008.1.20', // storage commitment (the push model is answered by itself)
  '1.2.840.10008.1.40', // procedural event logging
  '1.2.840.10008.1.42', // substance administration logging
  '1.2.840.10008.3.1', // patient, study and results management, MPPS
  '1.2.840.10008.5.1.1', // print management
  '1.2.840.10008.5.1.4.1.2', // query/retrieve
  '1.2.840.10008.5.1.4.31', // modality worklist
  '1.2.840.10008.5.1.4.32', // general purpose worklist
  '1.2.840.10008.5.1.4.33', // instance availability notification
  '1.2.840.10008.5.1.4.34.4', // unified procedure step (trial)
  '1.2.840.10008.5.1.4.34.6', // unified procedure step
  '1.2.840.10008.5.1.4.34.8', // RT machine verification
  '1.2.840.10008.5.1.4.34.9',
  '1.2.840.10008.5.1.4.37', // relevant patient information query
  '1.2.840.10008.5.1.4.38.2', // hanging protocol query/retrieve
  '1.2.840.10008.5.1.4.38.3',
  '1.2.840.10008.5.1.4.38.4',
  '1.2.840.10008.5.1.4.39.2', // color palette query/retrieve
  '1.2.840.10008.5.1.4.39.3',
  '1.2.840.10008.5.1.4.39.4',
  '1.2.840.10008.5.1.4.41', // product characteristics query
  '1.2.840.10008.5.1.4.42', // substance approval query
  '1.2.840.10008.5.1.4.43.2', // implant template query/retrieve
  '1.2.840.10008.5.1.4.43.3',
  '1.2.840.10008.5.1.4.43.4',
  '1.2.840.10008.5.1.4.44.2',
  '1.2.840.10008.5.1.4.44.3',
  '1.2.840.10008.5.1.4.44.4',
  '1.2.840.10008.5.1.4.45.2',
  '1.2.840.10008.5.1.4.45.3',
  '1.2.840.10008.5.1.4.45.4',
];

/** A SOP class that is not known is taken as storage: new and private ones must not be lost. */
export function isTaken(abstractSyntaxUid: string): boolean {
  return !OTHER_SERVICES.some((other) => abstractSyntaxUid === other || abstractSyntaxUid.startsWith(`${other}.`));
}

/** Whether instances of the SOP class are stored. */
export const isStorageClass = (sopClassUid: string): boolean => sopClassUid !== VERIFICATION_SOP_CLASS && isTaken(sopClassUid);
