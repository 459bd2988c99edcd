// Signing in, against a real PostgreSQL.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { ADMINISTRATOR, cookieOf, log, startTestConsole, TEST_PASSWORD, type TestConsole } from './console-for-tests.ts';
import { createFirstUser } from './first-user.ts';

let page: TestConsole;
before(async () => {
  page = await startTestConsole();
});
after(() => page?.stop());
beforeEach(() => page.clear());

const OURS = { 'x-requested-with': 'causeway' };

describe('sign-in', () => {
  test('every address under /api but the sign-in refuses who is not signed in', async () => {
    const routes = [
      ...[
        '/api/session',
        '/api/studies',
        '/api/studies/1.2',
        '/api/held',
        '/api/deliveries',
        '/api/destinations',
        '/api/retrievals',
        '/api/audit',
      ],
      ...[
        '/api/configuration',
        '/api/configuration/revisions',
        '/api/configuration/diff',
        '/api/work',
        '/api/gateway',
        '/api/status',
        '/api/tokens',
      ],
    ];
    for (const url of routes) assert.equal((await page.app.inject({ method: 'GET', url })).statusCode, 401, url);
    for (const url of [
      '/api/password',
      '/api/held/assign',
      '/api/held/discard',
      '/api/deliveries/retry',
      '/api/retrievals',
      '/api/tokens',
      '/api/configuration/validate',
      '/api/configuration/rollback',
    ])
      assert.equal((await page.app.inject({ method: 'POST', url, headers: OURS, payload: {} })).statusCode, 401, url);
    assert.equal((await page.app.inject({ method: 'PUT', url: '/api/configuration', headers: OURS, payload: {} })).statusCode, 401);
  });

  test('the right password gives an HttpOnly, SameSite=Strict cookie that works until the sign-out', async () => {
    const reply = await page.signIn();
    assert.equal(reply.statusCode, 200);
    assert.match(String(reply.headers['set-cookie']), /HttpOnly; SameSite=Strict/);
    const cookie = cookieOf(reply);
    const get = () => page.app.inject({ method: 'GET', url: '/api/session', headers: { cookie } });
    assert.deepEqual((await get()).json(), { user: 'admin', mustChangePassword: false, ...ADMINISTRATOR });
    assert.equal((await page.app.inject({ method: 'DELETE', url: '/api/session', headers: { ...OURS, cookie } })).statusCode, 204);
    assert.equal((await get()).statusCode, 401);
  });

  test('the cookie is Secure behind TLS', async () => {
    const headers = { ...OURS, 'x-forwarded-proto': 'https' };
    const reply = await page.app.inject({
      method: 'POST',
      url: '/api/session',
      headers,
      payload: { user: 'admin', password: TEST_PASSWORD },
    });
    assert.match(String(reply.headers['set-cookie']), /Secure/);
  });

  test('an expired session is none', async () => {
    const cookie = cookieOf(await page.signIn());
    await page.database.query(`UPDATE sessions SET expires_at = now() - interval '1 second'`);
    assert.equal((await page.app.inject({ method: 'GET', url: '/api/session', headers: { cookie } })).statusCode, 401);
  });

  test('neither the token nor the password stands in the database', async () => {
    const token = cookieOf(await page.signIn()).split('=')[1]!;
    const rows = JSON.stringify(await page.database.query('SELECT * FROM sessions, users'));
    assert.ok(!rows.includes(token) && !rows.includes(TEST_PASSWORD));
  });

  test('after three wrong passwords even the right one must wait, from that address only', async () => {
    for (let n = 0; n < 3; n += 1) assert.equal((await page.signIn('wrong')).statusCode, 403);
    // On a busy machine looking at a password takes longer than the first delay.
    await page.database.query('UPDATE sign_in_refusals SET last_at = now()');
    const refused = await page.signIn();
    assert.equal(refused.statusCode, 429);
    assert.ok(Number(refused.headers['retry-after']) >= 1);
    assert.equal((await page.signIn(TEST_PASSWORD, '10.0.0.9')).statusCode, 200);
  });

  test('behind a proxy that is trusted, tries are counted for the addresses that it names, and a client cannot name its own', async () => {
    const behind = await startTestConsole({ trustedProxies: ['10.0.0.0/24'] });
    try {
      await behind.clear();
      const payload = { user: 'admin', password: 'wrong' };
      const from = (remoteAddress: string, forwarded: string) =>
        behind.app.inject({
          method: 'POST',
          url: '/api/session',
          headers: { ...OURS, 'x-forwarded-for': forwarded },
          payload,
          remoteAddress,
        });
      for (let n = 0; n < 3; n += 1) assert.equal((await from('10.0.0.2', `203.0.113.${n}, 192.0.2.7`)).statusCode, 403);
      await behind.database.query('UPDATE sign_in_refusals SET last_at = now()');
      assert.equal((await from('10.0.0.2', '192.0.2.7')).statusCode, 429);
      assert.equal((await from('10.0.0.2', '192.0.2.8')).statusCode, 403, 'another person behind the same proxy');
      assert.equal((await from('192.0.2.7', '198.51.100.1')).statusCode, 429, 'who is no proxy was believed');
    } finally {
      await behind.stop();
    }
  });

  test('of forty wrong tries at the same moment at most three are looked at', async () => {
    const replies = await Promise.all(Array.from({ length: 40 }, () => page.signIn('wrong')));
    assert.equal(replies.filter(({ statusCode }) => statusCode === 403).length, 3);
    assert.equal(replies.filter(({ statusCode }) => statusCode === 429).length, 37);
  });

  test('of forty tries under forty names at the same moment at most eight are looked at, and then others have their turn', async () => {
    const payloads = Array.from({ length: 40 }, (_, n) => ({ user: `name-${n}`, password: 'wrong' }));
    const tries = payloads.map((payload) => page.app.inject({ method: 'POST', url: '/api/session', headers: OURS, payload }));
    const codes = (await Promise.all(tries)).map(({ statusCode }) => statusCode);
    assert.equal(codes.filter((code) => code === 403).length, 8);
    assert.equal(codes.filter((code) => code === 429).length, 32);
    assert.equal((await page.signIn()).statusCode, 200);
  });

  test('the audit names who signed in, and never what an unknown user typed as name', async () => {
    await page.signIn();
    const payload = { user: 'hunter2-typed-too-early', password: 'x' };
    await page.app.inject({ method: 'POST', url: '/api/session', headers: OURS, payload });
    const rows = await page.database.query<{ operator: string; action: string }>(
      'SELECT operator, action FROM operator_actions ORDER BY at, id',
    );
    assert.deepEqual(rows, [
      { operator: 'admin', action: 'signed-in' },
      { operator: 'unknown', action: 'sign-in-refused' },
    ]);
    assert.ok(!JSON.stringify(page.bus.facts).includes('hunter2'));
  });

  test('signing in works while JetStream refuses', async () => {
    page.bus.refusing = true;
    assert.equal((await page.signIn()).statusCode, 200);
  });
});

