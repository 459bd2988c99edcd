// A listener behind a balancer: the PROXY protocol header in one piece, in pieces, before TLS, missing, late and wrong.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { AssociationRequest } from '../upper-layer/association.ts';
import { makeCertificate, temporaryFolder } from './dcmtk-for-tests.ts';
import { addresses6, LOCAL_HEADER, proxyHeader2 } from './proxy-header-for-tests.ts';
import { associateRaw, associateRq, connectRaw, RawPeer, storeMessage } from './raw-peer-for-tests.ts';
import type { ListenOptions } from './scp.ts';
import { type FixtureOptions, startScp } from './scp-for-tests.ts';

/** An SCP behind a balancer that keeps the requests it was asked with. */
async function startBehindBalancer(options: FixtureOptions = {}) {
  const asked: AssociationRequest[] = [];
  const scp = await startScp({
    proxyProtocol: true,
    associationRequested: (request) => {
      asked.push(request);
      return {
        contexts: request.contexts.map(({ id, transferSyntaxUids: [first = ''] }) => ({ id, result: 0, transferSyntaxUid: first })),
      };
    },
    ...options,
  });
  return Object.assign(scp, { asked });
}

async function isAccepted(peer: RawPeer): Promise<void> {
  const answer = await peer.next();
  assert.equal(answer === 'closed' ? answer : answer.type, 2);
}

const LINE = Buffer.from('PROXY TCP4 203.0.113.9 192.0.2.1 40001 4104\r\n');
const LARGE = Buffer.alloc(300_000, 0x5a);

for (const [name, header, address, port] of [
  ['version 1', LINE, '203.0.113.9', 40_001],
  ['version 2', proxyHeader2(), '203.0.113.9', 40_001],
  ['version 2 over IPv6', proxyHeader2({ family: 0x21, body: addresses6('20010db8000000000000000000000009', 7) }), '2001:db8::9', 7],
] as const) {
  test(`${name}: header, request and data set in one segment lose no byte, and the source is the one of the header`, async () => {
    await using scp = await startBehindBalancer();
    const peer = await connectRaw(scp.port);
    peer.send(header, associateRq());
    await isAccepted(peer);
    peer.send(storeMessage(1, LARGE));
    assert.equal((await peer.nextResponse()).status, 0);
    assert.equal(scp.stored[0]?.bytes, LARGE.length);
    assert.deepEqual(scp.asked[0]?.peer, { address, port, listener: 'test', balancer: '127.0.0.1' });
  });

  test(`${name}: header and request byte by byte`, async () => {
    await using scp = await startBehindBalancer();
    const peer = await connectRaw(scp.port);
    await peer.sendByteByByte(Buffer.concat([header, associateRq()]));
    await isAccepted(peer);
    assert.equal(scp.asked[0]?.peer.address, address);
  });
}

test('the limit of one source counts the sources of the headers, not the balancer', async () => {
  await using scp = await startBehindBalancer({ limits: { associationsPerSource: 1 } });
  const from = (source: string) => Buffer.concat([Buffer.from(`PROXY TCP4 ${source} 192.0.2.1 1 2\r\n`), associateRq()]);
  const [one, other, third] = [await connectRaw(scp.port), await connectRaw(scp.port), await connectRaw(scp.port)];
  one.send(from('203.0.113.1'));
  await isAccepted(one);
  other.send(from('203.0.113.2'));
  await isAccepted(other);
  third.send(from('203.0.113.1'));
  assert.equal(await third.nextHex(), '3 00020302');
  const event = await scp.nextEvent();
  assert.deepEqual([event.source, event.listener, event.balancer], ['203.0.113.1', 'test', '127.0.0.1']);
});

test('LOCAL is the own connection of the balancer: its address counts, and it may associate', async () => {
  await using scp = await startBehindBalancer();
  await associateRaw(scp.port, Buffer.concat([LOCAL_HEADER, associateRq()]));
  assert.equal(scp.asked[0]?.peer.address, '127.0.0.1');
  assert.equal(scp.asked[0]?.peer.balancer, undefined);
});

for (const [name, bytes, detail] of [
  ['an A-ASSOCIATE-RQ', associateRq(), 'a plain A-ASSOCIATE-RQ came instead of a PROXY protocol header'],
  ['a TLS ClientHello', Buffer.from('16030102000100', 'hex'), 'a TLS ClientHello came instead of a PROXY protocol header'],
  ['HTTP', Buffer.from('GET / HTTP/1.0\r\n\r\n'), 'no PROXY protocol header came'],
  ['a header for UDP', proxyHeader2({ family: 0x12 }), 'a PROXY header is for family and transport 0x12, not TCP'],
] as const) {
  test(`${name} on a listener behind a balancer is refused with one clear line`, async () => {
    await using scp = await startBehindBalancer();
    const peer = await connectRaw(scp.port);
    peer.send(bytes);
    if (bytes[0] === 1) assert.equal(await peer.nextHex(), '7 00000200');
    assert.equal(await peer.next(), 'closed');
    assert.deepEqual(await scp.nextEvent(), {
      kind: 'proxy-header-refused',
      source: '127.0.0.1',
      listener: 'test',
      detail: `${detail}: let the balancer send the header (HAProxy: send-proxy-v2), or set proxyProtocol: false for direct peers`,
    });
    assert.equal(scp.asked.length, 0);
  });
}

