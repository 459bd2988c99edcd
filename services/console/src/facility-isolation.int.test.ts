// Two facilities on one console, against a real PostgreSQL: what belongs only to the other is neither seen nor acted on, however one asks.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import type { UserRights } from '@causeway/shared/database/accounts';
import { applyFacts } from '@causeway/shared/database/project-facts';
import type { LightMyRequestResponse } from 'fastify';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';
import { type BothSites, fillTwoFacilities, SHARED_STUDY, siteInstance, siteRouted, TWO_FACILITIES } from './two-facilities-for-tests.ts';

let page: TestConsole;
let sites: BothSites;
type Ask = Awaited<ReturnType<TestConsole['as']>>;
let north: Ask;
let everything: Ask;
before(async () => {
  page = await startTestConsole({ revision: () => TWO_FACILITIES });
});
after(() => page?.stop());
beforeEach(async () => {
  await page.clear();
  sites = await fillTwoFacilities(page.database);
  const rights: UserRights = { role: 'operator', allFacilities: false, facilities: ['north'] };
  north = await page.as('nora', rights);
  everything = await page.as('olga', { role: 'operator', allFacilities: true, facilities: [] });
  page.bus.facts.length = 0;
});

const deliveryId = (site: 'north' | 'south', destination = `${site}-archive`): string => `${sites[site].failed.receiptId}.${destination}`;
const get = async (ask: Ask, url: string) => {
  const reply = await ask('GET', url);
  assert.equal(reply.statusCode, 200, `${url}: ${reply.body}`);
  return reply;
};
/** The same for everything there is: ids of the south's work, names of its patients, its destinations and titles. */
function assertNothingOfTheSouth(what: string, { body }: LightMyRequestResponse): void {
  const { failed, held, quarantined, shared, association, commitment } = sites.south;
  const ids = [failed, held, quarantined, shared, sites.nobodys].map(({ receiptId }) => receiptId as string);
  const secrets = ['south', '7777', ...ids, association, commitment];
  const told = secrets.filter((secret) => body.toLowerCase().includes(secret));
  assert.deepEqual(told, [], `${what} tells: ${body.slice(0, 1500)}`);
}
interface Page {
  readonly studies: { readonly studyKey: string }[];
  readonly next: string | null;
}
/** Of everything that both received. */
const DAY = '2026-01-05';
const LISTS = [
  ...[
    '/api/studies',
    '/api/studies?search=',
    '/api/held',
    '/api/deliveries/failed',
    '/api/deliveries/parked',
    '/api/deliveries?state=failed',
    '/api/deliveries?state=due',
  ],
  ...[
    '/api/deliveries?state=confirmed',
    '/api/destinations',
    '/api/work',
    '/api/status',
    '/api/gateway',
    '/api/audit',
    '/api/retrievals',
    '/api/tokens',
  ],
  ...[
    '/api/commitments',
    '/api/associations',
    `/api/studies/${SHARED_STUDY}`,
    `/api/explain?study=${SHARED_STUDY}`,
    '/api/studies/2.25.6666',
  ],
  ...['/api/explain?study=2.25.6666', `/api/deliveries?state=failed&study=${SHARED_STUDY}`, '/api/session'],
  ...[
    '/api/reconciliation',
    `/api/reconciliation?day=${DAY}`,
    `/api/reconciliation?day=${DAY}&facility=south`,
    '/api/reconciliation?facility=south',
  ],
];

