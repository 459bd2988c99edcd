// The state table against a transcription of PS3.8 table 9-10 in the standard's own layout: allowed, forbidden and blank cells.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, STATE_TABLE, type State, type UpperLayerEvent } from './state-machine.ts';

const PDU_EVENTS: UpperLayerEvent[] = [
  'A-ASSOCIATE-AC PDU',
  'A-ASSOCIATE-RJ PDU',
  'A-ASSOCIATE-RQ PDU',
  'P-DATA-TF PDU',
  'A-RELEASE-RQ PDU',
  'A-RELEASE-RP PDU',
  'invalid PDU',
];

/** Columns Sta1 to Sta13; a dot is a blank cell. */
const TABLE_9_10: Record<UpperLayerEvent, string> = {
  'A-ASSOCIATE request': 'AE-1 . . . . . . . . . . . .',
  'transport confirmation': '. . . AE-2 . . . . . . . . .',
  'A-ASSOCIATE-AC PDU': '. AA-1 AA-8 . AE-3 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6',
  'A-ASSOCIATE-RJ PDU': '. AA-1 AA-8 . AE-4 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6',
  'transport indication': 'AE-5 . . . . . . . . . . . .',
  'A-ASSOCIATE-RQ PDU': '. AE-6 AA-8 . AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-7',
  'A-ASSOCIATE accept': '. . AE-7 . . . . . . . . . .',
  'A-ASSOCIATE reject': '. . AE-8 . . . . . . . . . .',
  'P-DATA request': '. . . . . DT-1 . AR-7 . . . . .',
  'P-DATA-TF PDU': '. AA-1 AA-8 . AA-8 DT-2 AR-6 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6',
  'A-RELEASE request': '. . . . . AR-1 . . . . . . .',
  'A-RELEASE-RQ PDU': '. AA-1 AA-8 . AA-8 AR-2 AR-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-6',
  'A-RELEASE-RP PDU': '. AA-1 AA-8 . AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6',
  'A-RELEASE response': '. . . . . . . AR-4 AR-9 . . AR-4 .',
  'A-ABORT request': '. . AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1 .',
  'A-ABORT PDU': '. AA-2 AA-3 . AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-3 AA-2',
  'transport closed': '. AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AR-5',
  'ARTIM expired': '. AA-2 . . . . . . . . . . AA-2',
  'invalid PDU': '. AA-1 AA-8 . AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-8 AA-7',
};

/** Next states of tables 9-6 to 9-9; where an action keeps the state of its cell, the cell decides. */
const NEXT_STATE: Partial<Record<Action, State>> = {
  'AE-1': 4,
  'AE-2': 5,
  'AE-3': 6,
  'AE-4': 1,
  'AE-5': 2,
  'AE-6': 3,
  'AE-7': 6,
  'AE-8': 13,
  'DT-1': 6,
  'DT-2': 6,
  'AR-1': 7,
  'AR-2': 8,
  'AR-3': 1,
  'AR-4': 13,
  'AR-5': 1,
  'AR-6': 7,
  'AR-7': 8,
  'AR-8': 9,
  'AR-9': 11,
  'AR-10': 12,
  'AA-1': 13,
  'AA-2': 1,
  'AA-3': 1,
  'AA-4': 1,
  'AA-5': 1,
  'AA-6': 13,
  'AA-7': 13,
  'AA-8': 13,
};

test('every cell of the table, blank ones too, is the cell of PS3.8 table 9-10', () => {
  for (const [event, row] of Object.entries(TABLE_9_10) as [UpperLayerEvent, string][]) {
    const cells = row.split(' ');
    assert.equal(cells.length, 13, event);
    cells.forEach((expected, index) => {
      const transition = STATE_TABLE[event][(index + 1) as State];
      assert.equal(transition?.action ?? '.', expected, `${event} in Sta${index + 1}`);
      if (transition !== undefined) assert.equal(transition.next, NEXT_STATE[transition.action], `${event} in Sta${index + 1}`);
    });
  }
});

test('only AE-6 and AR-8 leave a choice of the next state', () => {
  for (const [event, row] of Object.entries(STATE_TABLE)) {
    for (const [state, transition] of Object.entries(row)) {
      const otherwise = { 'AE-6': 13, 'AR-8': 10 }[transition.action as string];
      assert.equal(transition.otherwise, otherwise, `${event} in Sta${state}`);
    }
  }
});

test('a PDU that is forbidden on an association under way always aborts it', () => {
  const allowed = new Set(['AE-3', 'AE-4', 'DT-2', 'AR-2', 'AR-3', 'AR-6', 'AR-8', 'AR-10']);
  for (const event of PDU_EVENTS) {
    for (const state of [3, 5, 6, 7, 8, 9, 10, 11, 12] as const) {
      const action = STATE_TABLE[event][state]?.action ?? 'none';
      assert.ok(allowed.has(action) || action === 'AA-8', `${event} in Sta${state} does ${action}`);
    }
  }
});
