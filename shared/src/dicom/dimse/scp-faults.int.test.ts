// Peers that break the protocol, vanish, stall or flood: our SCP against raw sockets.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { encodeAbort, encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import {
  associateRaw,
  associateRq,
  COMMAND,
  connectRaw,
  DATA,
  dataPdu,
  echoRq,
  LAST_DATA,
  pdv,
  storeMessage,
  storeRq,
} from './raw-peer-for-tests.ts';
import type { DataSetSink, DimseStatus } from './scp.ts';
import { startScp } from './scp-for-tests.ts';

/** A-ABORT with source and reason; then we close, as AA-3 asks of us, and so does the SCP. */
async function isAborted(peer: Awaited<ReturnType<typeof connectRaw>>, source: number, reason: number): Promise<void> {
  assert.equal(await peer.nextHex(), `7 0000${source.toString(16).padStart(2, '0')}${reason.toString(16).padStart(2, '0')}`);
  peer.socket.end();
  assert.equal(await peer.next(), 'closed');
}

/** A sink that tells what was called, and lets the test decide when things end. */
function watchedSink(more: Partial<DataSetSink> = {}) {
  const calls: string[] = [];
  const aborted = Promise.withResolvers<Error>();
  const written = Promise.withResolvers<void>();
  const sink: DataSetSink = {
    write: (chunk) => {
      calls.push('write');
      written.resolve();
      return more.write?.(chunk);
    },
    end: () => {
      calls.push('end');
      return more.end?.() ?? Promise.resolve({ status: 0 });
    },
    abort: (reason) => {
      calls.push('abort');
      aborted.resolve(reason);
    },
  };
  return { sink, calls, aborted: aborted.promise, written: written.promise };
}

const FORBIDDEN: [name: string, bytes: Buffer, reason: number][] = [
  ['a P-DATA-TF of one byte more than our limit', Buffer.from('040000020001', 'hex'), 6],
  ['a P-DATA-TF of 4 GiB', Buffer.from('0400fffffff0', 'hex'), 6],
  ['a second A-ASSOCIATE-RQ', associateRq(), 2],
  ['an A-RELEASE-RP nobody asked for', Buffer.from('06000000000400000000', 'hex'), 2],
  ['an A-ASSOCIATE-RJ', Buffer.from('03000000000400010101', 'hex'), 2],
  ['PDU type 0x55', Buffer.from('550000000004', 'hex'), 1],
  ['a message on a context that was never proposed', dataPdu(pdv(77, COMMAND, echoRq(1))), 6],
  ['data without a command', dataPdu(pdv(3, LAST_DATA, Buffer.from('ab'))), 6],
  ['a command that is no command set', dataPdu(pdv(1, COMMAND, Buffer.from('0800010002000000', 'hex'))), 6],
  ['a message interleaved with another', dataPdu(pdv(3, COMMAND, storeRq(1)), pdv(1, COMMAND, echoRq(1))), 6],
];

for (const [name, bytes, reason] of FORBIDDEN) {
  test(`${name} aborts the association with provider reason ${reason}`, async () => {
    await using scp = await startScp();
    const peer = await associateRaw(scp.port);
    peer.send(bytes);
    await isAborted(peer, 2, reason);
    assert.equal((await scp.nextEnd()).kind, 'aborted-by-us');
    assert.equal(scp.openAssociations, 0);
  });
}

test('garbage before an association is answered with A-ABORT and reported', async () => {
  await using scp = await startScp();
  const peer = await connectRaw(scp.port);
  peer.send(Buffer.from('GET / HTTP/1.1\r\n\r\n'));
  await isAborted(peer, 0, 0);
  assert.deepEqual(await scp.nextEvent(), {
    kind: 'malformed-pdu',
    source: '127.0.0.1',
    listener: 'test',
    detail: 'unrecognized PDU type 0x47',
  });
});

for (const [name, bytes, detail] of [
  ['half a header', associateRq().subarray(0, 4), 'connection closed by the peer after 4 of the 6 bytes of a PDU header'],
  ['half an A-ASSOCIATE-RQ', associateRq().subarray(0, 50), /in the middle of a PDU of type 1, \d+ bytes before its end$/],
] as const) {
  test(`a connection that ends after ${name} is reported`, async () => {
    await using scp = await startScp();
    const peer = await connectRaw(scp.port);
    peer.send(bytes);
    peer.socket.end();
    const event = await scp.nextEvent();
    assert.equal(event.kind, 'malformed-pdu');
    if (typeof detail === 'string') assert.equal(event.detail, detail);
    else assert.match(event.detail, detail);
  });
}

