// Every cell of PS3.8 table 9-10 that a peer can reach, over a socket: what is sent in each state, and what the table's action makes of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dataPdu, pdv } from '../dimse/raw-peer-for-tests.ts';
import { ACCEPT, type ConnectionUnderTest, connectionIn, REACHABLE_STATES, REQUEST } from './connection-for-tests.ts';
import { encodeAbort, encodeAssociateReject, encodeReleaseRequest, encodeReleaseResponse } from './pdu-writer.ts';
import { type Action, STATE_TABLE, type State, type UpperLayerEvent } from './state-machine.ts';

interface Sent {
  readonly name: string;
  readonly event: UpperLayerEvent;
  readonly bytes: Buffer;
  /** Of the provider's A-ABORT, where one answers it: 1 unrecognized, 2 unexpected, 6 invalid (PS3.8 table 9-26). */
  readonly reason: 1 | 2 | 6;
}

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const SENT: Sent[] = [
  { name: 'A-ASSOCIATE-AC', event: 'A-ASSOCIATE-AC PDU', bytes: ACCEPT, reason: 2 },
  { name: 'A-ASSOCIATE-RJ', event: 'A-ASSOCIATE-RJ PDU', bytes: encodeAssociateReject({ result: 1, source: 1, reason: 1 }), reason: 2 },
  { name: 'A-ASSOCIATE-RQ', event: 'A-ASSOCIATE-RQ PDU', bytes: REQUEST, reason: 2 },
  { name: 'P-DATA-TF', event: 'P-DATA-TF PDU', bytes: dataPdu(pdv(1, 3, Buffer.from('ab'))), reason: 2 },
  { name: 'A-RELEASE-RQ', event: 'A-RELEASE-RQ PDU', bytes: encodeReleaseRequest(), reason: 2 },
  { name: 'A-RELEASE-RP', event: 'A-RELEASE-RP PDU', bytes: encodeReleaseResponse(), reason: 2 },
  { name: 'A-ABORT of the user', event: 'A-ABORT PDU', bytes: encodeAbort(0, 0), reason: 2 },
  { name: 'A-ABORT of the provider', event: 'A-ABORT PDU', bytes: encodeAbort(2, 6), reason: 2 },
  { name: 'a PDU of type 00', event: 'invalid PDU', bytes: hex('000000000004'), reason: 1 },
  { name: 'a PDU of type 08', event: 'invalid PDU', bytes: hex('080000000004'), reason: 1 },
  { name: 'a PDU of type FF', event: 'invalid PDU', bytes: hex('ff00ffffffff'), reason: 1 },
  { name: 'an A-RELEASE-RQ of 3 bytes', event: 'invalid PDU', bytes: hex('050000000003000000'), reason: 6 },
  { name: 'an A-RELEASE-RP of 5 bytes', event: 'invalid PDU', bytes: hex('0600000000050000000000'), reason: 6 },
  { name: 'an A-ABORT of 4 GiB', event: 'invalid PDU', bytes: hex('0700ffffffff'), reason: 6 },
  { name: 'an A-ASSOCIATE-RJ of 0 bytes', event: 'invalid PDU', bytes: hex('030000000000'), reason: 6 },
  { name: 'an A-ASSOCIATE-RQ of 4 GiB', event: 'invalid PDU', bytes: hex('0100fffffff0'), reason: 6 },
  { name: 'an empty A-ASSOCIATE-AC', event: 'invalid PDU', bytes: hex('020000000000'), reason: 6 },
  { name: 'a P-DATA-TF of more than our limit', event: 'invalid PDU', bytes: hex('0400000003e9'), reason: 6 },
  { name: 'a P-DATA-TF of 4 GiB', event: 'invalid PDU', bytes: hex('0400fffffff0'), reason: 6 },
  { name: 'a P-DATA-TF without room for a PDV', event: 'invalid PDU', bytes: hex('04000000000500000001'), reason: 6 },
];

