// Every route against every role, against a real PostgreSQL: who is let in, and who is told that the role or the facilities are not enough.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { UserRights } from '@causeway/shared/database/accounts';
import { buildConsole } from './build-console.ts';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';
import { ROUTE_ACCESS } from './route-access.ts';
import { TWO_FACILITIES } from './two-facilities-for-tests.ts';

let page: TestConsole;
before(async () => {
  page = await startTestConsole({ revision: () => TWO_FACILITIES });
  await page.clear();
});
after(() => page?.stop());

/** Written here a second time, on purpose: a row of the table that is changed by mistake differs from what is meant. */
const MEANT: Record<string, readonly string[]> = {
  'anyone who has signed in':
    `GET /api/session, GET /api/tokens, POST /api/tokens, DELETE /api/tokens/:id, POST /api/password, DELETE /api/session, GET /api/gateway,
    GET /api/status, GET /api/studies, GET /api/studies/:uid, GET /api/work, GET /api/destinations, GET /api/audit, GET /api/reconciliation, GET /api/held, GET /api/held/receipts, GET /api/deliveries,
    GET /api/deliveries/failed, GET /api/deliveries/parked, GET /api/retrievals, GET /api/retrievals/:id, GET /api/explain, GET /api/commitments, GET /api/commitments/:id,
    GET /api/associations, GET /api/associations/:id, GET /dicom-web/studies, GET /dicom-web/series, GET /dicom-web/instances,
    GET /dicom-web/studies/:study, GET /dicom-web/studies/:study/metadata, GET /dicom-web/studies/:study/series, GET /dicom-web/studies/:study/instances,
    GET /dicom-web/studies/:study/series/:series, GET /dicom-web/studies/:study/series/:series/metadata,
    GET /dicom-web/studies/:study/series/:series/instances, GET /dicom-web/studies/:study/series/:series/instances/:instance,
    GET /dicom-web/studies/:study/series/:series/instances/:instance/metadata`.split(/,\s*/),
  'readers of all facilities': ['GET /api/deletions', 'POST /api/explain'],
  operators: `POST /api/held/assign, POST /api/held/retry, POST /api/held/release, POST /api/held/discard, POST /api/held/:receiptId/assign,
    POST /api/held/:receiptId/retry, POST /api/held/:receiptId/release, POST /api/held/:receiptId/discard, POST /api/deliveries/retry,
    POST /api/deliveries/discard, POST /api/deliveries/:id/retry, POST /api/deliveries/:id/discard, POST /api/commitments/:id/retry`.split(
    /,\s*/,
  ),
  'operators of all facilities': ['POST /api/retrievals'],
  administrators:
    `GET /api/users, POST /api/users, PUT /api/users/:name, DELETE /api/users/:name, GET /api/configuration, PUT /api/configuration,
    GET /api/configuration/revisions, GET /api/configuration/revisions/:revision, GET /api/configuration/diff, POST /api/configuration/validate,
    POST /api/configuration/rollback, POST /api/configuration/dry-run`.split(/,\s*/),
};
const WITHOUT_SIGNING_IN = ['GET /*', 'GET /health/live', 'GET /health/ready', 'POST /api/session'];

const some = (role: UserRights['role']): UserRights => ({ role, allFacilities: false, facilities: ['north'] });
const all = (role: UserRights['role']): UserRights => ({ role, allFacilities: true, facilities: [] });
const USERS: Record<string, { rights: UserRights; may: readonly string[] }> = {
  'reader-north': { rights: some('reader'), may: ['anyone who has signed in'] },
  'reader-all': { rights: all('reader'), may: ['anyone who has signed in', 'readers of all facilities'] },
  'operator-north': { rights: some('operator'), may: ['anyone who has signed in', 'operators'] },
  'operator-all': {
    rights: all('operator'),
    may: ['anyone who has signed in', 'readers of all facilities', 'operators', 'operators of all facilities'],
  },
  administrator: { rights: all('administrator'), may: Object.keys(MEANT) },
};

/** With something in place of each parameter; signing out comes last. */
function requestOf(route: string): ['GET' | 'POST' | 'PUT' | 'DELETE', string] {
  const [method, url] = route.split(' ') as ['GET', string];
  return [method, url.replace(/:(uid|study|series|instance)\b/g, '2.25.1').replace(/:[a-zA-Z]+/, '0197f0aa-0000-7000-8000-000000000000')];
}

/** `METHOD /path` of everything that Fastify answers; what it prints is a tree. */
function registered(): string[] {
  const routes: string[] = [];
  const path: string[] = [];
  for (const line of page.app.printRoutes({ commonPrefix: false }).split('\n')) {
    const found = /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line);
    if (found === null) continue;
    path.length = found[1]!.length / 4;
    path.push(found[2]!);
    for (const method of found[3]?.split(', ') ?? []) if (method !== 'HEAD') routes.push(`${method} /${path.join('').replace(/^\//, '')}`);
  }
  return routes;
}

describe('the table of routes', () => {
  test('has every route that is registered, and no other', () => {
    assert.deepEqual(registered().sort(), Object.keys(ROUTE_ACCESS).sort());
  });

  test('is the one that is meant', () => {
    assert.deepEqual([...Object.values(MEANT).flat(), ...WITHOUT_SIGNING_IN].sort(), Object.keys(ROUTE_ACCESS).sort());
  });

  test('stops a console with a route that it does not have', async () => {
    const unused = undefined as never;
    const parts = { database: page.database, bus: page.bus, log: unused, queues: unused, store: unused, revision: () => undefined };
    const app = await buildConsole({ ...parts, configurationProblem: () => undefined, dicomPort: 1, services: {} });
    assert.throws(() => app.get('/api/everything', () => ''), /GET \/api\/everything is not in ROUTE_ACCESS/);
    await app.close();
  });
});

describe('every route', () => {
  for (const [name, { rights, may }] of Object.entries(USERS))
    test(`lets ${name} in where that is meant, and nowhere else`, async () => {
      const ask = await page.as(name, rights);
      const routes = Object.entries(MEANT).flatMap(([whose, list]) => list.map((route) => ({ route, allowed: may.includes(whose) })));
      routes.sort((one, other) => Number(one.route === 'DELETE /api/session') - Number(other.route === 'DELETE /api/session'));
      for (const { route, allowed } of routes) {
        const reply = await ask(...requestOf(route), {});
        const refused =
          reply.statusCode === 403 && ['role-not-enough', 'all-facilities-needed', 'not-allowed'].includes(reply.json().error);
        assert.equal(!refused, allowed, `${route} for ${name}: ${reply.statusCode} ${reply.body.slice(0, 200)}`);
        assert.ok(
          reply.statusCode !== 401 && reply.statusCode < 500,
          `${route} for ${name}: ${reply.statusCode} ${reply.body.slice(0, 200)}`,
        );
      }
    });

  test('answers 401 to who has not signed in, but for page, health and signing in', async () => {
    for (const route of Object.values(MEANT).flat()) {
      const [method, url] = requestOf(route);
      const reply = await page.app.inject({ method, url, headers: { 'x-requested-with': 'causeway' }, payload: {} });
      assert.equal(reply.statusCode, 401, route);
    }
  });
});
