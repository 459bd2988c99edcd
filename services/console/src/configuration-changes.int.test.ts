// The gateway document over HTTP: drafts, revisions compared, and revisions taken back.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { followGatewayDocument, type GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { newestConfiguration } from '@causeway/shared/database/configuration-revisions';
import { startTestConsole, TEST_DOCUMENT, type TestConsole } from './console-for-tests.ts';

let page: TestConsole;
let configuration: GatewayConfiguration;
before(async () => {
  page = await startTestConsole();
});
after(() => page?.stop());
beforeEach(async () => {
  await page.clear();
  await (await page.bus.bucket('configuration')).delete('gateway');
  configuration = await followGatewayDocument(page.bus, () => {});
});

/** Holds, with three things to tell: a facility without destinations, one destination that nobody uses, and a notification. */
const ODD_DOCUMENT = {
  ...TEST_DOCUMENT,
  facilities: [{ id: 'odd', match: [{}] }],
  notifications: [{ kind: 'webhook', url: 'https://ops.example.org/hook', on: ['held'] }],
  destinations: [TEST_DOCUMENT.destinations[0]!],
};
const ODD_PATHS = ['facilities[odd].destinations', 'destinations[cloud]'];
const documentFor = (facility: string): object => ({
  ...TEST_DOCUMENT,
  facilities: [{ id: facility, match: [{}], destinations: ['cloud'] }],
});
const facilityNow = (): string | undefined => configuration.current()?.document.facilities[0]?.id;
const pathsOf = (list: { path: string }[]): string[] => list.map(({ path }) => path);

describe('a draft', () => {
  const validate = (document: unknown) => page.request('POST', '/api/configuration/validate', { document });

  test('is checked, compared with the newest revision, and stored nowhere', async () => {
    await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT });
    const draft = structuredClone(TEST_DOCUMENT);
    draft.facilities[1]!.destinations = ['pacs', 'cloud'];
    const reply = (await validate(draft)).json();
    const path = 'facilities[ms44].destinations';
    assert.deepEqual(reply, {
      warnings: [],
      notActedOn: [],
      changes: [{ path, kind: 'changed', before: ['pacs'], after: ['pacs', 'cloud'] }],
    });
    assert.equal((await newestConfiguration(page.database))?.revision, 1);
    assert.deepEqual(facilityNow(), 'north');
  });

  test('with nothing applied yet is compared with nothing; YAML is taken too', async () => {
    const reply = (await validate('facilities: [{ id: odd, match: [{}], destinations: [] }]')).json();
    assert.deepEqual([pathsOf(reply.warnings), pathsOf(reply.changes)], [['facilities[odd].destinations'], ['facilities']]);
  });

  test('with problems is answered 422 with each of them, whatever else it is missing', async () => {
    const reply = await validate({ facilities: [{ id: 'BAD', destinations: ['x'] }], destinations: 3 });
    assert.equal(reply.statusCode, 422);
    assert.ok(pathsOf(reply.json().problems).includes('facilities[0].destinations[0]'), reply.body);
    assert.equal((await validate('a: [')).statusCode, 422);
    assert.equal((await page.request('POST', '/api/configuration/validate', {})).statusCode, 400);
  });
});

describe('revisions', () => {
  const put = (document: unknown) => page.request('PUT', '/api/configuration', { document });
  const diff = async (query: string) => {
    const reply = await page.request('GET', `/api/configuration/diff?${query}`);
    return reply.statusCode === 200 ? reply.json() : reply.statusCode;
  };
  const rollBack = (body: object) => page.request('POST', '/api/configuration/rollback', body);

  test('are compared by number; without the second one with the newest', async () => {
    for (const facility of ['one', 'two', 'three']) await put(documentFor(facility));
    const { from, to, changes } = await diff('from=1&to=2');
    assert.deepEqual(
      [from, to, changes.map((change: { path: string; kind: string }) => `${change.kind} ${change.path}`)],
      [1, 2, ['removed facilities[one]', 'added facilities[two]']],
    );
    assert.deepEqual(pathsOf((await diff('from=1')).changes), ['facilities[one]', 'facilities[three]']);
    assert.deepEqual((await diff('from=3')).changes, []);
    assert.deepEqual(pathsOf((await diff('from=3&to=1')).changes), ['facilities[three]', 'facilities[one]']);
  });

  test('that are not there are not compared', async () => {
    await put(documentFor('one'));
    assert.deepEqual(
      [await diff('from=2'), await diff('from=1&to=9'), await diff(''), await diff('from=x'), await diff('from=99999999999')],
      [404, 404, 400, 400, 400],
    );
  });

  test('are taken back as a new one with the old text, in force and audited', async () => {
    await put(documentFor('one'));
    await put(documentFor('two'));
    const reply = (await rollBack({ revision: 1 })).json();
    assert.deepEqual(reply, { revision: 3, warnings: [], notActedOn: [] });
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['one', 3]);
    assert.deepEqual((await diff('from=1&to=3')).changes, []);
    const { revisions } = (await page.request('GET', '/api/configuration/revisions')).json();
    assert.deepEqual([revisions[0].comment, revisions[0].author], ['rollback to revision 1', 'admin']);
    const [audited] = await page.database.query<{ operator: string; subject: string }>(
      `SELECT operator, subject FROM operator_actions WHERE action = 'configuration-rolled-back'`,
    );
    assert.deepEqual(audited, { operator: 'admin', subject: 'revision 3: that of 1' });
  });

  test('are taken back with the comment given, and with what is odd about them', async () => {
    await put(ODD_DOCUMENT);
    await put(TEST_DOCUMENT);
    const reply = (await rollBack({ revision: 1, comment: 'as before the move' })).json();
    assert.deepEqual([pathsOf(reply.warnings), reply.notActedOn], [ODD_PATHS, ['notifications']]);
    assert.equal((await newestConfiguration(page.database))?.comment, 'as before the move');
  });

  test('that would be refused today are not taken back, nor those that were never there', async () => {
    await put(TEST_DOCUMENT);
    await page.database.query(`UPDATE configuration_revisions SET source = '{"facilities": [{"id": "north", "fax": true}]}'`);
    await put(documentFor('two'));
    const reply = await rollBack({ revision: 1 });
    assert.deepEqual([reply.statusCode, reply.json().error], [422, 'invalid-document']);
    assert.deepEqual([(await rollBack({ revision: 7 })).statusCode, (await rollBack({})).statusCode], [404, 400]);
    assert.deepEqual([facilityNow(), (await newestConfiguration(page.database))?.revision], ['two', 2]);
  });
});