describe('who has the north only', () => {
  test('finds nothing of the south in any list, and whoever has all facilities finds it in the same lists', async () => {
    for (const url of LISTS) assertNothingOfTheSouth(url, await get(north, url));
    const seen = await Promise.all(
      [
        '/api/studies',
        '/api/held',
        '/api/deliveries/failed',
        '/api/commitments',
        '/api/associations',
        `/api/reconciliation?day=${DAY}`,
      ].map((url) => get(everything, url)),
    );
    for (const { body } of seen) assert.match(body, /SOUTH|7777/);
  });

  test('is told of its own part of a day what became of it, and of no study of the other', async () => {
    const { totals, facilities, studies } = (await get(north, `/api/reconciliation?day=${DAY}`)).json();
    assert.deepEqual(
      facilities.map(({ facility }: { facility: string }) => facility),
      ['north'],
    );
    assert.deepEqual([totals.length, totals[0].received, totals[0].facility], [1, facilities[0].received, 'north']);
    const shared = studies.find(({ studyKey }: { studyKey: string }) => studyKey === SHARED_STUDY);
    assert.deepEqual([shared.received, shared.facilities, shared.patientName.includes('NORTH')], [1, ['north'], true]);
    const all = (await get(everything, `/api/reconciliation?day=${DAY}`)).json();
    assert.ok(all.studies.length > studies.length && all.totals[0].received > totals[0].received);
    assert.deepEqual((await get(north, '/api/reconciliation?facility=south')).json(), { days: [] });
  });

  test('sees its own work whole', async () => {
    const { studies } = (await get(north, '/api/studies')).json<{
      studies: { studyKey: string; patientName: string; facilities: string[] }[];
    }>();
    const own = [sites.north.failed, sites.north.held, sites.north.quarantined].map(({ studyInstanceUid }) => studyInstanceUid);
    assert.deepEqual(studies.map(({ studyKey }) => studyKey).sort(), [...own, SHARED_STUDY, '2.25.6666'].sort());
    const waiting = (await get(north, '/api/held')).json().waiting as { state: string; receiptIds: string[] }[];
    assert.deepEqual(
      waiting.flatMap(({ receiptIds }) => receiptIds).sort(),
      [sites.north.held, sites.north.quarantined, sites.tied].map(({ receiptId }) => receiptId as string).sort(),
    );
    const receipts = async (who: Parameters<typeof get>[0], { studyInstanceUid }: { studyInstanceUid?: string }) =>
      (await get(who, `/api/held/receipts?study=${studyInstanceUid}`)).json().receipts.length;
    assert.deepEqual([await receipts(north, sites.north.held), await receipts(north, sites.south.held)], [1, 0]);
    assert.equal(await receipts(everything, sites.south.held), 1);
    const { oldestOpenSeconds, ...work } = (await get(north, '/api/work')).json();
    assert.deepEqual(work, { held: 2, quarantined: 1, failed: 2, open: 1, parked: 0, conflicting: 0, flagged: 0, incomplete: 0 });
    assert.ok(oldestOpenSeconds > 0);
    assert.deepEqual((await get(everything, '/api/work')).json().held, 4);
    assert.deepEqual((await get(north, '/api/gateway')).json().facilities, [{ id: 'north', name: 'North Imaging', model: 'standard' }]);
    const { destinations } = (await get(north, '/api/destinations')).json<{
      destinations: { id: string; failed: number; open: number }[];
    }>();
    assert.deepEqual(
      destinations.map(({ id, failed, open }) => [id, failed, open]),
      [
        ['north-archive', 1, 0],
        ['shared-archive', 1, 1],
      ],
    );
  });

  test('sees of a study that both have a part in its own part, described by its own instance', async () => {
    const study = (await get(north, `/api/studies/${SHARED_STUDY}`)).json();
    assert.deepEqual([study.patientName, study.institutionName], ['NORTH^PATIENT33', 'NORTH HOSPITAL']);
    assert.deepEqual([study.instances, study.receipts, study.facilities], [1, 1, ['north']]);
    assert.deepEqual(study.deliveries, { 'shared-archive': { failed: 1 } });
    assert.deepEqual(
      study.delivered.map(({ facility, state, deliveries }: Record<string, unknown>) => [facility, state, deliveries]),
      [['north', 'failed', 1]],
    );
    assert.deepEqual(
      study.series.map(({ seriesDescription }: { seriesDescription: string }) => seriesDescription),
      ['NORTH SERIES'],
    );
    const whole = (await get(everything, `/api/studies/${SHARED_STUDY}`)).json();
    assert.deepEqual([whole.patientName, whole.instances, whole.facilities], ['SOUTH^PATIENT13', 2, ['north', 'south']]);
    assert.deepEqual(new Set(whole.delivered.map(({ facility }: { facility: string }) => facility)), new Set(['north', 'south']));
  });

  test('does not find by words what another facility described, and does find its own', async () => {
    for (const word of ['SOUTH', 'PATIENT10', 'SOUTH-ID-10', '2.25.7777.10', 'SOUTH-ACC-13'])
      assert.deepEqual((await get(north, `/api/studies?search=${word}`)).json().studies, [], word);
    assert.equal((await get(north, '/api/studies?search=patient30')).json().studies[0].patientName, 'NORTH^PATIENT30');
    assert.equal((await get(everything, '/api/studies?search=SOUTH-ACC-13')).json().studies.length, 1);
  });

  test('gets 404 for every id of the south, as for one that nobody has', async () => {
    const { failed, held, association, commitment } = sites.south;
    const addresses = [
      ...[
        `/api/studies/${failed.studyInstanceUid}`,
        `/api/explain?study=${held.studyInstanceUid}`,
        `/api/explain?receipt=${failed.receiptId}`,
      ],
      ...[`/api/associations/${association}`, `/api/commitments/${commitment}`, `/api/explain?receipt=${sites.nobodys.receiptId}`],
    ];
    for (const url of addresses) {
      assert.equal((await north('GET', url)).statusCode, 404, url);
      assert.equal((await everything('GET', url)).statusCode, 200, url);
    }
  });

  test('is told of a tie that its own facility takes part in, not with whom', async () => {
    const { waiting } = (await get(north, '/api/held')).json();
    const tie = waiting.find(({ studyKey }: { studyKey: string }) => studyKey === '2.25.6666');
    assert.deepEqual(tie.held, { reason: 'ambiguous', detail: 'several facilities match the association equally', candidates: ['north'] });
    assert.deepEqual((await get(north, `/api/explain?receipt=${sites.tied.receiptId}`)).json().instances[0].facility, {
      candidates: ['north'],
    });
  });

  test('is not told that the south sent other content under a UID that both used; a conflict among its own it is told', async () => {
    const { shared } = sites.north;
    const others = {
      ...siteInstance('south', 70, SHARED_STUDY),
      sopInstanceUid: shared.sopInstanceUid,
      seriesInstanceUid: shared.seriesInstanceUid,
    };
    await applyFacts(page.database, [siteRouted('south', others)]);
    const conflicting = async (ask: Ask) => {
      const [{ conflicting: ofStudy, conflicts }, work] = [
        (await get(ask, `/api/studies/${SHARED_STUDY}`)).json(),
        (await get(ask, '/api/work')).json(),
      ];
      return [ofStudy, conflicts.length, work.conflicting];
    };
    assert.deepEqual(
      [await conflicting(north), await conflicting(everything)],
      [
        [0, 0, 0],
        [1, 2, 1],
      ],
    );
    const own = {
      ...siteInstance('north', 71, SHARED_STUDY),
      sopInstanceUid: shared.sopInstanceUid,
      seriesInstanceUid: shared.seriesInstanceUid,
    };
    await applyFacts(page.database, [siteRouted('north', own)]);
    assert.deepEqual(await conflicting(north), [1, 2, 1]);
  });

  test('pages through its studies without gap or repeat, however many the south has in between', async () => {
    const more = Array.from({ length: 40 }, (_, n) => siteInstance(n % 4 === 0 ? 'north' : 'south', 100 + n));
    await applyFacts(
      page.database,
      more.map((instance, n) => siteRouted(n % 4 === 0 ? 'north' : 'south', instance)),
    );
    const keys: string[] = [];
    for (let next: string | null = ''; next !== null; ) {
      const reply: Page = (await get(north, `/api/studies?limit=3${next && `&before=${next}`}`)).json<{
        studies: { studyKey: string }[];
        next: string | null;
      }>();
      keys.push(...reply.studies.map(({ studyKey }) => studyKey));
      next = reply.next;
    }
    assert.equal(keys.length, 15);
    assert.equal(new Set(keys).size, 15);
  });
});

