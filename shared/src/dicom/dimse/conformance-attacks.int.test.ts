// What broke other providers, by bytes: messages after the end of an association, a second request too early, many PDVs in the first PDU before a slow writer.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { encodeAbort, encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import {
  associateRaw,
  associateRq,
  COMMAND,
  connectRaw,
  DATA,
  dataPdu,
  LAST_DATA,
  pdv,
  type RawPeer,
  storeMessage,
  storeRq,
} from './raw-peer-for-tests.ts';
import type { DataSetSink } from './scp.ts';
import { startScp } from './scp-for-tests.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Everything that is ready to run has run. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('many data PDVs in the first PDU, behind the command, reach a slow writer in order and whole', async () => {
  const received: Buffer[] = [];
  let writing = false;
  const sink: DataSetSink = {
    async write(chunk) {
      assert.equal(writing, false, 'one write at a time');
      writing = true;
      const copy = Buffer.from(chunk);
      for (let turns = 0; turns < 5; turns++) await turn();
      received.push(copy);
      assert.ok(copy.equals(chunk), 'the chunk is left alone until the write settles');
      writing = false;
    },
    end: async () => ({ status: 0 }),
    abort: () => assert.fail('aborted'),
  };
  await using scp = await startScp({ storeRequested: () => sink });
  const peer = await associateRaw(scp.port);
  const data = randomBytes(100_000);
  const pieces = Array.from({ length: 100 }, (_, at) => pdv(3, at === 99 ? LAST_DATA : DATA, data.subarray(at * 1000, at * 1000 + 1000)));
  peer.send(dataPdu(pdv(3, COMMAND, storeRq(1)), ...pieces));
  assert.equal((await peer.nextResponse()).status, 0);
  assert.equal(sha256(Buffer.concat(received)), sha256(data));
});

test('a second C-STORE before the first answer waits: its sink is not asked for until the first one has ended', async () => {
  const calls: string[] = [];
  const first = Promise.withResolvers<{ status: number }>();
  const began = Promise.withResolvers<void>();
  const sinkOf = (messageId: number): DataSetSink => ({
    write: () => undefined,
    end: () => {
      calls.push(`end ${messageId}`);
      began.resolve();
      return messageId === 1 ? first.promise : Promise.resolve({ status: 0 });
    },
    abort: () => assert.fail('aborted'),
  });
  await using scp = await startScp({
    storeRequested: (_association, { messageId }) => {
      calls.push(`request ${messageId}`);
      return sinkOf(messageId);
    },
  });
  const peer = await associateRaw(scp.port);
  peer.send(storeMessage(1, Buffer.from('ab')), storeMessage(2, Buffer.from('cd')));
  await began.promise;
  for (let turns = 0; turns < 20; turns++) await turn();
  assert.deepEqual(calls, ['request 1', 'end 1']);
  first.resolve({ status: 0xb000 });
  assert.deepEqual([(await peer.nextResponse()).status, (await peer.nextResponse()).messageId], [0xb000, 2]);
  assert.deepEqual(calls, ['request 1', 'end 1', 'request 2', 'end 2']);
});

interface Over {
  readonly how: string;
  /** Ends the association, or never gets one; what the SCP sent in reply has been read. */
  readonly end: (port: number) => Promise<RawPeer>;
}

const OVER: Over[] = [
  {
    how: 'A-ASSOCIATE-RJ',
    end: async (port) => {
      const peer = await connectRaw(port);
      const request = associateRq();
      request.writeUInt16BE(2, 6);
      peer.send(request);
      assert.equal(await peer.nextHex(), '3 00010202');
      return peer;
    },
  },
  {
    how: 'A-RELEASE-RP',
    end: async (port) => {
      const peer = await associateRaw(port);
      peer.send(encodeReleaseRequest());
      assert.equal(await peer.nextHex(), '6 00000000');
      return peer;
    },
  },
  {
    how: 'A-ABORT of ours',
    end: async (port) => {
      const peer = await associateRaw(port);
      peer.send(associateRq());
      assert.equal(await peer.nextHex(), '7 00000202');
      return peer;
    },
  },
];

for (const { how, end } of OVER)
  test(`a C-STORE after ${how} is ignored: no sink, no answer, and the connection is closed in time`, async () => {
    await using scp = await startScp({ limits: { artimMs: 500 }, storeRequested: () => assert.fail('asked') });
    const peer = await end(scp.port);
    peer.send(storeMessage(1, Buffer.from('ab')));
    assert.equal(await peer.next(), 'closed');
    assert.equal(scp.openAssociations, 0);
  });

test('a C-STORE in the same packet as an A-ABORT, behind it or before an association, is ignored', async () => {
  await using scp = await startScp({ storeRequested: () => assert.fail('asked') });
  const behind = await associateRaw(scp.port);
  behind.send(encodeAbort(0, 0), storeMessage(1, Buffer.from('ab')));
  assert.equal(await behind.next(), 'closed');
  const before = await connectRaw(scp.port);
  before.send(storeMessage(1, Buffer.from('ab')));
  assert.equal(await before.nextHex(), '7 00000000');
});

test('a C-STORE together with its A-ASSOCIATE-RQ, before the answer, is unexpected: A-ABORT 2,2', async () => {
  await using scp = await startScp({ storeRequested: () => assert.fail('asked') });
  const peer = await connectRaw(scp.port);
  peer.send(associateRq(), storeMessage(1, Buffer.from('ab')));
  assert.equal(await peer.nextHex(), '7 00000202');
});
