// Users over HTTP, against a real PostgreSQL: made, changed and removed by administrators, with effect on the next request.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { changeUser, removeUser } from '@causeway/shared/database/users';
import { ADMINISTRATOR, cookieOf, startTestConsole, type TestConsole } from './console-for-tests.ts';

let page: TestConsole;
before(async () => {
  page = await startTestConsole();
});
after(() => page?.stop());
beforeEach(() => page.clear());

const NORTH = { role: 'operator', facilities: ['north'] };
const add = (user: object) => page.request('POST', '/api/users', user);
const audited = async (): Promise<string[][]> => {
  const rows = await page.database.query<{ operator: string; action: string; subject: string }>(
    `SELECT operator, action, subject FROM operator_actions WHERE action LIKE 'user-%' ORDER BY at, id`,
  );
  return rows.map(({ operator, action, subject }) => [operator, action, subject]);
};
const signInAs = (user: string, password: string) =>
  page.app.inject({ method: 'POST', url: '/api/session', headers: { 'x-requested-with': 'causeway' }, payload: { user, password } });
const errorOf = ({ statusCode, json }: { statusCode: number; json(): { error: string } }) => [statusCode, json().error];

describe('a user', () => {
  test('is made with a password that is told once, signs in with it, and is to change it', async () => {
    const made = (await add({ name: 'nora', ...NORTH })).json();
    assert.match(made.password, /^[\w-]{16}$/);
    const signedIn = await signInAs('nora', made.password);
    assert.deepEqual(signedIn.json(), {
      user: 'nora',
      mustChangePassword: true,
      role: 'operator',
      allFacilities: false,
      facilities: ['north'],
    });
    const { users } = (await page.request('GET', '/api/users')).json();
    assert.deepEqual(
      users.map(({ name }: { name: string }) => name),
      ['admin', 'nora'],
    );
    assert.ok(!JSON.stringify([users, await audited(), page.bus.facts]).includes(made.password));
    assert.deepEqual(await audited(), [['admin', 'user-made', 'nora: operator of north']]);
  });

  test('needs a known role, facilities of the gateway document or all of them said so, and a name of its own', async () => {
    const wrong: [object, number, string][] = [
      [{ name: 'x', role: 'operator' }, 400, 'bad-request'],
      [{ name: 'x', role: 'operator', facilities: [] }, 400, 'bad-request'],
      [{ name: 'x', role: 'operator', facilities: ['north'], allFacilities: true }, 400, 'bad-request'],
      [{ name: 'x', role: 'administrator', facilities: ['north'] }, 400, 'bad-request'],
      [{ name: 'x', role: 'root', allFacilities: true }, 400, 'bad-request'],
      [{ name: 'a b', role: 'reader', allFacilities: true }, 400, 'bad-request'],
      [{ name: 'x', role: 'reader', facilities: ['nort'] }, 422, 'unknown-facility'],
      [{ name: 'admin', role: 'reader', allFacilities: true }, 409, 'user-exists'],
    ];
    for (const [user, status, error] of wrong) assert.deepEqual(errorOf(await add(user)), [status, error], JSON.stringify(user));
    assert.deepEqual(await audited(), []);
  });

  test('has other rights from the next request on, in the session it has', async () => {
    const ask = await page.as('nora', { role: 'operator', allFacilities: true, facilities: [] });
    assert.equal((await ask('POST', '/api/deliveries/retry', {})).statusCode, 200);
    const changed = await page.request('PUT', '/api/users/nora', { rights: { role: 'reader', facilities: ['ms44'] } });
    assert.equal(changed.statusCode, 200, changed.body);
    assert.deepEqual(errorOf(await ask('POST', '/api/deliveries/retry', {})), [403, 'role-not-enough']);
    assert.deepEqual((await ask('GET', '/api/gateway')).json().facilities, [{ id: 'ms44', name: 'Medical Site 44', model: 'standard' }]);
    assert.deepEqual(await audited(), [['admin', 'user-changed', 'nora: reader of ms44']]);
  });

  test('that is removed is out at once, with its sessions and tokens', async () => {
    const ask = await page.as('nora', { role: 'operator', allFacilities: true, facilities: [] });
    const { token } = (await ask('POST', '/api/tokens', { name: 'script' })).json();
    const asToken = () => page.app.inject({ method: 'GET', url: '/api/session', headers: { authorization: `Bearer ${token}` } });
    assert.equal((await asToken()).statusCode, 200);
    assert.equal((await page.request('DELETE', '/api/users/nora')).statusCode, 204);
    assert.deepEqual([(await ask('GET', '/api/session')).statusCode, (await asToken()).statusCode], [401, 401]);
    assert.equal((await page.request('DELETE', '/api/users/nora')).statusCode, 404);
    assert.deepEqual(await audited(), [['admin', 'user-removed', 'nora']]);
  });

  test('that gets a new password has no session and no token from before', async () => {
    const ask = await page.as('nora', { role: 'operator', allFacilities: true, facilities: [] });
    const { token } = (await ask('POST', '/api/tokens', { name: 'script' })).json();
    const { password } = (await page.request('PUT', '/api/users/nora', { newPassword: true })).json();
    assert.equal((await ask('GET', '/api/session')).statusCode, 401);
    assert.equal(
      (await page.app.inject({ method: 'GET', url: '/api/session', headers: { authorization: `Bearer ${token}` } })).statusCode,
      401,
    );
    assert.equal((await signInAs('nora', password)).json().mustChangePassword, true);
  });

  test('does not see or remove the tokens of others, unless it is administrator', async () => {
    const nora = await page.as('nora', { role: 'operator', allFacilities: true, facilities: [] });
    const { id } = (await page.request('POST', '/api/tokens', { name: 'of admin' })).json();
    await nora('POST', '/api/tokens', { name: 'of nora' });
    const names = (reply: { json(): { tokens: { name: string }[] } }) => reply.json().tokens.map(({ name }) => name);
    assert.deepEqual(names(await nora('GET', '/api/tokens')), ['of nora']);
    assert.equal((await nora('DELETE', `/api/tokens/${id}`)).statusCode, 404);
    assert.deepEqual(names(await page.request('GET', '/api/tokens')).sort(), ['of admin', 'of nora']);
  });
});