test('a header that does not end in time is closed by ARTIM, with one line', async () => {
  await using scp = await startBehindBalancer({ limits: { artimMs: 50 } });
  const peer = await connectRaw(scp.port);
  peer.send(LINE.subarray(0, 20));
  assert.equal(await peer.next(), 'closed');
  const event = await scp.nextEvent();
  assert.equal(event.kind, 'proxy-header-refused');
  assert.match(event.detail, /^no PROXY protocol header came within 50 ms/);
});

test('a connection that ends in the middle of the header is reported', async () => {
  await using scp = await startBehindBalancer();
  const peer = await connectRaw(scp.port);
  peer.send(LINE.subarray(0, 20));
  peer.socket.end();
  assert.equal((await scp.nextEvent()).detail, 'the connection ended in the middle of the PROXY protocol header');
});

/** What a balancer does all the time: connect, say nothing or LOCAL, and leave by FIN or reset. */
async function healthCheck(port: number, header: Buffer, leave: 'end' | 'resetAndDestroy'): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  if (header.length > 0) socket.write(header);
  socket[leave]();
  await once(socket, 'close');
}

for (const proxyProtocol of [false, true]) {
  for (const secure of [false, true]) {
    const where = `${secure ? 'TLS' : 'plain'} listener${proxyProtocol ? ' behind a balancer' : ''}`;
    test(`health checks that connect and leave write no line: ${where}`, async () => {
      await using folder = await temporaryFolder();
      const tls: ListenOptions['tls'] = secure ? await makeCertificate(folder.path, '/CN=gateway') : undefined;
      await using scp = await startBehindBalancer({ proxyProtocol, tls: tls && { cert: tls.cert, key: tls.key } });
      const headers = proxyProtocol ? [Buffer.alloc(0), LOCAL_HEADER] : [Buffer.alloc(0)];
      for (const header of headers) for (const leave of ['end', 'resetAndDestroy'] as const) await healthCheck(scp.port, header, leave);
      // The first event is that of the peer that comes after them.
      const peer = await connectRaw(scp.port);
      peer.send(Buffer.from('474747474747', 'hex'));
      await peer.next();
      assert.match((await scp.nextEvent()).detail, /0x47|no PROXY protocol header/);
    });
  }
}

for (const pace of ['in one write', 'byte by byte'] as const) {
  test(`before TLS: the header comes first, ${pace}, then the handshake`, async () => {
    await using folder = await temporaryFolder();
    const { cert, key } = await makeCertificate(folder.path, '/CN=gateway');
    await using scp = await startBehindBalancer({ tls: { cert, key } });
    const socket = connect({ port: scp.port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    // Node writes its ClientHello behind what is written before.
    if (pace === 'in one write') socket.cork();
    for (const byte of LINE) socket.write(Buffer.from([byte]));
    const secure = connectTls({ socket, ca: cert, servername: 'localhost' });
    if (pace === 'in one write') process.nextTick(() => socket.uncork());
    await once(secure, 'secureConnect');
    const peer = new RawPeer(secure);
    peer.send(associateRq());
    await isAccepted(peer);
    peer.send(storeMessage(1, LARGE));
    assert.equal((await peer.nextResponse()).status, 0);
    const { peer: seen } = scp.asked[0]!;
    assert.deepEqual([seen.address, seen.port, seen.balancer], ['203.0.113.9', 40_001, '127.0.0.1']);
    assert.match(seen.tls?.protocol ?? '', /^TLSv1\.[23]$/);
  });
}

test('a TLS failure behind a balancer is told with the source of the header', async () => {
  await using folder = await temporaryFolder();
  const { cert, key } = await makeCertificate(folder.path, '/CN=gateway');
  await using scp = await startBehindBalancer({ tls: { cert, key } });
  const socket = connect({ port: scp.port, host: '127.0.0.1' });
  socket.write(LINE);
  const secure = connectTls({ socket, servername: 'localhost' });
  await assert.rejects(once(secure, 'secureConnect'), /self-signed/);
  const event = await scp.nextEvent();
  assert.deepEqual([event.source, event.balancer, event.listener], ['203.0.113.9', '127.0.0.1', 'test']);
});
