// TLS listeners and the peers that hospitals have: DCMTK, openssl, our own requestor. Each failure is answered, and named in one clear line.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect as connectTls } from 'node:tls';
import type { AssociationRequest } from '../upper-layer/association.ts';
import { encodeReleaseRequest } from '../upper-layer/pdu-writer.ts';
import { type Authority, type Certificates, dcmtk, makeAuthority, temporaryFolder } from './dcmtk-for-tests.ts';
import { associateRaw, associateRq, connectRaw, storeMessage } from './raw-peer-for-tests.ts';
import type { ListenerTls } from './scp.ts';
import { type FixtureOptions, startScp, TEST_IMPLEMENTATION, VERIFICATION } from './scp-for-tests.ts';
import { AssociationLost, associate } from './scu.ts';
import { CIPHER_SUITES } from './tls-profile.ts';

const CONTEXTS = [{ id: 1, abstractSyntaxUid: VERIFICATION, transferSyntaxUids: ['1.2.840.10008.1.2'] }];
const GIVE_CERTIFICATE = 'give the peer a certificate signed by an authority of clientCa, or add its authority there';
const OWN_REFUSED = 'give the peer the certificate of the authority that signed ours, or this listener a certificate that the peer trusts';

describe('TLS listeners', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let ours: Authority;
  let foreign: Authority;
  let server: Certificates;
  let modality: Certificates;

  before(async () => {
    folder = await temporaryFolder();
    [ours, foreign] = [await makeAuthority(folder.path, 'ours'), await makeAuthority(folder.path, 'foreign')];
    [server, modality] = [await ours.issue('/CN=gateway'), await ours.issue('/O=Clinic, North/CN=modality')];
  });
  after(() => folder[Symbol.asyncDispose]());

  const tls = (clientCert: ListenerTls['clientCert']): ListenerTls => ({ cert: server.cert, key: server.key, ca: ours.cert, clientCert });

  async function startTls(clientCert: ListenerTls['clientCert'], options: FixtureOptions = {}) {
    const asked: AssociationRequest[] = [];
    const associationRequested = (request: AssociationRequest) => {
      asked.push(request);
      return {
        contexts: request.contexts.map(({ id, transferSyntaxUids: [first = ''] }) => ({
          id,
          result: 0 as const,
          transferSyntaxUid: first,
        })),
      };
    };
    return Object.assign(await startScp({ tls: tls(clientCert), associationRequested, ...options }), { asked });
  }

  const echo = (port: number, ...args: string[]) => dcmtk('echoscu', [...args, '127.0.0.1', String(port)]);
  const withCertificate = ({ keyFile, certFile }: Certificates, trusted: Authority) => ['+tls', keyFile, certFile, '+cf', trusted.certFile];
  const anonymously = (trusted: Authority) => ['+tla', '+cf', trusted.certFile];
  const line = (kind: string, detail: string) => ({ kind, source: '127.0.0.1', listener: 'test', detail });

  it('take DCMTK with a client certificate, whose subject is known, and without one where none is required', async () => {
    for (const [clientCert, args, subject] of [
      ['required', withCertificate(modality, ours), 'CN=modality,O=Clinic\\, North'],
      ['optional', withCertificate(modality, ours), 'CN=modality,O=Clinic\\, North'],
      ['optional', anonymously(ours), undefined],
      ['none', withCertificate(modality, ours), undefined],
      ['none', anonymously(ours), undefined],
    ] as const) {
      await using scp = await startTls(clientCert);
      await echo(scp.port, ...args);
      assert.equal(scp.asked[0]?.peer.tls?.subject, subject, `${clientCert} ${args[0]}`);
      assert.equal(scp.asked[0]?.peer.tls?.protocol, 'TLSv1.3');
    }
  });

  it('refuse DCMTK without a certificate, with one of a wrong authority and with an expired one, each in one line', async () => {
    const stranger = await foreign.issue('/CN=modality');
    const expired = await ours.issue('/CN=modality', -1);
    await using scp = await startTls('required');
    await assert.rejects(echo(scp.port, ...anonymously(ours)));
    assert.deepEqual(
      await scp.nextEvent(),
      line('tls-client-certificate-missing', `the peer gave no client certificate, which this listener requires: ${GIVE_CERTIFICATE}`),
    );
    await assert.rejects(echo(scp.port, ...withCertificate(stranger, ours)));
    assert.deepEqual(
      await scp.nextEvent(),
      line(
        'tls-client-certificate-invalid',
        `the client certificate of the peer is signed by an authority that is not in clientCa: ${GIVE_CERTIFICATE}`,
      ),
    );
    await assert.rejects(echo(scp.port, ...withCertificate(expired, ours)));
    assert.deepEqual(
      await scp.nextEvent(),
      line('tls-client-certificate-invalid', 'the client certificate of the peer has expired: renew it there'),
    );
    assert.equal(scp.asked.length, 0);
  });

  it('take a certificate that is not valid as none where it is optional, and say so', async () => {
    const stranger = await foreign.issue('/CN=modality');
    await using scp = await startTls('optional');
    await echo(scp.port, ...withCertificate(stranger, ours));
    assert.equal(scp.asked[0]?.peer.tls?.subject, undefined);
    const { kind, detail } = await scp.nextEvent();
    assert.equal(kind, 'tls-client-certificate-invalid');
    assert.match(detail, /not in clientCa: .* \(taken as if it had given none\)$/);
  });

  it('name the peer that does not trust our certificate', async () => {
    await using scp = await startTls('none');
    await assert.rejects(echo(scp.port, ...anonymously(foreign)));
    assert.deepEqual(
      await scp.nextEvent(),
      line(
        'tls-own-certificate-refused',
        `the peer refuses the certificate of this listener, it does not know the authority that signed it: ${OWN_REFUSED}`,
      ),
    );
  });

  for (const version of ['tls1', 'tls1_1'])
    it(`refuse ${version} with the alert protocol_version, in one line`, async () => {
      await using scp = await startTls('none');
      const output = await openssl(scp.port, `-${version}`, '-cipher', 'ALL:@SECLEVEL=0');
      assert.match(output, /SSL alert number 70/);
      assert.deepEqual(
        await scp.nextEvent(),
        line('tls-version-refused', 'the peer offers TLS 1.1 or older at most: switch TLS 1.2 or 1.3 on there (PS3.15 section B.12)'),
      );
    });

  it('refuse a peer with old cipher suites only, in one line', async () => {
    await using scp = await startTls('none');
    assert.match(await openssl(scp.port, '-tls1_2', '-cipher', 'AES256-GCM-SHA384:DHE-RSA-AES256-GCM-SHA384'), /SSL alert number 40/);
    assert.deepEqual(
      await scp.nextEvent(),
      line('tls-no-shared-cipher', 'the peer offers no cipher suite of RFC 9325: allow ECDHE with AES-GCM there (PS3.15 section B.12)'),
    );
  });

  it('prefer TLS 1.3, and in TLS 1.2 their own order of cipher suites', async () => {
    await using scp = await startTls('none');
    assert.match(await openssl(scp.port), /TLSv1\.3, Cipher is TLS_AES_256_GCM_SHA384/);
    const weakFirst = await openssl(scp.port, '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384');
    assert.match(weakFirst, /Cipher is ECDHE-RSA-AES256-GCM-SHA384/);
  });

  it('CONFORMANCE.md lists exactly their cipher suites', async () => {
    const text = await readFile(join(import.meta.dirname, '../../../../CONFORMANCE.md'), 'utf8');
    const paragraph = /Cipher suites, in the order of preference: ([\s\S]*?)\.\n/.exec(text)?.[1] ?? '';
    assert.deepEqual(
      [...paragraph.matchAll(/`([^`]+)`/g)].map((match) => match[1]),
      [...CIPHER_SUITES],
    );
  });

  it('never resume a session: every connection shows its certificate anew', async () => {
    await using scp = await startTls('required');
    const options = { port: scp.port, ca: ours.cert, cert: modality.cert, key: modality.key, maxVersion: 'TLSv1.2' } as const;
    const first = connectTls(options);
    await once(first, 'secureConnect');
    const session = first.getSession();
    first.destroy();
    const second = connectTls({ ...options, ...(session === undefined ? {} : { session }) });
    await once(second, 'secureConnect');
    assert.equal(second.isSessionReused(), false);
    second.destroy();
  });

  it('name a plain A-ASSOCIATE-RQ and answer it with A-ABORT; a plain listener names a ClientHello', async () => {
    await using secure = await startTls('none');
    await assert.rejects(echo(secure.port));
    const todo = 'switch TLS on at the peer, or give it the port of a plain listener';
    assert.deepEqual(
      await secure.nextEvent(),
      line('plain-on-tls-port', `a plain A-ASSOCIATE-RQ came instead of a TLS ClientHello: ${todo}`),
    );
    const peer = await connectRaw(secure.port);
    peer.send(associateRq());
    assert.equal(await peer.nextHex(), '7 00000200');
    await using plain = await startScp();
    await assert.rejects(echo(plain.port, ...anonymously(ours)));
    const detail = 'a TLS ClientHello came instead of an A-ASSOCIATE-RQ: switch TLS off at the peer, or give it the port of a TLS listener';
    assert.deepEqual(await plain.nextEvent(), line('tls-on-plain-port', detail));
  });

  it('name a handshake that stops, by silence and by reset', async () => {
    await using scp = await startTls('none', { limits: { artimMs: 100 } });
    const begin = Buffer.from('1603010200010001fc0303', 'hex');
    const silent = await connectRaw(scp.port);
    silent.send(begin);
    assert.match((await scp.nextEvent()).detail, /^the TLS handshake failed, the peer did not finish it in time/);
    const gone = await connectRaw(scp.port);
    gone.send(begin);
    gone.socket.end();
    assert.match((await scp.nextEvent()).detail, /^the TLS handshake failed, the peer closed the connection in the middle of it/);
  });

  it('take other certificates while they are open: new handshakes meet them, an open association goes on', async () => {
    const next = await foreign.issue('/CN=gateway');
    await using scp = await startTls('none');
    const before = await open(scp.port, ours);
    scp.listener.change({ id: 'test', tls: { cert: next.cert, key: next.key } });
    await assert.rejects(open(scp.port, ours), AssociationLost);
    await (await open(scp.port, foreign)).release();
    assert.equal((await before.echo()).status, 0);
    await before.release();
  });

  it('keep what they have when certificate and key do not fit', async () => {
    await using scp = await startTls('none');
    assert.throws(() => scp.listener.change({ id: 'test', tls: { cert: server.cert, key: modality.key } }), /mismatch/);
    await (await open(scp.port, ours)).release();
  });

  it('become plain and TLS again on the open port, and associations of before go on', async () => {
    await using scp = await startTls('none');
    const secure = await open(scp.port, ours);
    scp.listener.change({ id: 'plain' });
    const plain = await associateRaw(scp.port);
    scp.listener.change({ id: 'secure', tls: tls('none') });
    await (await open(scp.port, ours)).release();
    plain.send(storeMessage(1, Buffer.alloc(1000)));
    assert.equal((await plain.nextResponse()).status, 0);
    assert.equal((await secure.echo()).status, 0);
    await secure.release();
    plain.send(encodeReleaseRequest());
    assert.deepEqual(
      scp.asked.map(({ peer }) => peer.listener),
      ['test', 'plain', 'secure'],
    );
  });

  it('are closed alone: the port refuses, an open association finishes, another listener goes on', async () => {
    await using scp = await startTls('none');
    const other = await scp.scp.listen({ id: 'other', host: '127.0.0.1', port: 0 });
    const before = await open(scp.port, ours);
    await scp.listener.close();
    await assert.rejects(connectRaw(scp.port), /ECONNREFUSED/);
    assert.equal((await before.echo()).status, 0);
    await before.release();
    await associateRaw(other.port);
  });
});

/** Our own requestor, that trusts this authority. */
function open(port: number, trusted: Authority) {
  const timeouts = { connectMs: 5000, associateMs: 5000, responseMs: 10_000 };
  const titles = { callingAe: 'TESTER', calledAe: 'PEER', contexts: CONTEXTS, implementation: TEST_IMPLEMENTATION };
  return associate({ host: '127.0.0.1', port, tls: { ca: trusted.cert }, ...titles, timeouts });
}

/** `openssl s_client` as far as the handshake; everything it printed. */
function openssl(port: number, ...args: string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args], (_error, output, problems) =>
      resolve(output + problems),
    );
    child.stdin?.end();
  });
}
