// The upper layer's state table, event by event and state by state (PS3.8 section 9.2, tables 9-1 to 9-10).

/** Sta1 idle, 2 awaiting A-ASSOCIATE-RQ, 3 awaiting our answer, 4 awaiting transport, 5 awaiting A-ASSOCIATE-AC, 6 established, 7-12 releasing, 13 awaiting close. */
export type State = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13;

/** PS3.8 table 9-5: Evt1 to Evt19 by name. */
export type UpperLayerEvent =
  | 'A-ASSOCIATE request'
  | 'transport confirmation'
  | 'A-ASSOCIATE-AC PDU'
  | 'A-ASSOCIATE-RJ PDU'
  | 'transport indication'
  | 'A-ASSOCIATE-RQ PDU'
  | 'A-ASSOCIATE accept'
  | 'A-ASSOCIATE reject'
  | 'P-DATA request'
  | 'P-DATA-TF PDU'
  | 'A-RELEASE request'
  | 'A-RELEASE-RQ PDU'
  | 'A-RELEASE-RP PDU'
  | 'A-RELEASE response'
  | 'A-ABORT request'
  | 'A-ABORT PDU'
  | 'transport closed'
  | 'ARTIM expired'
  | 'invalid PDU';

/** PS3.8 tables 9-6 to 9-9. */
export type Action =
  | 'AE-1'
  | 'AE-2'
  | 'AE-3'
  | 'AE-4'
  | 'AE-5'
  | 'AE-6'
  | 'AE-7'
  | 'AE-8'
  | 'DT-1'
  | 'DT-2'
  | 'AR-1'
  | 'AR-2'
  | 'AR-3'
  | 'AR-4'
  | 'AR-5'
  | 'AR-6'
  | 'AR-7'
  | 'AR-8'
  | 'AR-9'
  | 'AR-10'
  | 'AA-1'
  | 'AA-2'
  | 'AA-3'
  | 'AA-4'
  | 'AA-5'
  | 'AA-6'
  | 'AA-7'
  | 'AA-8';

export interface Transition {
  readonly action: Action;
  readonly next: State;
  /** AE-6 refusing by the provider, AR-8 on the acceptor's side: the other state the table allows. */
  readonly otherwise?: State;
}

const AA_1: Transition = { action: 'AA-1', next: 13 };
const AA_2: Transition = { action: 'AA-2', next: 1 };
const AA_3: Transition = { action: 'AA-3', next: 1 };
const AA_4: Transition = { action: 'AA-4', next: 1 };
const AA_5: Transition = { action: 'AA-5', next: 1 };
const AA_6: Transition = { action: 'AA-6', next: 13 };
const AA_7: Transition = { action: 'AA-7', next: 13 };
const AA_8: Transition = { action: 'AA-8', next: 13 };
const AR_3: Transition = { action: 'AR-3', next: 1 };
const AR_4: Transition = { action: 'AR-4', next: 13 };

/** What every PDU meets where the table has no place for it, from Sta2 to Sta13; the rows below overwrite what is allowed. */
const UNEXPECTED_PDU: Partial<Record<State, Transition>> = {
  2: AA_1,
  3: AA_8,
  5: AA_8,
  6: AA_8,
  7: AA_8,
  8: AA_8,
  9: AA_8,
  10: AA_8,
  11: AA_8,
  12: AA_8,
  13: AA_6,
};

/** Table 9-10. A missing cell is a blank one: the event cannot happen there, or the primitive is not allowed. */
export const STATE_TABLE: Readonly<Record<UpperLayerEvent, Readonly<Partial<Record<State, Transition>>>>> = {
  'A-ASSOCIATE request': { 1: { action: 'AE-1', next: 4 } },
  'transport confirmation': { 4: { action: 'AE-2', next: 5 } },
  'A-ASSOCIATE-AC PDU': { ...UNEXPECTED_PDU, 5: { action: 'AE-3', next: 6 } },
  'A-ASSOCIATE-RJ PDU': { ...UNEXPECTED_PDU, 5: { action: 'AE-4', next: 1 } },
  'transport indication': { 1: { action: 'AE-5', next: 2 } },
  'A-ASSOCIATE-RQ PDU': { ...UNEXPECTED_PDU, 2: { action: 'AE-6', next: 3, otherwise: 13 }, 13: AA_7 },
  'A-ASSOCIATE accept': { 3: { action: 'AE-7', next: 6 } },
  'A-ASSOCIATE reject': { 3: { action: 'AE-8', next: 13 } },
  'P-DATA request': { 6: { action: 'DT-1', next: 6 }, 8: { action: 'AR-7', next: 8 } },
  'P-DATA-TF PDU': { ...UNEXPECTED_PDU, 6: { action: 'DT-2', next: 6 }, 7: { action: 'AR-6', next: 7 } },
  'A-RELEASE request': { 6: { action: 'AR-1', next: 7 } },
  'A-RELEASE-RQ PDU': { ...UNEXPECTED_PDU, 6: { action: 'AR-2', next: 8 }, 7: { action: 'AR-8', next: 9, otherwise: 10 } },
  'A-RELEASE-RP PDU': { ...UNEXPECTED_PDU, 7: AR_3, 10: { action: 'AR-10', next: 12 }, 11: AR_3 },
  'A-RELEASE response': { 8: AR_4, 9: { action: 'AR-9', next: 11 }, 12: AR_4 },
  'A-ABORT request': { 3: AA_1, 4: AA_2, 5: AA_1, 6: AA_1, 7: AA_1, 8: AA_1, 9: AA_1, 10: AA_1, 11: AA_1, 12: AA_1 },
  'A-ABORT PDU': {
    2: AA_2,
    3: AA_3,
    5: AA_3,
    6: AA_3,
    7: AA_3,
    8: AA_3,
    9: AA_3,
    10: AA_3,
    11: AA_3,
    12: AA_3,
    13: AA_2,
  },
  'transport closed': {
    2: AA_5,
    3: AA_4,
    4: AA_4,
    5: AA_4,
    6: AA_4,
    7: AA_4,
    8: AA_4,
    9: AA_4,
    10: AA_4,
    11: AA_4,
    12: AA_4,
    13: { action: 'AR-5', next: 1 },
  },
  'ARTIM expired': { 2: AA_2, 13: AA_2 },
  'invalid PDU': { ...UNEXPECTED_PDU, 13: AA_7 },
};
