// Certificates that are replaced while we run, HTTP/2 beside HTTP/1.1, and proxies: against real servers.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, it } from 'node:test';
import { createSecretReader } from '../config/secret-reference.ts';
import { describeError } from '../errors.ts';
import { makeCertificate, type TestCertificate } from './certificate-for-tests.ts';
import { AuthorizationUnavailable, readText } from './http-authorization.ts';
import { createHttpClient, type HttpClientOptions } from './http-client.ts';

const closers: (() => Promise<unknown>)[] = [];
let folder: string;
let first: TestCertificate;
let second: TestCertificate;
let expired: TestCertificate;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'http-connections-'));
  [first, second, expired] = (await Promise.all(
    [{ name: 'first' }, { name: 'second' }, { name: 'expired', expired: true }].map((making) => makeCertificate(folder, making)),
  )) as [TestCertificate, TestCertificate, TestCertificate];
});
after(async () => {
  for (const close of closers.toReversed()) await close();
  await rm(folder, { recursive: true });
});

async function listen(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket.on('close', () => open.delete(socket)).on('error', () => {})));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

async function client(options: Partial<HttpClientOptions> & { url: string }) {
  const readSecret = createSecretReader({ PROXY_PASSWORD: 'geheim' });
  const made = await createHttpClient({ auth: { kind: 'none' }, timeouts: { connectMs: 1000, idleMs: 1000 }, readSecret, ...options });
  closers.push(() => made.close());
  const get = async (): Promise<string> => readText((await made.request({ method: 'GET', path: '/x' })).body, 1000);
  return { ...made, get };
}

const failure = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => assert.fail('it worked'),
    (error: Error) => describeError(error),
  );

describe('certificates', () => {
  it('are read again when their files change, without a restart; a pair that does not fit is passed over and told once', async () => {
    const [cert, key] = [join(folder, 'own.pem'), join(folder, 'own.key')];
    const put = async (pair: TestCertificate) => {
      await copyFile(pair.certFile, cert);
      await copyFile(pair.keyFile, key);
    };
    await put(first);
    const seen = (message: IncomingMessage, response: ServerResponse) =>
      response.end((message.socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN);
    const server = createTlsServer({ key: first.key, cert: first.cert, ca: [first.cert, second.cert], requestCert: true }, seen);
    const told: string[] = [];
    let now = 0;
    const { get } = await client({
      url: `https://127.0.0.1:${await listen(server)}`,
      tls: { ca: `file:${first.certFile}`, cert: `file:${cert}`, key: `file:${key}` },
      now: () => now,
      warn: (reason) => told.push(reason),
    });
    assert.equal(await get(), 'first');
    await copyFile(second.keyFile, key);
    for (let look = 0; look < 4; look += 1) {
      now += 5_000;
      assert.equal(await get(), 'first');
    }
    assert.equal(told.length, 1);
    assert.match(told[0]!, /cannot be used.*what was read before is used on/);
    await put(second);
    assert.equal(await get(), 'first', 'nothing is looked at more often than every 5 s');
    now += 5_000;
    assert.equal(await get(), 'second');
    await writeFile(cert, 'gone');
    now += 5_000;
    assert.equal(await get(), 'second');
  });

  it('of a server that have expired are refused, in these words', async () => {
    const server = createTlsServer({ key: expired.key, cert: expired.cert }, (_, response) => response.end('never'));
    const { get } = await client({ url: `https://127.0.0.1:${await listen(server)}`, tls: { ca: `file:${expired.certFile}` } });
    assert.match(await failure(get()), /certificate has expired/);
  });
});

describe('HTTP/2', () => {
  it('is spoken where the server chooses it, one request a connection, and a stalled body is not read ahead', async () => {
    let sessions = 0;
    const versions = new Set<string>();
    const server = createSecureServer({ key: first.key, cert: first.cert, allowHTTP1: true }, (asked, response) => {
      versions.add(asked.httpVersion);
      if (asked.url === '/stall') return void asked.pause();
      if (asked.url === '/refuse') return asked.stream.close(7);
      let bytes = 0;
      asked.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end(String(bytes)));
    });
    server.on('session', () => (sessions += 1));
    const http = await client({
      ...{ url: `https://127.0.0.1:${await listen(server as unknown as Server)}`, tls: { ca: `file:${first.certFile}` }, connections: 3 },
    });
    let produced = 0;
    const send = (path: string) =>
      http.request({
        ...{ method: 'POST', path, headers: { 'content-length': String(64 * 65_536) } },
        body: () =>
          Readable.from(
            (async function* () {
              for (let n = 0; n < 64; n += 1, produced += 65_536) yield Buffer.alloc(65_536);
            })(),
            { objectMode: false, highWaterMark: 65_536 },
          ),
      });
    const texts = await Promise.all([1, 2, 3, 4, 5].map(async () => readText((await send('/take')).body, 100)));
    assert.deepEqual([texts, [...versions]], [[1, 2, 3, 4, 5].map(() => String(64 * 65_536)), ['2.0']]);
    assert.ok(sessions > 1 && sessions <= 3, `${sessions} connections`);
    produced = 0;
    assert.match(await failure(send('/stall')), /timeout/);
    assert.ok(produced < 1024 * 1024, `${produced} bytes were read ahead`);
    assert.match(await failure(send('/refuse')), /failed/);
    assert.equal(await readText((await send('/take')).body, 100), String(64 * 65_536), 'the connection is of use after that');
  });
});