describe('the last administrator', () => {
  test('is neither removed nor made less; with a second one it can be', async () => {
    assert.deepEqual(errorOf(await page.request('DELETE', '/api/users/admin')), [409, 'last-administrator']);
    const lessened = () => page.request('PUT', '/api/users/admin', { rights: { role: 'operator', allFacilities: true } });
    assert.deepEqual(errorOf(await lessened()), [409, 'last-administrator']);
    await add({ name: 'second', role: 'administrator', allFacilities: true });
    assert.equal((await lessened()).statusCode, 200);
    assert.deepEqual(errorOf(await page.request('GET', '/api/users')), [403, 'role-not-enough']);
  });

  test('remains when two administrators remove each other at the same moment, on two consoles', async () => {
    const other: Database = openDatabase(page.postgres.url);
    try {
      for (let round = 0; round < 10; round += 1) {
        await page.clear();
        await add({ name: 'second', ...ADMINISTRATOR });
        const outcomes = await Promise.all([
          removeUser(page.database, 'admin'),
          changeUser(other, { name: 'second', rights: { role: 'reader', allFacilities: true, facilities: [] } }),
        ]);
        assert.deepEqual(outcomes.toSorted(), ['done', 'last-administrator']);
      }
    } finally {
      await other.close();
    }
  });
});

describe('an API token of an administrator', () => {
  test('lists users, and makes, changes and removes none', async () => {
    const { token } = (await page.request('POST', '/api/tokens', { name: 'script' })).json();
    const ask = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, payload?: object) =>
      page.app.inject({ method, url, headers: { authorization: `Bearer ${token}` }, payload });
    assert.equal((await ask('GET', '/api/users')).statusCode, 200);
    const attempts = [
      await ask('POST', '/api/users', { name: 'mole', ...ADMINISTRATOR }),
      await ask('PUT', '/api/users/admin', { newPassword: true }),
      await ask('DELETE', '/api/users/admin'),
    ];
    for (const reply of attempts) assert.deepEqual(errorOf(reply), [403, 'token-not-enough']);
    assert.equal(cookieOf(await page.signIn()).startsWith('causeway_session='), true);
  });
});