test('a connection that ends in the middle of a P-DATA-TF of an open association is reported', async () => {
  await using scp = await startScp();
  const peer = await associateRaw(scp.port);
  const whole = dataPdu(pdv(3, COMMAND, storeRq(1)));
  peer.send(whole.subarray(0, whole.length - 7));
  peer.socket.end();
  const { association, ...event } = await scp.nextEvent();
  assert.ok(association);
  assert.deepEqual(event, {
    kind: 'malformed-pdu',
    source: '127.0.0.1',
    listener: 'test',
    detail: 'connection closed by the peer in the middle of a PDU of type 4, 7 bytes before its end',
  });
  assert.equal((await scp.nextEnd()).kind, 'connection-lost');
});

test('a TLS ClientHello on the plain port is named in the report', async () => {
  await using scp = await startScp();
  const peer = await connectRaw(scp.port);
  peer.send(Buffer.from('160301020001000000', 'hex'));
  assert.equal((await scp.nextEvent()).kind, 'tls-on-plain-port');
});

test('an unknown application context is rejected 1,1,2 and an unknown protocol version 1,2,2', async () => {
  await using scp = await startScp();
  const context = associateRq();
  context.write('9', context.indexOf('1.2.840.10008.3.1.1.1'), 'latin1');
  const first = await connectRaw(scp.port);
  first.send(context);
  assert.equal(await first.nextHex(), '3 00010102');
  const version = associateRq();
  version.writeUInt16BE(2, 6);
  const second = await connectRaw(scp.port);
  second.send(version);
  assert.equal(await second.nextHex(), '3 00010202');
});

test('more protocol versions than ours are accepted as long as version 1 is among them', async () => {
  await using scp = await startScp();
  const request = associateRq();
  request.writeUInt16BE(0xffff, 6);
  await associateRaw(scp.port, request);
});

test('a peer that connects and stays silent is closed when ARTIM expires', async () => {
  await using scp = await startScp({ limits: { artimMs: 50 } });
  const peer = await connectRaw(scp.port);
  assert.equal(await peer.next(), 'closed');
  assert.equal((await scp.nextEvent()).kind, 'no-association');
});

test('a peer that never closes after a reject or a release is closed when ARTIM expires', async () => {
  await using scp = await startScp({ limits: { artimMs: 50 } });
  const released = await associateRaw(scp.port);
  released.send(encodeReleaseRequest());
  assert.equal(await released.nextHex(), '6 00000000');
  assert.equal(await released.next(), 'closed');
  const request = associateRq();
  request.writeUInt16BE(2, 6);
  const rejected = await connectRaw(scp.port);
  rejected.send(request);
  assert.equal(await rejected.nextHex(), '3 00010202');
  assert.equal(await rejected.next(), 'closed');
});

test('ARTIM does not run on an association under way', async () => {
  await using scp = await startScp({ limits: { artimMs: 30, idleMs: 200 } });
  const peer = await associateRaw(scp.port);
  assert.equal(await peer.nextHex(), '7 00000000');
  assert.deepEqual(await scp.nextEnd(), { kind: 'timed-out', detail: 'idle: nothing came for 200 ms' });
});

test('silence is not held against the peer while we owe an answer', async () => {
  const end = Promise.withResolvers<DimseStatus>();
  await using scp = await startScp({ limits: { idleMs: 400 }, storeRequested: () => watchedSink({ end: () => end.promise }).sink });
  const peer = await associateRaw(scp.port);
  peer.send(storeMessage(1, Buffer.from('ab')));
  // Several idle limits long.
  setTimeout(() => end.resolve({ status: 0xb000 }), 1500);
  assert.equal((await peer.nextResponse()).status, 0xb000);
  assert.equal((await scp.nextEnd()).kind, 'timed-out');
});

