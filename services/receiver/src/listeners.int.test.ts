// Listeners as the gateway document wants them: certificates made by openssl, an SCP that only tells what it was asked.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeAuthority, temporaryFolder } from '@causeway/shared/dicom/dimse/dcmtk-for-tests';
import type { ListenOptions } from '@causeway/shared/dicom/dimse/scp';
import type { Logger } from '@causeway/shared/logger';
import { Listeners } from './listeners.ts';
import type { WantedListener } from './wanted-listeners.ts';

const LONG_DAYS = 400;
const CERTIFICATES = await makeCertificates();
const { first, second, expired, chainOfExpired } = CERTIFICATES;
/** The certificates are valid from now on. */
const NOW = Date.now();
const DAY_MS = 86_400_000;
const TLS = { cert: 'file:/cert', key: 'file:/key', clientCert: 'none' } as const;

async function makeCertificates() {
  await using folder = await temporaryFolder();
  const authority = await makeAuthority(folder.path, 'authority');
  const issue = async (days: number) => {
    const { cert, key } = await authority.issue('/CN=gateway', days);
    return { cert: String(cert), key: String(key) };
  };
  const [first, second, expired] = [await issue(LONG_DAYS), await issue(LONG_DAYS), await issue(-1)];
  return { first, second, expired, chainOfExpired: { ...first, cert: first.cert + expired.cert } };
}

const wanted = (id: string, port: number, more: Partial<WantedListener> = {}): WantedListener => ({
  ...{ id, host: '127.0.0.1', port, reusePort: false, tls: undefined, proxyProtocol: false },
  ...more,
});

/** What was done, in order, and what was logged. */
function start(files: Record<string, string> = {}) {
  const done: string[] = [];
  const lines: string[] = [];
  const refused = new Map<number, string>();
  const clock = { now: NOW };
  const write = (level: string) => (facts: { reason?: string }, message: string) =>
    void lines.push(`${level}: ${message}${facts.reason === undefined ? '' : `: ${facts.reason}`}`);
  const log = { info: write('info'), warn: write('warn'), error: write('error') } as unknown as Logger;
  const scp = {
    listen: async ({ id, port, tls, proxyProtocol }: ListenOptions) => {
      const problem = refused.get(port);
      if (problem !== undefined) throw Object.assign(new Error(problem), { code: problem });
      const what = (settings: typeof tls) => (settings === undefined ? '' : ` ${nameOf(settings.cert)}`);
      done.push(`open ${id} ${port}${what(tls)}${proxyProtocol ? ' proxy' : ''}`);
      return {
        port,
        change: (next: Pick<ListenOptions, 'id' | 'tls'>) => void done.push(`change ${next.id} ${port}${what(next.tls)}`),
        close: async () => void done.push(`close ${port}`),
      };
    },
  };
  const readSecret = async (reference: string) => {
    const text = files[reference];
    if (text === undefined) throw new Error(`the secret ${reference} cannot be read (ENOENT)`);
    return text;
  };
  const listeners = new Listeners({ scp, log, readSecret, now: () => clock.now });
  const warnings = () => lines.splice(0).filter((line) => !line.startsWith('info'));
  return { listeners, done: () => done.splice(0), warnings, refused, files, clock };
}

const nameOf = (cert: string | Buffer): string =>
  Object.entries(CERTIFICATES).find(([, one]) => one.cert === cert)?.[0] ?? 'another certificate';

const filesOf = ({ cert, key }: { cert: string; key: string }) => ({ 'file:/cert': cert, 'file:/key': key });

describe('listeners', () => {
  it('a changed document opens what is new, closes what is gone, and leaves alone what stays', async () => {
    const { listeners, done } = start();
    await listeners.apply([wanted('a', 1), wanted('b', 2)]);
    assert.deepEqual(done(), ['open a 1', 'open b 2']);
    await listeners.apply([wanted('b', 2), wanted('c', 3)]);
    assert.deepEqual(done(), ['close 1', 'open c 3']);
  });

  it('two listeners that swap their ports are changed, never closed', async () => {
    const { listeners, done } = start();
    await listeners.apply([wanted('a', 1), wanted('b', 2)]);
    done();
    await listeners.apply([wanted('a', 2), wanted('b', 1)]);
    assert.deepEqual(done().sort(), ['change a 2', 'change b 1']);
  });

  it('TLS and the PROXY protocol are switched on an open port', async () => {
    const { listeners, done } = start(filesOf(first));
    await listeners.apply([wanted('a', 1)]);
    await listeners.apply([wanted('a', 1, { tls: TLS })]);
    await listeners.apply([wanted('a', 1, { tls: TLS, proxyProtocol: true })]);
    assert.deepEqual(done(), ['open a 1', 'change a 1 first', 'change a 1 first']);
  });

  it('a port that cannot be opened is warned about once and tried again, and the rest works', async () => {
    const { listeners, done, warnings, refused } = start();
    refused.set(1, 'EADDRINUSE');
    await listeners.apply([wanted('a', 1), wanted('b', 2)]);
    assert.deepEqual(done(), ['open b 2']);
    assert.deepEqual(warnings(), ['warn: listener a on port 1 is not open, which is tried again every few seconds: EADDRINUSE']);
    await listeners.look();
    assert.deepEqual(warnings(), []);
    refused.delete(1);
    await listeners.look();
    assert.deepEqual(done(), ['open a 1']);
  });

  it('without any open port the receiver is not ready, with one it is', async () => {
    const { listeners, refused } = start();
    refused.set(1, 'EACCES');
    await listeners.apply([wanted('a', 1)]);
    assert.throws(() => listeners.check(), /no DICOM port is open \(wanted: 1\)/);
    await listeners.apply([wanted('a', 1), wanted('b', 2)]);
    listeners.check();
  });

  it('of two listeners with one port the later one counts, and the other is told', async () => {
    const { listeners, done, warnings } = start();
    await listeners.apply([wanted('a', 1), wanted('b', 1)]);
    assert.deepEqual(done(), ['open b 1']);
    assert.deepEqual(warnings(), ['warn: listener a is not opened: listener b has the same port 1']);
  });

  it('after a stop nothing is opened any more', async () => {
    const { listeners, done } = start();
    await listeners.stop();
    await listeners.apply([wanted('a', 1)]);
    assert.deepEqual(done(), []);
  });
});