describe('requests from elsewhere', () => {
  test('a change without our own header is refused, with a valid cookie too', async () => {
    const cookie = cookieOf(await page.signIn());
    for (const headers of [{ cookie }, { cookie, 'x-requested-with': 'XMLHttpRequest' }]) {
      const reply = await page.app.inject({ method: 'POST', url: '/api/deliveries/retry', headers, payload: {} });
      assert.equal(reply.statusCode, 403);
      assert.equal(reply.json().error, 'missing-header');
    }
    assert.deepEqual(page.bus.published, []);
  });

  test('page and API carry the security headers', async () => {
    for (const url of ['/', '/api/session', '/nowhere', '/health/live']) {
      const { headers } = await page.app.inject({ method: 'GET', url });
      assert.match(String(headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/, url);
      assert.ok(!String(headers['content-security-policy']).includes('unsafe'));
      assert.equal(headers['x-content-type-options'], 'nosniff');
    }
  });

  test('nothing outside the folder of the page is served', async () => {
    for (const url of ['/../build-console.ts', '/%2e%2e/build-console.ts', '/..%2fmain.ts', '/page/../../package.json'])
      assert.equal((await page.app.inject({ method: 'GET', url })).statusCode >= 400, true, url);
  });
});

describe('the password', () => {
  test('is changed with the old one, and ends every other session', async () => {
    const other = cookieOf(await page.signIn());
    const change = (current: string, next: string) => page.request('POST', '/api/password', { current, next });
    assert.equal((await change('wrong', 'a new and longer one')).statusCode, 403);
    assert.equal((await change(TEST_PASSWORD, 'short')).statusCode, 400);
    assert.equal((await change(TEST_PASSWORD, 'a new and longer one')).statusCode, 204);
    assert.equal((await page.request('GET', '/api/session')).statusCode, 200);
    assert.equal((await page.app.inject({ method: 'GET', url: '/api/session', headers: { cookie: other } })).statusCode, 401);
    assert.equal((await page.signIn()).statusCode, 403);
    assert.equal((await page.signIn('a new and longer one')).statusCode, 200);
  });

  test('the file of the first password is gone once it was changed, and a file that cannot be removed keeps nobody from changing', async () => {
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'causeway-password-')), 'first-password');
    await writeFile(file, TEST_PASSWORD);
    const own = await startTestConsole({ firstPasswordFile: file });
    try {
      await own.clear();
      const change = (current: string, next: string) => own.request('POST', '/api/password', { current, next });
      assert.equal((await change('wrong', 'a new and longer one')).statusCode, 403);
      assert.ok(existsSync(file));
      assert.equal((await change(TEST_PASSWORD, 'a new and longer one')).statusCode, 204);
      assert.ok(!existsSync(file));
      await mkdir(file);
      assert.equal((await change('a new and longer one', 'one more that is long')).statusCode, 204);
    } finally {
      await own.stop();
      await rm(path.dirname(file), { recursive: true });
    }
  });

  test('the first user is made once, from the file; a later start changes nothing', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'causeway-password-'));
    const file = path.join(folder, 'first-password');
    await page.database.query('TRUNCATE users CASCADE');
    await assert.rejects(createFirstUser(page.database, undefined, log), /CAUSEWAY_FIRST_PASSWORD_FILE/);
    await writeFile(file, 'drawn by the supervisor\n');
    await createFirstUser(page.database, file, log);
    await writeFile(file, 'another one');
    await createFirstUser(page.database, file, log);
    assert.deepEqual((await page.signIn('drawn by the supervisor')).json(), { user: 'admin', mustChangePassword: true, ...ADMINISTRATOR });
    await rm(folder, { recursive: true });
  });
});