/** What shows on the socket and to the user that the action was performed. */
type Observation = (on: ConnectionUnderTest, sent: Sent) => Promise<void>;

async function hears(on: ConnectionUnderTest, what: string): Promise<void> {
  await on.user.hears(what);
}

/** Nothing but a close comes. */
async function closes(on: ConnectionUnderTest): Promise<void> {
  assert.equal(await on.peer.next(), 'closed');
  await on.user.gone.promise;
}

/** Sta13 by its own column: an A-ASSOCIATE-RQ there is answered with A-ABORT (AA-7), which nothing but Sta13 and an intact stream does. */
async function isInSta13(on: ConnectionUnderTest): Promise<void> {
  on.peer.send(REQUEST);
  assert.equal(await on.peer.nextHex(), '7 00000202');
}

const aborts =
  (source: 0 | 2): Observation =>
  async (on, { reason }) => {
    assert.equal(await on.peer.nextHex(), source === 0 ? '7 00000000' : `7 0000020${reason}`);
    assert.equal((await on.user.over.promise).kind, 'aborted-by-us');
    if (reason === 2) await isInSta13(on);
    on.peer.socket.end();
    await closes(on);
  };

const SEEN: Partial<Record<Action, Observation>> = {
  'AE-3': (on) => hears(on, 'accepted'),
  'AE-4': async (on) => {
    await hears(on, 'rejected');
    await closes(on);
  },
  'AE-6': (on) => hears(on, 'request'),
  'DT-2': (on) => hears(on, 'data'),
  'AR-2': (on) => hears(on, 'release'),
  'AR-3': async (on) => {
    assert.equal((await on.user.over.promise).kind, 'released');
    await closes(on);
  },
  'AR-6': (on) => hears(on, 'data'),
  'AR-8': (on) => hears(on, 'release'),
  'AR-10': async (on) => {
    assert.equal(await on.peer.nextHex(), '6 00000000');
    assert.equal((await on.user.over.promise).kind, 'released');
  },
  'AA-1': aborts(0),
  'AA-2': closes,
  'AA-3': async (on) => {
    assert.equal((await on.user.over.promise).kind, 'aborted-by-peer');
    await closes(on);
  },
  'AA-6': isInSta13,
  'AA-7': async (on, { reason }) => assert.equal(await on.peer.nextHex(), `7 0000020${reason}`),
  'AA-8': aborts(2),
};

/** The next state shows in what the association does then. */
const THEN: Partial<Record<Action, (on: ConnectionUnderTest) => Promise<void>>> = {
  'AE-3': async (on) => assert.equal(on.connection.isEstablished, true),
  'DT-2': async (on) => assert.equal(on.connection.isEstablished, true),
  'AR-2': async (on) => {
    on.connection.respondRelease();
    assert.equal(await on.peer.nextHex(), '6 00000000');
    await isInSta13(on);
  },
  'AR-6': async (on) => {
    on.peer.send(encodeReleaseResponse());
    assert.equal((await on.user.over.promise).kind, 'released');
  },
  'AR-8': async (on) => {
    on.connection.respondRelease();
    on.peer.send(encodeReleaseResponse());
    assert.equal(await on.peer.nextHex(), '6 00000000');
    assert.equal((await on.user.over.promise).kind, 'released');
  },
  'AR-10': isInSta13,
};

for (const state of REACHABLE_STATES)
  for (const sent of SENT) {
    const action = STATE_TABLE[sent.event][state]!.action;
    test(`Sta${state}: ${sent.name} does ${action}`, async () => {
      await using on = await connectionIn(state);
      on.peer.send(sent.bytes);
      await SEEN[action]!(on, sent);
      await THEN[action]?.(on);
      assert.ok(on.user.told.filter((what) => what.startsWith('end:')).length <= 1, 'an association ends once');
    });
  }