describe('certificates of listeners', () => {
  it('a replaced pair is taken up, once', async () => {
    const { listeners, done, warnings, files } = start(filesOf(first));
    await listeners.apply([wanted('a', 1, { tls: TLS })]);
    await listeners.look();
    Object.assign(files, filesOf(second));
    await listeners.look();
    await listeners.look();
    assert.deepEqual(done(), ['open a 1 first', 'change a 1 second']);
    assert.deepEqual(warnings(), []);
  });

  for (const [name, broken, reason] of [
    ['a new certificate without its key', { 'file:/cert': second.cert }, 'the key file:/key does not belong to the certificate file:/cert'],
    ['a half-written certificate', { 'file:/cert': second.cert.slice(0, 300) }, 'file:/cert holds no PEM certificate'],
    ['an empty certificate', { 'file:/cert': '\n' }, 'file:/cert holds no PEM certificate'],
    [
      'a broken certificate',
      { 'file:/cert': first.cert.replace(/\n[^\n]{20}/, '\nAAAAAAAAAAAAAAAAAAAA') },
      /^file:\/cert holds a certificate that cannot be read \(/,
    ],
    [
      'a half-written key',
      { 'file:/key': second.key.slice(0, 300) },
      /^file:\/key holds no private key that can be read without a passphrase \(/,
    ],
    ['an expired pair', filesOf(expired), /^the new certificate has expired on \d{4}-/],
  ] as const) {
    it(`${name} changes nothing, and is told once when it stays`, async () => {
      const { listeners, done, warnings, files } = start(filesOf(first));
      await listeners.apply([wanted('a', 1, { tls: TLS })]);
      done();
      Object.assign(files, broken);
      await listeners.look();
      assert.deepEqual(warnings(), [], 'files are replaced one after the other: a moment is no problem');
      await listeners.look();
      await listeners.look();
      const [line = '', ...more] = warnings();
      assert.deepEqual(more, []);
      const said = 'warn: listener a on port 1 goes on with the certificate and settings it had: ';
      assert.ok(line.startsWith(said), line);
      if (typeof reason === 'string') assert.equal(line.slice(said.length), reason);
      else assert.match(line.slice(said.length), reason);
      assert.deepEqual(done(), []);
      Object.assign(files, filesOf(second));
      await listeners.look();
      assert.deepEqual(done(), ['change a 1 second']);
    });
  }

  it('a missing file keeps its port closed and the others open, until it is there', async () => {
    const { listeners, done, warnings, files } = start();
    await listeners.apply([wanted('a', 1, { tls: TLS }), wanted('b', 2)]);
    assert.deepEqual(done(), ['open b 2']);
    assert.match(
      warnings()[0] ?? '',
      /^warn: listener a on port 1 is not open, .*: the secret file:\/(cert|key) cannot be read \(ENOENT\)$/,
    );
    Object.assign(files, filesOf(first));
    await listeners.look();
    assert.deepEqual(done(), ['open a 1 first']);
  });

  it('an expired certificate serves at a start, with an error in the log, once a day', async () => {
    const { listeners, done, warnings, clock } = start(filesOf(expired));
    await listeners.apply([wanted('a', 1, { tls: TLS })]);
    assert.deepEqual(done(), ['open a 1 expired']);
    assert.match(warnings()[0] ?? '', /^error: the certificate of listener a has expired on \d{4}-\d\d-\d\d: peers refuse it, renew it$/);
    await listeners.look();
    assert.deepEqual(warnings(), []);
    clock.now += DAY_MS;
    await listeners.look();
    assert.equal(warnings().length, 1);
  });

  it('a certificate that expires within 30 days is warned of, and the first of a chain counts', async () => {
    const { listeners, warnings, clock } = start(filesOf(first));
    await listeners.apply([wanted('a', 1, { tls: TLS })]);
    const [state] = listeners.state;
    assert.deepEqual(warnings(), []);
    clock.now = state!.expiresAt! - 29 * DAY_MS;
    await listeners.look();
    const until = new Date(state!.expiresAt!).toISOString().slice(0, 10);
    assert.deepEqual(warnings(), [`warn: the certificate of listener a expires on ${until}: renew it`]);
    const chain = start(filesOf(chainOfExpired));
    await chain.listeners.apply([wanted('a', 1, { tls: TLS })]);
    assert.match(chain.warnings()[0] ?? '', /^error: the certificate of listener a has expired/);
  });
});
