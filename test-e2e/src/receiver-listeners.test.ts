// Listeners and certificates of a real receiver change while it runs: ports open and close, handshakes meet new certificates, associations go on.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { publishGatewayDocument } from '@causeway/shared/bus/gateway-configuration';
import { type Authority, type Certificates, dcmtk, makeAuthority, temporaryFolder } from '@causeway/shared/dicom/dimse/dcmtk-for-tests';
import { lastingPort } from './lasting-port.ts';
import { documentOf, type ReceiverUnderTest, startReceiver } from './receiver-under-test.ts';
import { openAssociation, storeOne } from './test-associations.ts';
import { until } from './wait-for-fact.ts';

const run = promisify(execFile);

describe('a running receiver', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let ours: Authority;
  let others: Authority;
  let modality: Certificates;
  let receiver: ReceiverUnderTest;
  let revision = 1;
  let ports: { tls: number; further: number };

  before(async () => {
    folder = await temporaryFolder();
    [ours, others] = [await makeAuthority(folder.path, 'ours'), await makeAuthority(folder.path, 'others')];
    modality = await ours.issue('/CN=modality');
    ports = { tls: await lastingPort(), further: await lastingPort() };
    receiver = await startReceiver();
  });
  after(async () => {
    await receiver.stop();
    await folder[Symbol.asyncDispose]();
  });

  const apply = (listeners: object[]) => publishGatewayDocument(receiver.bus, ++revision, documentOf({ listeners }));
  const opens = (port: number, tls?: { ca: Buffer }) =>
    until(`port ${port} takes associations`, async () => {
      await (await openAssociation(port, tls)).release();
      return true;
    });
  const isClosed = (port: number) =>
    until(`port ${port} is closed`, () =>
      openAssociation(port).then(
        () => false,
        (error: Error) => /ECONNREFUSED/.test(error.message),
      ),
    );
  const line = (message: string) => until(`the line: ${message}`, () => messages().includes(message));
  const messages = () =>
    receiver
      .log()
      .split('\n')
      .filter((text) => text.startsWith('{'))
      .map((text) => (JSON.parse(text) as { message: string }).message);

  /** As Kubernetes mounts a secret: files are links into a folder that is a link, and that link is replaced in one step. */
  function mount({ cert, key }: Certificates, version: string): { cert: string; key: string } {
    const place = (...names: string[]) => join(folder.path, 'secret', ...names);
    mkdirSync(place(version), { recursive: true });
    writeFileSync(place(version, 'tls.crt'), cert);
    writeFileSync(place(version, 'tls.key'), key);
    symlinkSync(version, place('..data-next'));
    renameSync(place('..data-next'), place('..data'));
    return { cert: `file:${place('..data', 'tls.crt')}`, key: `file:${place('..data', 'tls.key')}` };
  }

  it('opens and closes ports by the document while an association goes on, and opens a taken port once it is free', async () => {
    const association = await openAssociation(receiver.port);
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(ports.further, '127.0.0.1', resolve));
    const certificate = mount(await ours.issue('/CN=gateway', 300), '..1');
    await apply([
      { id: 'secure', port: ports.tls, tls: certificate },
      { id: 'further', port: ports.further },
    ]);
    await opens(ports.tls, { ca: ours.cert });
    await isClosed(receiver.port);
    await line(`listener further on port ${ports.further} is not open, which is tried again every few seconds`);
    assert.equal(await storeOne(association, 1), 0);
    taken.close();
    await opens(ports.further);
    await apply([{ id: 'plain' }, { id: 'secure', port: ports.tls, tls: certificate }]);
    await opens(receiver.port);
    await isClosed(ports.further);
    assert.equal(await storeOne(association, 2), 0);
    await association.release();
  });

  it('takes up replaced certificates: new handshakes meet them, an open association goes on, the metric tells the time left', async () => {
    const association = await openAssociation(ports.tls, { ca: ours.cert });
    mount(await others.issue('/CN=gateway', 100), '..2');
    await opens(ports.tls, { ca: others.cert });
    assert.equal(await storeOne(association, 3), 0);
    await association.release();
    const metrics = await (await fetch(`${receiver.opsUrl}/metrics`)).text();
    const days = Number(/^causeway_receiver_certificate_remaining\{[^}]*listener="secure"[^}]*\} (\S+)$/m.exec(metrics)?.[1]) / 86_400;
    // The authority itself lasts three days, but is not in the chain that is sent.
    assert.ok(days > 99 && days <= 100, `${days}`);
    assert.match(metrics, /^causeway_receiver_listener_open\{[^}]*listener="plain"[^}]*\} 1$/m);
  });

  it('keeps the certificate it has when the new pair does not fit, and says so in one line', async () => {
    const [one, other] = [await ours.issue('/CN=gateway'), await ours.issue('/CN=gateway')];
    const { cert, key } = mount({ ...one, key: other.key }, '..3');
    await line(`listener secure on port ${ports.tls} goes on with the certificate and settings it had`);
    assert.ok(receiver.log().includes(`the key ${key} does not belong to the certificate ${cert}`));
    await opens(ports.tls, { ca: others.cert });
  });

  it('names what a TLS peer does wrong in exactly one line, without more to be looked up', async () => {
    const server = mount(await ours.issue('/CN=gateway', 300), '..4');
    writeFileSync(join(folder.path, 'clients.pem'), ours.cert);
    await apply([
      { id: 'plain' },
      { id: 'secure', port: ports.tls, tls: { ...server, clientCa: `file:${join(folder.path, 'clients.pem')}`, clientCert: 'required' } },
    ]);
    await until('the listener asks for client certificates', () => acceptsModality());
    const give = 'give the peer a certificate signed by an authority of clientCa, or add its authority there';
    const noCertificate = `127.0.0.1 at listener secure: the peer gave no client certificate, which this listener requires: ${give}`;
    // The one that asked is told of as well.
    await line(noCertificate);
    const [stranger, expired] = [await others.issue('/CN=modality'), await ours.issue('/CN=modality', -1)];
    const secure = ({ keyFile, certFile }: Certificates, trusted = ours) => ['+tls', keyFile, certFile, '+cf', trusted.certFile];
    const cases: [args: string[], port: number, message: string][] = [
      [['+tla', '+cf', ours.certFile], ports.tls, noCertificate],
      [
        secure(stranger),
        ports.tls,
        `127.0.0.1 at listener secure: the client certificate of the peer is signed by an authority that is not in clientCa: ${give}`,
      ],
      [secure(expired), ports.tls, '127.0.0.1 at listener secure: the client certificate of the peer has expired: renew it there'],
      [
        secure(modality, others),
        ports.tls,
        '127.0.0.1 at listener secure: the peer refuses the certificate of this listener, it does not know the authority that signed it: give the peer the certificate of the authority that signed ours, or this listener a certificate that the peer trusts',
      ],
      [
        [],
        ports.tls,
        '127.0.0.1 at listener secure: a plain A-ASSOCIATE-RQ came instead of a TLS ClientHello: switch TLS on at the peer, or give it the port of a plain listener',
      ],
      [
        secure(modality),
        receiver.port,
        '127.0.0.1 at listener plain: a TLS ClientHello came instead of an A-ASSOCIATE-RQ: switch TLS off at the peer, or give it the port of a TLS listener',
      ],
    ];
    for (const [args, port, message] of cases) {
      const before = messages().length;
      await assert.rejects(dcmtk('echoscu', ['-aec', 'GATEWAY', ...args, '127.0.0.1', String(port)]));
      await until(`the line: ${message}`, () => messages().length > before);
      assert.deepEqual(messages().slice(before), [message]);
    }
    await dcmtk('echoscu', ['-aec', 'GATEWAY', ...secure(modality), '127.0.0.1', String(ports.tls)]);
  });

  it('refuses TLS 1.0 and 1.1, each with one line', async () => {
    const message =
      '127.0.0.1 at listener secure: the peer offers TLS 1.1 or older at most: switch TLS 1.2 or 1.3 on there (PS3.15 section B.12)';
    for (const version of ['-tls1', '-tls1_1']) {
      const before = messages().length;
      const options = ['s_client', '-connect', `127.0.0.1:${ports.tls}`, version, '-cipher', 'ALL:@SECLEVEL=0'];
      await assert.rejects(run('openssl', options), /protocol version/);
      await until('the line', () => messages().length > before);
      assert.deepEqual(messages().slice(before), [message]);
    }
  });

  /** A listener that does not ask yet would accept without a certificate too. */
  async function acceptsModality(): Promise<boolean> {
    const asked = await new Promise<boolean>((resolve) => {
      const socket = connectTls({ port: ports.tls, host: '127.0.0.1', ca: ours.cert, maxVersion: 'TLSv1.2' });
      socket.once('secureConnect', () => resolve(false));
      socket.once('error', (error) => resolve(/handshake failure/.test(error.message)));
      socket.once('close', () => socket.destroy());
    });
    return asked;
  }
});