test('a peer that stops in the middle of a data set is timed out, and the sink aborted', async () => {
  const { sink, calls, aborted } = watchedSink();
  await using scp = await startScp({ limits: { idleMs: 50 }, storeRequested: () => sink });
  const peer = await associateRaw(scp.port);
  peer.send(dataPdu(pdv(3, COMMAND, storeRq(1)), pdv(3, DATA, Buffer.from('ab'))));
  assert.match((await aborted).message, /timed-out, idle/);
  await isAborted(peer, 0, 0);
  assert.deepEqual(calls, ['write', 'abort']);
});

const HALF = dataPdu(pdv(3, COMMAND, storeRq(1)), pdv(3, DATA, Buffer.from('abcd')));

for (const [name, leave, message] of [
  ['A-ABORT', (peer) => peer.send(encodeAbort(0, 0)), /aborted-by-peer, A-ABORT, source 0/],
  ['a FIN', (peer) => peer.socket.end(), /connection-lost, connection closed by the peer/],
  ['a reset', (peer) => peer.socket.resetAndDestroy(), /connection-lost, ECONNRESET/],
  ['A-RELEASE-RQ', (peer) => peer.send(encodeReleaseRequest()), /released/],
  ['an invalid PDU', (peer) => peer.send(Buffer.from('990000000000', 'hex')), /aborted-by-us, unrecognized PDU/],
] as [string, (peer: Awaited<ReturnType<typeof connectRaw>>) => void, RegExp][]) {
  test(`${name} in the middle of a data set aborts the sink once and never ends it`, async () => {
    const { sink, calls, aborted, written } = watchedSink();
    await using scp = await startScp({ storeRequested: () => sink });
    const peer = await associateRaw(scp.port);
    peer.send(HALF);
    await written;
    leave(peer);
    assert.match((await aborted).message, message);
    await scp.nextEnd();
    await scp.scp.drain(0);
    assert.deepEqual(calls, ['write', 'abort']);
  });
}

test('a connection lost while a write is pending aborts the sink at once', async () => {
  const never = new Promise<void>(() => undefined);
  const { sink, calls, aborted, written } = watchedSink({ write: () => never });
  await using scp = await startScp({ storeRequested: () => sink });
  const peer = await associateRaw(scp.port);
  peer.send(storeMessage(1, Buffer.from('abcd')));
  await written;
  peer.socket.resetAndDestroy();
  await aborted;
  assert.equal((await scp.nextEnd()).kind, 'connection-lost');
  assert.deepEqual(calls, ['write', 'abort']);
});

test('a connection lost while end is under way lets it run to its end and sends nothing', async () => {
  const began = Promise.withResolvers<void>();
  const end = Promise.withResolvers<DimseStatus>();
  const { sink, calls } = watchedSink({
    end: () => {
      began.resolve();
      return end.promise;
    },
  });
  await using scp = await startScp({ storeRequested: () => sink });
  const peer = await associateRaw(scp.port);
  peer.send(storeMessage(1, Buffer.from('abcd')));
  await began.promise;
  peer.socket.resetAndDestroy();
  await scp.nextEnd();
  end.resolve({ status: 0 });
  await end.promise;
  assert.deepEqual(calls, ['write', 'end']);
});

test('a write that fails is answered with the status of end, after the rest was dropped', async () => {
  const { sink, calls } = watchedSink({ write: () => Promise.reject(new Error('disk full')), end: async () => ({ status: 0xa702 }) });
  await using scp = await startScp({ storeRequested: () => sink });
  const peer = await associateRaw(scp.port);
  peer.send(storeMessage(1, Buffer.alloc(500_000)));
  assert.equal((await peer.nextResponse()).status, 0xa702);
  assert.deepEqual(calls, ['write', 'end']);
  assert.deepEqual((await scp.nextEvent()).kind, 'store-failed');
});

test('a peer that takes no answers is not read from any further, and is timed out', async () => {
  await using scp = await startScp({ limits: { idleMs: 300 } });
  const peer = await associateRaw(scp.port);
  peer.socket.pause();
  const echoes = Buffer.concat(Array.from({ length: 1000 }, (_, index) => dataPdu(pdv(1, COMMAND, echoRq(index + 1)))));
  let isOver = false;
  const end = scp.nextEnd().then((reason) => {
    isOver = true;
    return reason;
  });
  while (!isOver) if (!peer.socket.write(echoes)) await Promise.race([once(peer.socket, 'drain'), end]);
  assert.equal((await end).kind, 'timed-out');
  peer.socket.destroy();
});