for (const state of REACHABLE_STATES)
  for (const [how, leave] of [
    ['closes', (on: ConnectionUnderTest) => on.peer.socket.end()],
    ['resets', (on: ConnectionUnderTest) => on.peer.socket.resetAndDestroy()],
  ] as const)
    test(`Sta${state}: a peer that ${how} the connection does ${STATE_TABLE['transport closed'][state]!.action}`, async () => {
      await using on = await connectionIn(state);
      leave(on);
      const expected = state === 13 ? 'released' : 'connection-lost';
      assert.equal((await on.user.over.promise).kind, expected);
      await on.user.gone.promise;
    });

/** Long enough for a busy machine to come into the state before it expires in Sta2. */
const ARTIM_MS = 500;
/** Much longer than ARTIM, and nothing happens: the timer does not run there. */
const STATES_WITHOUT_ARTIM = REACHABLE_STATES.filter((state) => STATE_TABLE['ARTIM expired'][state] === undefined);

for (const state of [2, 13] as State[])
  test(`Sta${state}: ARTIM runs, and its end closes the connection (AA-2)`, async () => {
    await using on = await connectionIn(state, ARTIM_MS);
    await closes(on);
  });

test('ARTIM runs in no other state', async () => {
  await Promise.all(
    STATES_WITHOUT_ARTIM.map(async (state) => {
      await using on = await connectionIn(state, ARTIM_MS);
      // A connection that would be closed by ARTIM is: one beside it in Sta2, begun later, is the clock.
      await using clock = await connectionIn(2, 2 * ARTIM_MS);
      await clock.user.gone.promise;
      assert.deepEqual([on.user.told.filter((what) => what.startsWith('end:')), on.peer.socket.closed], [[], false], `Sta${state}`);
    }),
  );
});

test('ARTIM runs after each A-ABORT of ours, until the peer closes (AA-1, AA-8)', async () => {
  await Promise.all(
    STATES_WITHOUT_ARTIM.map(async (state) => {
      await using on = await connectionIn(state, ARTIM_MS);
      on.connection.abort({ kind: 'aborted-by-us', detail: 'test' });
      assert.equal(await on.peer.nextHex(), '7 00000000', `Sta${state}`);
      await closes(on);
    }),
  );
});

test('primitives that the table leaves blank in a state do nothing', async () => {
  for (const state of REACHABLE_STATES) {
    await using on = await connectionIn(state);
    const { connection } = on;
    const allowed = (event: UpperLayerEvent) => STATE_TABLE[event][state] !== undefined;
    if (!allowed('A-ASSOCIATE accept')) assert.equal(connection.acceptAssociation(ACCEPT, 0), false);
    if (!allowed('A-ASSOCIATE reject')) assert.equal(connection.rejectAssociation({ result: 1, source: 1, reason: 1, because: '' }), false);
    if (!allowed('A-RELEASE request')) assert.equal(connection.requestRelease(), false);
    if (!allowed('P-DATA request')) connection.sendData([dataPdu(pdv(1, 3, Buffer.from('ab')))]);
    if (!allowed('A-RELEASE response')) connection.respondRelease();
    connection.abort({ kind: 'aborted-by-us', detail: 'test' });
    if (state === 2 || state === 13) await isInSta13OrAborted(on, state);
    else assert.equal(await on.peer.nextHex(), '7 00000000', `Sta${state}`);
  }
});

/** In Sta2 and Sta13 A-ABORT request is blank too: the next PDU shows that nothing was sent before. */
async function isInSta13OrAborted(on: ConnectionUnderTest, state: State): Promise<void> {
  if (state === 13) return isInSta13(on);
  on.peer.send(encodeReleaseRequest());
  assert.equal(await on.peer.nextHex(), '7 00000000');
}

test('data is sent in Sta8 too (AR-7)', async () => {
  await using on = await connectionIn(8);
  on.connection.sendData([dataPdu(pdv(1, 3, Buffer.from('ab')))]);
  assert.equal(await on.peer.nextHex(), `4 ${Buffer.from('ab').toString('hex')}`);
});
