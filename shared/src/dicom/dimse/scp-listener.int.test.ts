// Closing a listener: what the kernel has taken for it is accepted first, and with several listeners on a port the others get what comes then.
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import { associateRaw, associateRq, connectRaw, RawPeer } from './raw-peer-for-tests.ts';
import { startScp } from './scp-for-tests.ts';

const WAITING = 30;
const IN_A_ROW = 30;

/** Connections that are in the kernel's queue when this returns: a connect(2) to loopback is done at once, and nobody accepts while this runs. */
function connectWithoutATurn(port: number): RawPeer[] {
  return Array.from({ length: WAITING }, () => new RawPeer(connect({ port, host: '127.0.0.1', noDelay: true })));
}

test('connections that wait to be accepted when a listener is closed are accepted and served', async () => {
  await using scp = await startScp({ limits: { associations: 100, associationsPerSource: 100 } });
  const peers = connectWithoutATurn(scp.port);
  await new Promise((resolve) => process.nextTick(resolve));
  const closed = scp.listener.close();
  for (const peer of peers) peer.send(associateRq());
  await closed;
  for (const peer of peers) {
    const answer = await peer.next();
    assert.equal(answer === 'closed' ? answer : answer.type, 2);
    peer.send(encodeReleaseRequest());
  }
});

test('connections that wait to be accepted when a drain begins are refused 2,3,1, not reset', async () => {
  await using scp = await startScp({ limits: { associations: 100, associationsPerSource: 100 } });
  const peers = connectWithoutATurn(scp.port);
  await new Promise((resolve) => process.nextTick(resolve));
  const drained = scp.scp.drain(5000);
  for (const peer of peers) peer.send(associateRq());
  for (const peer of peers) {
    assert.equal(await peer.nextHex(), '3 00020301');
    peer.socket.end();
  }
  await drained;
});

test('of two listeners on one port the draining one closes at once, and the other gets every further connection', async () => {
  await using staying = await startScp();
  const shared = await staying.scp.listen({ id: 'shared', host: '127.0.0.1', port: 0, reusePort: true });
  await using leaving = await startScp();
  await leaving.scp.listen({ id: 'shared', host: '127.0.0.1', port: shared.port, reusePort: true });
  const open = await openAt(leaving.scp, shared.port);
  const drained = leaving.scp.drain(60_000);
  // Were it still listening, it would refuse every other one.
  for (let inARow = 0; inARow < IN_A_ROW; ) inARow = (await isAccepted(shared.port)) ? inARow + 1 : 0;
  assert.equal(leaving.openAssociations, 1);
  open.send(encodeReleaseRequest());
  await drained;
});

/** The kernel chooses: associations are opened until that SCP has one. */
async function openAt(scp: { readonly openAssociations: number }, port: number): Promise<RawPeer> {
  for (;;) {
    const peer = await associateRaw(port);
    if (scp.openAssociations === 1) return peer;
    peer.send(encodeReleaseRequest());
    await peer.next();
    peer.socket.end();
  }
}

async function isAccepted(port: number): Promise<boolean> {
  const peer = await connectRaw(port);
  peer.send(associateRq());
  const answer = await peer.next();
  peer.send(encodeReleaseRequest());
  peer.socket.end();
  return answer !== 'closed' && answer.type === 2;
}
