// A destination that sends everything back: what comes is taken, goes nowhere by itself, and waits for a person who is told why.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { type ReturningPeer, startReturningPeer } from './returning-peer.ts';
import { runSend } from './run-send.ts';
import { until } from './wait-for-fact.ts';

const INSTANCES = 5;

interface Waiting {
  readonly held: { readonly reason: string; readonly detail: string; readonly facility: string };
  readonly receiptIds: string[];
}

interface Status {
  readonly work: { readonly open: number; readonly held: number };
}

describe('a destination that sends everything back with the title that it was called with', () => {
  let scratch: string;
  let peer: ReturningPeer;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;

  const documentWith = (callingAe: string) => ({
    facilities: [{ id: 'main', match: [{}], destinations: ['pacs'] }],
    destinations: [{ id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: peer.port, calledAe: 'PACS', callingAe }],
  });

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'causeway-loop-'));
    const dicomPort = await freePort();
    peer = await startReturningPeer(scratch, dicomPort);
    gateway = await startGateway({ config: documentWith('GATEWAY_OUT'), env: { CAUSEWAY_DICOM_PORT: String(dicomPort) } });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    await peer?.stop();
    await rm(scratch, { recursive: true, force: true });
  });

  /** So many wait as loops, in all; nothing is under way. */
  const untilHeld = (count: number): Promise<Waiting[]> =>
    until(`${count} instances are held as loops`, async () => {
      const { waiting } = await client.get<{ waiting: Waiting[] }>('/api/held');
      const { work } = await client.get<Status>('/api/status');
      return work.held === count && work.open === 0 && waiting;
    });

  it('gets each instance once; what comes back is held, with title and destination', async () => {
    const { code, output } = await runSend(['--port', gateway.ports.dicom, '--synthetic', `1x${INSTANCES}`, '--rows', 64, '--columns', 64])
      .ended;
    assert.equal(code, 0, output);
    const [group, ...others] = await untilHeld(INSTANCES);
    assert.deepEqual(others, []);
    assert.deepEqual(group!.held, {
      reason: 'loop',
      detail: 'it came with calling AE title GATEWAY_OUT, which is our own towards pacs: sent on, it could go round for ever',
      facility: 'main',
      candidates: [],
    });
    assert.equal(await peer.received(), INSTANCES);
    const { instances } = await client.get<{ instances: { rules: { kind: string; applied: boolean }[] }[] }>(
      `/api/explain?receipt=${group!.receiptIds[0]}`,
    );
    assert.ok(instances[0]!.rules.some(({ kind, applied }) => kind === 'loop' && applied));
  });

  it('gets them once more when a person says so, and what comes back waits again', async () => {
    const [before] = await untilHeld(INSTANCES);
    const { status, body } = await client.send('POST', '/api/held/assign', { receiptIds: before!.receiptIds, facilities: ['main'] });
    assert.equal(status, 200, JSON.stringify(body));
    await until('they were sent again', async () => (await peer.received()) === 2 * INSTANCES);
    const [group] = await untilHeld(INSTANCES);
    assert.ok(group!.receiptIds.every((id) => !before!.receiptIds.includes(id)));
    assert.equal(await peer.received(), 2 * INSTANCES);
  });

  it('is done with when a person discards what came back', async () => {
    const [group] = await untilHeld(INSTANCES);
    const { status } = await client.send('POST', '/api/held/discard', { receiptIds: group!.receiptIds });
    assert.equal(status, 200);
    assert.deepEqual(await untilHeld(0), []);
    assert.equal(await peer.received(), 2 * INSTANCES);
  });
});