describe('a proxy', () => {
  const heard: { method: string; url: string; headers: IncomingMessage['headers'] }[] = [];
  /** Wants `gw:geheim`; forwards http, tunnels with CONNECT. */
  const startProxy = async (): Promise<number> => {
    const wanted = `Basic ${Buffer.from('gw:geheim').toString('base64')}`;
    const note = ({ method, url, headers }: IncomingMessage): boolean => {
      heard.push({ method: method!, url: url!, headers });
      return headers['proxy-authorization'] === wanted;
    };
    const proxy = createServer((asked, response) => {
      if (!note(asked)) return void response.writeHead(407).end();
      const { 'proxy-authorization': _, ...headers } = asked.headers;
      asked.pipe(request(asked.url!, { method: asked.method!, headers }, (answer) => answer.pipe(response.writeHead(answer.statusCode!))));
    });
    proxy.on('connect', (asked: IncomingMessage, socket: Socket) => {
      if (!note(asked)) return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
      const [host, port] = asked.url!.split(':');
      const onward = connect(Number(port), host, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        onward.pipe(socket).pipe(onward);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    return await listen(proxy);
  };
  let url: string;
  let plain: number;
  let secure: number;
  const auth = { username: 'gw', password: 'env:PROXY_PASSWORD' };

  before(async () => {
    url = `http://127.0.0.1:${await startProxy()}`;
    const seen = (message: IncomingMessage, response: ServerResponse) =>
      response.end(`${message.url} ${message.headers['proxy-authorization']}`);
    plain = await listen(createServer(seen));
    secure = await listen(createTlsServer({ key: first.key, cert: first.cert }, seen));
  });

  it('is asked to forward what goes over http, with its credentials, which the server never sees', async () => {
    const { get } = await client({ url: `http://127.0.0.1:${plain}/web`, proxy: { url, auth } });
    assert.equal(await get(), '/web/x undefined');
    const { method, url: asked } = heard.at(-1)!;
    assert.deepEqual([method, asked], ['GET', `http://127.0.0.1:${plain}/web/x`]);
  });

  it('is asked for a tunnel for https, told host and port alone, and the certificate of the server is checked through it', async () => {
    const options = { url: `https://127.0.0.1:${secure}/web`, proxy: { url, auth } };
    const { get } = await client({ ...options, tls: { ca: `file:${first.certFile}` } });
    heard.length = 0;
    assert.equal(await get(), '/web/x undefined');
    assert.deepEqual(
      heard.map(({ method, url: asked }) => [method, asked]),
      [['CONNECT', `127.0.0.1:${secure}`]],
    );
    assert.deepEqual(Object.keys(heard[0]!.headers).toSorted(), ['connection', 'host', 'proxy-authorization', 'proxy-connection']);
    const stranger = await client({ ...options, tls: { ca: `file:${second.certFile}` } });
    assert.match(await failure(stranger.get()), /certificate/);
  });

  it('that wants credentials and gets none refuses with 407', async () => {
    for (const target of [`http://127.0.0.1:${plain}`, `https://127.0.0.1:${secure}`]) {
      const { get } = await client({ url: target, proxy: { url } });
      assert.match(await failure(get()), /407/, target);
    }
  });

  it('that says nothing to CONNECT, or nothing to a request it is to forward, is not waited for longer than the timeouts', async () => {
    const silent = createServer(() => {}).on('connect', () => {});
    const dead = `http://127.0.0.1:${await listen(silent)}`;
    for (const target of [`http://127.0.0.1:${plain}`, `https://127.0.0.1:${secure}`]) {
      const { get } = await client({ url: target, proxy: { url: dead }, timeouts: { connectMs: 300, idleMs: 300 } });
      assert.match(await failure(get()), /timeout/i, target);
    }
  });

  it('carries the requests for tokens too', async () => {
    const tokens = await listen(createServer((_, response) => response.end(JSON.stringify({ access_token: 'abc' }))));
    const oauth2 = {
      kind: 'oauth2',
      tokenUrl: `http://127.0.0.1:${tokens}/t`,
      clientId: 'gw',
      clientSecret: 'env:PROXY_PASSWORD',
    } as const;
    const { get } = await client({ url: `http://127.0.0.1:${plain}`, proxy: { url, auth }, auth: oauth2 });
    heard.length = 0;
    await get();
    assert.deepEqual(
      heard.map(({ url: asked }) => asked),
      [`http://127.0.0.1:${tokens}/t`, `http://127.0.0.1:${plain}/x`],
    );
  });
});

describe('a token endpoint', () => {
  it('that is down, refuses or talks nonsense makes a request impossible, and says when to ask again', async () => {
    let answer: (response: ServerResponse) => void = () => {};
    const tokens = await listen(createServer((_, response) => answer(response)));
    const oauth2 = {
      kind: 'oauth2',
      tokenUrl: `http://127.0.0.1:${tokens}/t`,
      clientId: 'gw',
      clientSecret: 'env:PROXY_PASSWORD',
    } as const;
    let asked = 0;
    const server = await listen(
      createServer((_, response) => {
        asked += 1;
        response.end();
      }),
    );
    const { get } = await client({ url: `http://127.0.0.1:${server}`, auth: oauth2 });
    const answers: [(response: ServerResponse) => void, RegExp, number | undefined][] = [
      [(response) => response.writeHead(503, { 'retry-after': '9' }).end('geheim'), /^the token endpoint answered 503$/, 9000],
      [(response) => response.end('{"geheim":1}'), /^the token endpoint gave no token$/, undefined],
      [(response) => response.end('geheim'), /^the token endpoint gave no token$/, undefined],
      [(response) => response.destroy(), /^the token endpoint cannot be reached/, undefined],
    ];
    for (const [next, words, waitMs] of answers) {
      answer = next;
      await assert.rejects(get(), (error: Error) => {
        assert.ok(error instanceof AuthorizationUnavailable, error.stack);
        assert.match(describeError(error), words);
        assert.doesNotMatch(describeError(error), /geheim/);
        return error.retryAfterMs === waitMs;
      });
    }
    assert.equal(asked, 0);
  });
});
