// What an SCP refuses when too many come, and how it stops: limits on associations and connections, and draining.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import {
  associateRaw,
  associateRq,
  COMMAND,
  connectRaw,
  DATA,
  dataPdu,
  pdv,
  RawPeer,
  storeMessage,
  storeRq,
} from './raw-peer-for-tests.ts';
import { startScp } from './scp-for-tests.ts';

test('limits on all associations and on those of one source reject 2,3,2, and a released one makes room', async () => {
  await using scp = await startScp({ limits: { associations: 2, associationsPerSource: 1 } });
  const first = await associateRaw(scp.port);
  const second = await connectRaw(scp.port);
  second.send(associateRq());
  assert.equal(await second.nextHex(), '3 00020302');
  first.send(encodeReleaseRequest());
  assert.equal(await first.nextHex(), '6 00000000');
  await associateRaw(scp.port);
  assert.equal(scp.openAssociations, 1);
});

test('draining refuses new associations 2,3,1, lets an open one finish, then closes', async () => {
  await using scp = await startScp();
  const peer = await associateRaw(scp.port);
  const drained = scp.scp.drain(60_000);
  const late = await connectRaw(scp.port);
  late.send(associateRq());
  assert.equal(await late.nextHex(), '3 00020301');
  peer.send(storeMessage(1, Buffer.from('ab')));
  assert.equal((await peer.nextResponse()).status, 0);
  peer.send(encodeReleaseRequest());
  assert.equal(await peer.nextHex(), '6 00000000');
  await drained;
  await assert.rejects(connectRaw(scp.port), /ECONNREFUSED/);
});

test('draining aborts what does not finish within its grace', async () => {
  const [aborted, written] = [Promise.withResolvers<Error>(), Promise.withResolvers<void>()];
  const sink = { write: () => void written.resolve(), end: async () => ({ status: 0 }), abort: aborted.resolve };
  await using scp = await startScp({ storeRequested: () => sink });
  const peer = await associateRaw(scp.port);
  peer.send(dataPdu(pdv(3, COMMAND, storeRq(1)), pdv(3, DATA, Buffer.from('half'))));
  await written.promise;
  await scp.scp.drain(20);
  assert.match((await aborted.promise).message, /shutting down/);
  assert.equal(await peer.nextHex(), '7 00000000');
});

test('draining a second time with less grace ends both, and a connection without an association does not hold it up', async () => {
  await using scp = await startScp();
  await associateRaw(scp.port);
  const silent = await connectRaw(scp.port);
  const patient = scp.scp.drain(600_000);
  await scp.scp.drain(0);
  await patient;
  assert.equal(await silent.next(), 'closed');
});

test('silent connections beyond twice the limit on associations are closed and reported', async () => {
  await using scp = await startScp({ limits: { associations: 1 } });
  const peers = await Promise.all(Array.from({ length: 34 }, () => connectRaw(scp.port)));
  const last = await connectRaw(scp.port);
  assert.equal(await last.next(), 'closed');
  assert.equal((await scp.nextEvent()).kind, 'connections-exceeded');
  for (const peer of peers) peer.socket.destroy();
});

test('one source has no more silent connections than twice its limit, and the places of others are kept', async () => {
  await using scp = await startScp({ limits: { associations: 100, associationsPerSource: 1 } });
  const peers = await Promise.all(Array.from({ length: 34 }, () => connectRaw(scp.port)));
  const last = await connectRaw(scp.port);
  assert.equal(await last.next(), 'closed');
  const { kind, limit } = await scp.nextEvent();
  assert.deepEqual([kind, limit], ['connections-exceeded', 'associationsPerSource']);
  const other = connect({ port: scp.port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  await once(other, 'connect');
  const friend = new RawPeer(other);
  friend.send(associateRq());
  const answer = await friend.next();
  assert.equal(answer === 'closed' ? answer : answer.type, 2);
  for (const peer of [...peers, friend]) peer.socket.destroy();
});

test('a balancer brings the connections of many: its own address has no limit', async () => {
  await using scp = await startScp({ proxyProtocol: true, limits: { associations: 100, associationsPerSource: 1 } });
  const peers = await Promise.all(Array.from({ length: 40 }, () => connectRaw(scp.port)));
  const last = await connectRaw(scp.port);
  last.send(Buffer.from('PROXY TCP4 203.0.113.9 192.0.2.1 40001 4104\r\n'), associateRq());
  const answer = await last.next();
  assert.equal(answer === 'closed' ? answer : answer.type, 2);
  for (const peer of [...peers, last]) peer.socket.destroy();
});
