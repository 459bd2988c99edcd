// The client against real HTTP servers: what is sent as Authorization, which failures are transient, what the timeouts measure.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createSecretReader } from '../config/secret-reference.ts';
import { TransientError } from '../errors.ts';
import type { HttpAuthorization } from './http-authorization.ts';
import { readText } from './http-authorization.ts';
import { createHttpClient, type HttpClientOptions } from './http-client.ts';
import { retryAfterMs } from './retry-after.ts';

const timeouts = { connectMs: 2000, idleMs: 2000 };
const readSecret = createSecretReader({ PASSWORD: 'geheim', TOKEN: 'abc' });
const closers: (() => Promise<unknown>)[] = [];

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function client(options: Partial<HttpClientOptions> & { url: string }) {
  const made = await createHttpClient({ auth: { kind: 'none' }, timeouts, readSecret, ...options });
  closers.unshift(() => made.close());
  return made;
}

after(async () => {
  for (const close of closers) await close();
});

describe('createHttpClient', () => {
  const seen: { url?: string; authorization?: string }[] = [];
  let tokensGiven = 0;
  let tokenRequest: { authorization?: string; body: string } | undefined;
  let origin: string;
  const readBody = async (request: IncomingMessage) => readText(request, 10_000);
  const answer: RequestListener = async (request, response) => {
    if (request.url === '/token') {
      tokensGiven += 1;
      tokenRequest = { authorization: request.headers.authorization, body: await readBody(request) };
      return void response.end(JSON.stringify({ access_token: `token-${tokensGiven}`, expires_in: 100 }));
    }
    seen.push({ url: request.url, authorization: request.headers.authorization });
    if (request.url === '/web/stall') return void response.write('half');
    response.statusCode = request.headers.authorization === 'Bearer token-2' ? 401 : 200;
    response.end('done');
  };

  before(async () => {
    origin = `http://127.0.0.1:${await listen(createServer(answer))}`;
  });

  const get = async (auth: HttpAuthorization) => {
    const http = await client({ url: `${origin}/web/`, auth });
    const response = await http.request({ method: 'GET', path: '/studies', query: new URLSearchParams({ PatientID: 'a b' }) });
    assert.equal(await readText(response.body, 100), 'done');
    return seen.at(-1);
  };

  it('joins base, path and query, and sends no Authorization when none is configured', async () => {
    assert.deepEqual(await get({ kind: 'none' }), { url: '/web/studies?PatientID=a+b', authorization: undefined });
  });

  it('sends Basic and Bearer from secret references', async () => {
    const basic = await get({ kind: 'basic', username: 'gw', password: 'env:PASSWORD' });
    assert.equal(basic?.authorization, `Basic ${Buffer.from('gw:geheim').toString('base64')}`);
    assert.equal((await get({ kind: 'bearer', token: 'env:TOKEN' }))?.authorization, 'Bearer abc');
    await assert.rejects(
      get({ kind: 'bearer', token: 'env:ABSENT' }),
      (error: Error) => error instanceof TransientError && /ABSENT/.test(error.message),
    );
  });

  it('asks once for a token, keeps it until shortly before its end, and asks anew after a 401', async () => {
    let now = 1_000_000;
    const auth = { kind: 'oauth2', tokenUrl: `${origin}/token`, clientId: 'g w', clientSecret: 'env:PASSWORD', scope: 'dicom' } as const;
    const http = await client({ url: `${origin}/web`, auth, now: () => now });
    const ask = async () => {
      const response = await http.request({ method: 'GET', path: '/x' });
      await response.body.dump();
      return [response.statusCode, seen.at(-1)?.authorization];
    };
    await Promise.all([ask(), ask(), ask()]);
    now += 69_000;
    assert.deepEqual(await ask(), [200, 'Bearer token-1']);
    assert.equal(tokensGiven, 1);
    assert.equal(tokenRequest?.authorization, `Basic ${Buffer.from('g%20w:geheim').toString('base64')}`);
    assert.equal(tokenRequest?.body, 'grant_type=client_credentials&scope=dicom');
    now += 2_000;
    assert.deepEqual(await ask(), [200, 'Bearer token-3'], 'the refused token-2 is replaced, once');
    assert.deepEqual(
      seen.slice(-2).map(({ authorization }) => authorization),
      ['Bearer token-2', 'Bearer token-3'],
    );
  });

  it('gives a transient error without the secret when the token endpoint refuses', async () => {
    const refusing = await listen(createServer((_, response) => void response.writeHead(400).end('geheim')));
    const auth = { kind: 'oauth2', tokenUrl: `http://127.0.0.1:${refusing}/`, clientId: 'gw', clientSecret: 'env:PASSWORD' } as const;
    const http = await client({ url: origin, auth });
    await assert.rejects(http.request({ method: 'GET', path: '/x' }), (error: Error) => {
      return error instanceof TransientError && error.message === 'the token endpoint answered 400';
    });
  });

  it('gives a transient error when nobody listens', async () => {
    const server = createServer();
    const port = await listen(server);
    await closers.pop()!();
    const http = await client({ url: `http://127.0.0.1:${port}` });
    await assert.rejects(http.request({ method: 'GET', path: '/x' }), TransientError);
  });

  it('ends an answer that stalls after the idle time', async () => {
    const http = await client({ url: `${origin}/web`, timeouts: { connectMs: 1000, idleMs: 300 } });
    const response = await http.request({ method: 'GET', path: '/stall' });
    await assert.rejects(readText(response.body, 100), /[Tt]imeout/);
  });

  it('trusts the configured authority and shows its own certificate', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'http-client-'));
    closers.push(() => rm(folder, { recursive: true }));
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1'];
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, ...subject],
      {
        stdio: 'ignore',
      },
    );
    const material = { key: await readFile(key), cert: await readFile(cert) };
    const server = createTlsServer({ ...material, ca: material.cert, requestCert: true, rejectUnauthorized: true }, (_, response) =>
      response.end('safe'),
    );
    const url = `https://127.0.0.1:${await listen(server)}`;
    const trusting = await client({ url, tls: { ca: `file:${cert}`, cert: `file:${cert}`, key: `file:${key}` } });
    const response = await trusting.request({ method: 'GET', path: '/' });
    assert.equal(await readText(response.body, 100), 'safe');
    await assert.rejects(
      (await client({ url, tls: { cert: `file:${cert}`, key: `file:${key}` } })).request({ method: 'GET', path: '/' }),
      TransientError,
    );
    await assert.rejects((await client({ url, tls: { ca: `file:${cert}` } })).request({ method: 'GET', path: '/' }), TransientError);
    await assert.rejects(client({ url, tls: { ca: `file:${folder}/absent.pem` } }), TransientError);
    await writeFile(join(folder, 'secret'), 'abc\n');
    assert.equal(await readSecret(`file:${join(folder, 'secret')}`), 'abc');
  });
});

describe('retryAfterMs', () => {
  it('reads seconds and dates, and nothing else', () => {
    const now = Date.UTC(2026, 0, 1);
    assert.equal(retryAfterMs('120', now), 120_000);
    assert.equal(retryAfterMs(new Date(now + 5000).toUTCString(), now), 5000);
    assert.equal(retryAfterMs(new Date(now - 5000).toUTCString(), now), 0);
    assert.equal(retryAfterMs('soon', now), undefined);
    assert.equal(retryAfterMs(undefined, now), undefined);
  });
});
