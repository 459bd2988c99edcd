// API tokens, against a real PostgreSQL: what programs may do with one, and what they may not.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, beforeEach, describe, test } from 'node:test';
import { MOST_API_TOKENS } from '@causeway/shared/database/api-tokens';
import type { InjectOptions } from 'fastify';
import { ADMINISTRATOR, startTestConsole, TEST_DOCUMENT, TEST_PASSWORD, type TestConsole } from './console-for-tests.ts';

let page: TestConsole;
before(async () => {
  page = await startTestConsole();
});
after(() => page?.stop());
beforeEach(() => page.clear());

interface Made {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly expiresAt: string;
}
type Shown = Record<'id' | 'name' | 'user' | 'createdAt' | 'expiresAt', string> & { lastUsedAt: string | null };

async function made(body: object = { name: 'nightly' }): Promise<Made> {
  const reply = await page.request('POST', '/api/tokens', body);
  assert.equal(reply.statusCode, 200, reply.body);
  return reply.json();
}
const listed = async (): Promise<Shown[]> => (await page.request('GET', '/api/tokens')).json().tokens;
const ask = (token: string, options: InjectOptions = {}) =>
  page.app.inject({ method: 'GET', url: '/api/session', ...options, headers: { authorization: `Bearer ${token}`, ...options.headers } });
const wrongToken = (): string => `causeway_${randomBytes(32).toString('base64url')}`;
const audited = () =>
  page.database.query<{ operator: string; action: string; subject: string }>(
    `SELECT operator, action, subject FROM operator_actions WHERE action LIKE 'token-%' ORDER BY at, id`,
  );

describe('an API token', () => {
  test('acts as its maker, without a cookie and without our own header, also for changes', async () => {
    const { token } = await made();
    assert.deepEqual((await ask(token)).json(), { user: 'admin', mustChangePassword: false, ...ADMINISTRATOR });
    const applied = await ask(token, {
      method: 'PUT',
      url: '/api/configuration',
      payload: { document: TEST_DOCUMENT, comment: 'by program' },
    });
    assert.equal(applied.statusCode, 200, applied.body);
    const { revisions } = (await page.request('GET', '/api/configuration/revisions')).json();
    assert.deepEqual([revisions[0].author, revisions[0].comment], ['admin', 'by program']);
  });

  test('is answered once and holds a year unless told otherwise; the database has its SHA-256 only', async () => {
    const { id, name, token, expiresAt } = await made();
    assert.match(token, /^causeway_[A-Za-z0-9_-]{43}$/);
    const days = (Date.parse(expiresAt) - Date.now()) / 86_400_000;
    assert.ok(days > 364.9 && days < 365.1, `${days} days`);
    const [row] = await page.database.query<{ token_hash: string }>('SELECT * FROM api_tokens');
    assert.equal(row!.token_hash, createHash('sha256').update(token).digest('hex'));
    const everywhere = JSON.stringify([row, await listed(), page.bus.facts, await audited()]);
    assert.ok(!everywhere.includes(token.slice('causeway_'.length)));
    assert.deepEqual([id, name], [(await listed())[0]!.id, 'nightly']);
  });

  test('is listed with maker, expiry and last use, which is written once a minute at most', async () => {
    const { id, token } = await made({ name: 'nightly', days: 3650 });
    const [fresh] = await listed();
    assert.deepEqual([fresh!.id, fresh!.user, fresh!.lastUsedAt], [id, 'admin', null]);
    await ask(token);
    const first = (await listed())[0]!.lastUsedAt;
    assert.ok(first !== null);
    await ask(token);
    assert.equal((await listed())[0]!.lastUsedAt, first);
    await page.database.query(`UPDATE api_tokens SET last_used_at = now() - interval '61 seconds'`);
    await ask(token);
    const later = (await listed())[0]!.lastUsedAt!;
    assert.ok(Date.parse(later) >= Date.parse(first), `${later} after ${first}`);
  });

  test('that is removed is refused from the next request on', async () => {
    const { id, token } = await made();
    assert.equal((await ask(token)).statusCode, 200);
    assert.equal((await page.request('DELETE', `/api/tokens/${id}`)).statusCode, 204);
    const refused = await ask(token);
    assert.deepEqual([refused.statusCode, refused.json().error], [401, 'token-refused']);
    assert.equal((await page.request('DELETE', `/api/tokens/${id}`)).statusCode, 404);
  });

  test('that has expired is refused, still shown, and forgotten a month later', async () => {
    const { token } = await made();
    await page.database.query(`UPDATE api_tokens SET expires_at = now() - interval '1 second'`);
    assert.equal((await ask(token)).statusCode, 401);
    assert.equal((await listed()).length, 1);
    await page.database.query(`UPDATE api_tokens SET expires_at = now() - interval '31 days'`);
    await made({ name: 'next' });
    assert.deepEqual(
      (await listed()).map(({ name }) => name),
      ['next'],
    );
  });

  test('of a user who is gone is gone', async () => {
    const { token } = await made();
    await page.database.query('DELETE FROM users');
    assert.equal((await ask(token)).statusCode, 401);
  });

  test('outlives a change of the password, which it cannot make', async () => {
    const { token } = await made();
    const body = { current: TEST_PASSWORD, next: 'a new and longer one' };
    const byToken = await ask(token, { method: 'POST', url: '/api/password', payload: body });
    assert.deepEqual([byToken.statusCode, byToken.json().error], [403, 'token-not-enough']);
    assert.equal((await page.request('POST', '/api/password', body)).statusCode, 204);
    assert.equal((await ask(token)).statusCode, 200);
  });

  test('makes no further tokens and removes no other, but can end itself', async () => {
    const [own, other] = [await made({ name: 'own' }), await made({ name: 'other' })];
    assert.equal((await ask(own.token, { method: 'POST', url: '/api/tokens', payload: { name: 'more' } })).statusCode, 403);
    assert.equal((await ask(own.token, { method: 'DELETE', url: `/api/tokens/${other.id}` })).statusCode, 403);
    assert.equal((await ask(own.token, { method: 'DELETE', url: `/api/tokens/${own.id}` })).statusCode, 204);
    assert.deepEqual(
      (await listed()).map(({ name }) => name),
      ['other'],
    );
  });

  test('is audited when it is made and when it is removed', async () => {
    const { id } = await made();
    await page.request('DELETE', `/api/tokens/${id}`);
    assert.deepEqual(await audited(), [
      { operator: 'admin', action: 'token-made', subject: `nightly (${id})` },
      { operator: 'admin', action: 'token-removed', subject: `nightly (${id})` },
    ]);
  });

  test('is named in the audit beside its user, by name and id and never by itself; a session has none', async () => {
    const { id, token } = await made();
    const payload = { document: TEST_DOCUMENT };
    assert.equal((await ask(token, { method: 'PUT', url: '/api/configuration', payload })).statusCode, 200);
    assert.equal((await page.request('PUT', '/api/configuration', payload)).statusCode, 200);
    const { actions } = (await page.request('GET', '/api/audit')).json() as { actions: Record<'operator' | 'action' | 'token', string>[] };
    const applied = actions.filter(({ action }) => action === 'configuration-applied');
    assert.deepEqual(
      applied.map((one) => [one.operator, one.token]),
      [
        ['admin', null],
        ['admin', `nightly (${id})`],
      ],
    );
    assert.ok(!JSON.stringify([actions, page.bus.facts]).includes(token));
  });

  test('needs a name, and 1 to 3650 days', async () => {
    for (const body of [{}, { name: ' ' }, { name: 'a\nb' }, { name: 'x'.repeat(65) }, { name: 'a', days: 0 }, { name: 'a', days: 3651 }])
      assert.equal((await page.request('POST', '/api/tokens', body)).statusCode, 400, JSON.stringify(body));
    assert.equal((await page.request('DELETE', '/api/tokens/7')).statusCode, 400);
    assert.deepEqual(await listed(), []);
  });

  test('is one of 200 at most', async () => {
    await page.database.query(
      `INSERT INTO api_tokens (id, name, user_name, token_hash, expires_at)
       SELECT gen_random_uuid(), n, 'admin', n, now() + interval '1 day' FROM generate_series(1, $1::integer) AS n`,
      [MOST_API_TOKENS],
    );
    const reply = await page.request('POST', '/api/tokens', { name: 'one more' });
    assert.deepEqual([reply.statusCode, reply.json().error], [409, 'too-many-tokens']);
  });
});

