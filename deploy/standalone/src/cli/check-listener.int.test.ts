// A DICOM listener as the doctor finds it, against a real one.
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { type Authority, type Certificates, makeAuthority, temporaryFolder } from '@causeway/shared/dicom/dimse/dcmtk-for-tests';
import { type FixtureOptions, startScp } from '@causeway/shared/dicom/dimse/scp-for-tests';
import { checkListener, type ListenerVisit } from './check-listener.ts';
import type { Finding } from './finding.ts';
import type { Listener } from './gateway-status.ts';

const VISIT: ListenerVisit = { host: '127.0.0.1', callingAe: 'DOCTOR', calledAe: 'GATEWAY', client: undefined, now: new Date() };
const PLAIN: Listener = { id: 'lan', port: 0, tls: false, proxyProtocol: false, clientCert: 'none' };

/** What is found of a listener that is started so and described so. */
async function find(options: FixtureOptions, described: Partial<Listener> = {}, visit: Partial<ListenerVisit> = {}): Promise<Finding[]> {
  await using scp = await startScp(options);
  return await checkListener({ ...PLAIN, port: scp.port, ...described }, { ...VISIT, ...visit });
}

const short = (findings: readonly Finding[]): string[] =>
  findings.map(({ level, what }) => `${level}: ${what.replace(/127\.0\.0\.1:\d+/, 'HOST')}`);
const rejecting = (result: 1 | 2, source: 1 | 3, reason: number): FixtureOptions => ({
  associationRequested: () => ({ result, source, reason, because: 'the test' }),
});

describe('a plain listener', () => {
  test('that answers C-ECHO is ok', async () => {
    assert.deepEqual(short(await find({})), ['ok: listener lan (HOST) answers C-ECHO as GATEWAY']);
  });

  test('where nothing listens is failed, with what to do', async () => {
    const [finding] = await checkListener({ ...PLAIN, port: await freePort() }, VISIT);
    assert.match(short([finding!])[0]!, /^FAILED: listener lan \(HOST\) cannot be reached: ECONNREFUSED$/);
    assert.match(finding!.whatToDo!, /firewall/);
  });

  test('that does not let this calling AE title in is reached, and a warning says how to go on', async () => {
    const [finding] = await find(rejecting(1, 1, 3));
    assert.deepEqual(short([finding!]), ['warning: listener lan (HOST) is reached, but does not let DOCTOR in (gateway.callers)']);
    assert.match(finding!.whatToDo!, /--calling/);
  });

  test('that does not know the called AE title, or is full, is failed', async () => {
    assert.match(short(await find(rejecting(1, 1, 7)))[0]!, /^FAILED: .* does not know the called AE title GATEWAY$/);
    assert.match(short(await find(rejecting(2, 3, 2)))[0]!, /^FAILED: .* refuses associations for now: .*result 2, source 3, reason 2/);
  });

  test('that hangs up without a word is failed', async () => {
    const server = createServer((socket) => socket.once('data', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    assert.match(short(await checkListener({ ...PLAIN, port }, VISIT))[0]!, /^FAILED: .* does not answer C-ECHO/);
    server.close();
  });

  test('behind a balancer is reached, and not asked for an association', async () => {
    assert.match(short(await find({ proxyProtocol: true }, { proxyProtocol: true }))[0]!, /^ok: .*C-ECHO is its balancer's matter/);
  });
});

describe('a TLS listener', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let authority: Authority;
  let modality: Certificates;
  before(async () => {
    folder = await temporaryFolder();
    authority = await makeAuthority(folder.path, 'ours');
    modality = await authority.issue('/CN=modality');
  });
  after(() => folder[Symbol.asyncDispose]());

  async function findTls(
    days: number | undefined,
    clientCert: Listener['clientCert'],
    visit: Partial<ListenerVisit> = {},
  ): Promise<string[]> {
    const { cert, key } = await authority.issue('/CN=gateway', days);
    return short(await find({ tls: { cert, key, ca: authority.cert, clientCert } }, { tls: true, clientCert }, visit));
  }

  test('answers C-ECHO without a client certificate where none is required, and with one where it is', async () => {
    assert.deepEqual(await findTls(365, 'none'), ['ok: listener lan (HOST, TLS) answers C-ECHO as GATEWAY']);
    const client = { cert: String(modality.cert), key: String(modality.key) };
    assert.deepEqual(await findTls(365, 'required', { client }), ['ok: listener lan (HOST, TLS) answers C-ECHO as GATEWAY']);
  });

  test('that requires a client certificate is reached without one, and says which options give it', async () => {
    assert.match((await findTls(365, 'required'))[0]!, /^ok: .* is reached; C-ECHO needs a client certificate: --tls-cert/);
  });

  test('whose certificate expires soon is a warning, one that has expired failed', async () => {
    assert.match((await findTls(10, 'none'))[0]!, /^warning: .*: its certificate expires in (9|10) days$/);
    const later = new Date(Date.now() + 400 * 86_400_000);
    assert.deepEqual(await findTls(365, 'none', { now: later }), ['FAILED: listener lan (HOST, TLS): its certificate has expired']);
  });

  test('that speaks no TLS is failed', async () => {
    assert.match(short(await find({}, { tls: true }))[0]!, /^FAILED: .* speaks no TLS/);
  });
});