describe('who operates the north only', () => {
  const nothingHappened = (): void => assert.deepEqual([page.bus.published, page.bus.facts], [[], []]);

  test('cannot retry, give up, assign, release or discard what is the south’s: 404, and nothing happens', async () => {
    const { held, quarantined } = sites.south;
    const attempts: [string, object?][] = [
      [`/api/deliveries/${deliveryId('south')}/retry`],
      [`/api/deliveries/${deliveryId('south')}/discard`],
      [`/api/held/${held.receiptId}/assign`, { facilities: ['north'] }],
      [`/api/held/${held.receiptId}/release`],
      [`/api/held/${held.receiptId}/discard`],
      [`/api/held/${quarantined.receiptId}/retry`],
      ['/api/held/assign', { receiptIds: [sites.north.held.receiptId, held.receiptId], facilities: ['north'] }],
      ['/api/held/discard', { receiptIds: [sites.north.held.receiptId, held.receiptId] }],
      ['/api/held/retry', { receiptIds: [sites.north.quarantined.receiptId, quarantined.receiptId] }],
      [`/api/held/${sites.nobodys.receiptId}/assign`, { facilities: ['north'] }],
      [`/api/commitments/${sites.south.commitment}/retry`],
    ];
    for (const [url, body] of attempts) assert.equal((await north('POST', url, body)).statusCode, 404, url);
    nothingHappened();
  });

  test('retries in bulk only its own deliveries, also when it names the south’s destination or study', async () => {
    const retried = async (body: object) => (await north('POST', '/api/deliveries/retry', body)).json().deliveries;
    assert.equal(await retried({ destination: 'south-archive' }), 0);
    assert.equal(await retried({ study: sites.south.failed.studyInstanceUid }), 0);
    assert.equal((await north('POST', '/api/deliveries/discard', { study: sites.south.failed.studyInstanceUid })).json().deliveries, 0);
    assert.equal(page.bus.published.length, 0);
    assert.equal(await retried({ study: SHARED_STUDY }), 1);
    assert.equal(await retried({}), 1);
    const subjects = [...page.bus.published].map(({ to }) => to.subject);
    assert.deepEqual(subjects, ['delivery.due.shared-archive.routine.north', 'delivery.due.north-archive.routine.north']);
  });

  test('assigns to its own facility, and to nobody else’s: those it does not have are unknown', async () => {
    const assign = (facilities: string[]) => north('POST', `/api/held/${sites.tied.receiptId}/assign`, { facilities });
    const reply = await assign(['south']);
    assert.deepEqual([reply.statusCode, reply.json().whatToDo], [422, 'Choose among: north.']);
    assert.equal((await assign(['north', 'hub'])).statusCode, 422);
    nothingHappened();
    assert.equal((await assign(['north'])).statusCode, 200);
  });

  test('does not discard what another facility may yet claim, and does discard its own', async () => {
    const reply = await north('POST', `/api/held/${sites.tied.receiptId}/discard`);
    assert.deepEqual([reply.statusCode, reply.json().error], [403, 'not-yours-alone']);
    assertNothingOfTheSouth('the refusal', reply);
    nothingHappened();
    assert.equal((await north('POST', `/api/held/${sites.north.held.receiptId}/discard`)).statusCode, 200);
  });

  test('sees in the audit what it did itself, and nothing of others', async () => {
    await everything('POST', `/api/deliveries/${deliveryId('south')}/retry`);
    await north('POST', `/api/deliveries/${deliveryId('north')}/retry`);
    const { actions } = (await get(north, '/api/audit')).json<{ actions: { operator: string; subject: string }[] }>();
    assert.deepEqual(
      actions.map(({ operator, subject }) => [operator, subject]),
      [['nora', deliveryId('north')]],
    );
    assert.equal((await page.request('GET', '/api/audit')).json().actions.length >= 2, true);
  });

  test('has a token that sees and does as much as it, also after its facilities were changed', async () => {
    const { token } = (await north('POST', '/api/tokens', { name: 'script' })).json<{ token: string }>();
    const asToken = (url: string) => page.app.inject({ method: 'GET', url, headers: { authorization: `Bearer ${token}` } });
    assertNothingOfTheSouth('the token', await asToken('/api/studies'));
    assert.equal((await asToken('/api/configuration')).statusCode, 403);
    const changed = await page.request('PUT', '/api/users/nora', { rights: { role: 'reader', facilities: ['south'] } });
    assert.equal(changed.statusCode, 200, changed.body);
    const { studies } = (await asToken('/api/studies')).json<{ studies: { patientName: string }[] }>();
    assert.ok(
      studies.length > 0 && studies.every(({ patientName }) => !patientName.startsWith('NORTH') || patientName === 'NORTH^PATIENT50'),
    );
    assert.equal((await north('POST', `/api/deliveries/${deliveryId('south')}/retry`)).statusCode, 403);
  });
});

describe('who has the hub only', () => {
  test('sees what waits at the hub, and not what went by', async () => {
    const hub = await page.as('hugo', { role: 'operator', allFacilities: false, facilities: ['hub'] });
    assert.deepEqual((await get(hub, '/api/studies')).json().studies, []);
    const waiting = siteInstance('north', 60);
    const held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] } as const;
    await applyFacts(page.database, [siteRouted('north', waiting, { held: { ...held, candidates: [] }, facility: 'hub' })]);
    assert.deepEqual((await get(hub, '/api/held')).json().waiting[0].receiptIds, [waiting.receiptId]);
    assert.equal((await north('GET', `/api/studies/${waiting.studyInstanceUid}`)).statusCode, 404);
  });
});