describe('requests with wrong tokens', () => {
  test('are refused, whatever they look like; a cookie beside a wrong token does not help', async () => {
    const cookie = String((await page.signIn()).headers['set-cookie']).split(';')[0]!;
    const wrong = ['', 'x', `${wrongToken()}A`, wrongToken().slice(0, -1), 'causeway_', wrongToken()];
    for (const token of wrong) assert.equal((await ask(token, { headers: { cookie } })).statusCode, 401, token);
  });

  test('say nothing against a session, when the scheme is that of a proxy in front', async () => {
    const cookie = String((await page.signIn()).headers['set-cookie']).split(';')[0]!;
    const headers = { authorization: 'Basic YTpi', cookie };
    assert.equal((await page.app.inject({ method: 'GET', url: '/api/session', headers })).statusCode, 200);
  });

  test('are slowed down per address; tokens that were right before, and other addresses, are not', async () => {
    const { token } = await made();
    const from = (remoteAddress: string, sent: string) => ask(sent, { remoteAddress });
    assert.equal((await from('10.0.0.7', token)).statusCode, 200);
    const replies = await Promise.all(Array.from({ length: 40 }, () => from('10.0.0.7', wrongToken())));
    const late = replies.filter(({ statusCode }) => statusCode === 429);
    assert.ok(late.length > 0 && late.length <= 20, `${late.length} of 40 were not looked at`);
    assert.equal(replies.filter(({ statusCode }) => statusCode === 401).length, 40 - late.length);
    assert.ok(Number(late[0]!.headers['retry-after']) >= 1);
    assert.equal((await from('10.0.0.7', token)).statusCode, 200);
    assert.equal((await from('10.0.0.8', wrongToken())).statusCode, 401);
  });

  test('do not slow down a right token that comes forty times at once for the first time', async () => {
    const { token } = await made();
    const replies = await Promise.all(Array.from({ length: 40 }, () => ask(token, { remoteAddress: '10.0.0.9' })));
    assert.deepEqual([...new Set(replies.map(({ statusCode }) => statusCode))], [200]);
  });
});
