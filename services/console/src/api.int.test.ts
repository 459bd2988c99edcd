// The console's API against a real PostgreSQL: what is shown, and what operators set in motion.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { objectKey } from '@causeway/shared/brands';
import {
  confirmedFact,
  failedFact,
  parkedFact,
  quarantinedFact,
  receivedFact,
  routedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { deliveryDue } from '@causeway/shared/events/delivery';
import { type Fact, fact as factSchema, type Held } from '@causeway/shared/events/facts';
import { instanceReady, instanceReceived } from '@causeway/shared/events/instance';
import { retrievalDue } from '@causeway/shared/events/retrieval';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';

let page: TestConsole;
before(async () => {
  page = await startTestConsole();
});
after(() => page?.stop());
beforeEach(() => page.clear());

const know = (...facts: Fact[]): Promise<unknown> => applyFacts(page.database, facts);
const get = async (url: string) => (await page.request('GET', url)).json();
const audit = async (): Promise<{ action: string; subject: string; operator: string }[]> =>
  (await get('/api/audit')).actions.filter(({ action }: { action: string }) => action !== 'signed-in');
const held: Held = { reason: 'unmatched', detail: 'no endpoint', facility: 'hub', candidates: [] };

describe('studies', () => {
  test('are listed newest first, with facility, numbers of instances and deliveries by destination and state', async () => {
    const [first, second, repeat] = [sampleInstance(1, 1), sampleInstance(1, 2), sampleInstance(1, 3)];
    await know(
      routedFact(first!, 1, { to: ['cloud', 'pacs'] }),
      confirmedFact(sampleDelivery(first!, 'cloud'), 2),
      failedFact(sampleDelivery(first!, 'pacs'), 2),
      routedFact(second!, 3, { to: ['cloud'] }),
      routedFact({ ...repeat!, sopInstanceUid: second!.sopInstanceUid }, 4, { held }),
      receivedFact(sampleInstance(2, 9), 9),
    );
    const { studies, next } = await get('/api/studies');
    assert.equal(next, null);
    assert.deepEqual(
      studies.map(({ patientId, instances }: { patientId: string; instances: number }) => [patientId, instances]),
      [
        ['PID2', 1],
        ['PID1', 2],
      ],
    );
    const { deliveries, facilities, receipts, held: waiting } = studies[1];
    assert.deepEqual(deliveries, { cloud: { confirmed: 1, due: 1 }, pacs: { failed: 1 } });
    assert.deepEqual({ facilities, receipts, waiting }, { facilities: ['north'], receipts: 3, waiting: 1 });
    assert.equal(studies[0].moving, 1);
  });

  test('are found by beginnings of words of patient, accession number or institution, without regard to accents', async () => {
    await know(
      receivedFact(sampleInstance(1, 1, { PatientName: 'MÜLLER^JÜRGEN', PatientID: '4711-X', InstitutionName: 'St. Anna' }), 1),
      receivedFact(sampleInstance(2, 2, { PatientName: 'MEIER^EVA', AccessionNumber: 'A/900', InstitutionName: 'Nordklinik' }), 2),
    );
    const found = async (search: string): Promise<string[]> =>
      (await get(`/api/studies?search=${encodeURIComponent(search)}`)).studies.map((study: { patientName: string }) => study.patientName);
    for (const search of ['muller', 'MÜL jürg', '4711', 'anna', sampleInstance(1, 1).studyInstanceUid!])
      assert.deepEqual(await found(search), ['MÜLLER^JÜRGEN'], search);
    for (const search of ['a 900', 'nordk', 'eva']) assert.deepEqual(await found(search), ['MEIER^EVA'], search);
    assert.deepEqual(await found('muller eva'), []);
    assert.deepEqual(await found(`'; DROP TABLE studies; --`), []);
    assert.equal((await found('')).length, 2);
  });

  test('are paged without a gap or a repeat, two of the same moment included', async () => {
    for (let n = 1; n <= 7; n += 1) await know(receivedFact({ ...sampleInstance(n, Math.ceil(n / 2)) }, n));
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const answer: { studies: { studyKey: string }[]; next: string | null } = await get(
        `/api/studies?limit=2${next && `&before=${next}`}`,
      );
      seen.push(...answer.studies.map(({ studyKey }) => studyKey));
      next = answer.next;
    }
    assert.equal(new Set(seen).size, 7);
    assert.equal(seen.length, 7);
    assert.equal((await page.request('GET', '/api/studies?before=nonsense')).statusCode, 400);
  });

  test('a study is described as coercion made it, by whichever receipt came first, and tells which rules did', async () => {
    const [first, second] = [sampleInstance(1, 1), sampleInstance(1, 2, { InstitutionName: 'Later' })];
    const coerced = { ...first, attributes: { ...first.attributes, InstitutionName: 'MS44' } };
    const object = {
      objectKey: objectKey(`derived/${first.receiptId}/coerced-1.dcm`),
      size: 9,
      digest: first.digest,
      transferSyntaxUid: '1.2',
    };
    const compression = { outcome: 'unchanged', reason: 'no rule', revision: 3 } as const;
    const rules = ['coercion rule 1: set InstitutionName'];
    const ready = (instance: typeof first, coercion: object): Fact =>
      factSchema.parse({ ...sampleEnvelope(5), type: 'ledger.instance.ready', instance, compression: { ...compression, coercion } });
    const facts = [
      receivedFact(first, 1),
      ready(coerced, { object, rules }),
      receivedFact(second, 2),
      ready(second, { rules, skipped: ['rule 2 is impossible'] }),
    ];
    for (const order of [facts, facts.toReversed()]) {
      await page.clear();
      for (const fact of order) await know(fact);
      const study = await get(`/api/studies/${first.studyInstanceUid}`);
      assert.equal(study.institutionName, 'MS44');
      assert.deepEqual(study.coercions, [
        { rule: rules[0], skipped: false, revision: 3, instances: 2 },
        { rule: 'rule 2 is impossible', skipped: true, revision: 3, instances: 1 },
      ]);
    }
  });

  test('what was received under one UID with other content, or for another series, is counted for its studies and told by reception', async () => {
    const first = sampleInstance(1, 1);
    const altered = { ...sampleInstance(1, 2), sopInstanceUid: first.sopInstanceUid };
    const elsewhere = { ...sampleInstance(2, 3), sopInstanceUid: first.sopInstanceUid };
    await know(receivedFact(first, 1), receivedFact(sampleInstance(1, 4), 4));
    assert.equal((await get('/api/studies')).studies[0].conflicting, 0);
    await know(receivedFact(altered, 2), receivedFact(elsewhere, 3));
    const { studies } = await get('/api/studies');
    assert.deepEqual(
      studies.map(({ conflicting }: { conflicting: number }) => conflicting),
      [1, 1],
    );
    assert.equal((await get('/api/work')).conflicting, 1);
    for (const study of [first, elsewhere]) {
      const { conflicts } = await get(`/api/studies/${study.studyInstanceUid}`);
      assert.deepEqual(
        conflicts.map((one: Record<string, unknown>) => [one.receiptId, one.digest, one.studyKey, one.otherContent, one.otherSeries]),
        [first, altered, elsewhere].map(({ receiptId, digest, studyInstanceUid }) => [receiptId, digest, studyInstanceUid, true, true]),
      );
    }
  });

  test('one study tells its series; an unknown one is 404 with what to do', async () => {
    const instance = sampleInstance(1, 1, { SeriesDescription: 'AXIAL', SeriesNumber: '3' });
    await know(receivedFact(instance, 1));
    const { series } = await get(`/api/studies/${instance.studyInstanceUid}`);
    assert.deepEqual([series[0].seriesDescription, series[0].instances, series[0].bytes], ['AXIAL', 1, 1001]);
    const missing = await page.request('GET', '/api/studies/9.9.9');
    assert.equal(missing.statusCode, 404);
    assert.deepEqual(Object.keys(missing.json()), ['error', 'detail', 'whatToDo']);
  });
});

describe('waiting work', () => {
  test('held instances of a study are one group, and assigning it sends them to the router with the next generation', async () => {
    const instances = [1, 2].map((n) => sampleInstance(1, n));
    await know(...instances.map((instance) => routedFact(instance, 1, { held, to: ['cloud'] })));
    const { waiting } = await get('/api/held');
    assert.equal(waiting.length, 1);
    assert.deepEqual([waiting[0].instances, waiting[0].held.reason, waiting[0].patientId], [2, 'unmatched', 'PID1']);
    const reply = await page.request('POST', '/api/held/assign', { receiptIds: waiting[0].receiptIds, facilities: ['ms44'] });
    assert.deepEqual(reply.json(), { instances: 2 });
    const events = page.bus.published.map(({ event }) => instanceReady.parse(event));
    assert.deepEqual(
      events.map(({ assignment, generation, onRecord }) => [assignment, generation, onRecord]),
      [
        [{ facilities: ['ms44'], by: 'admin' }, 1, ['cloud']],
        [{ facilities: ['ms44'], by: 'admin' }, 1, ['cloud']],
      ],
    );
    assert.equal(page.bus.published[0]!.to.subject, 'instance.ready.routine.north');
    assert.deepEqual((await get('/api/held')).waiting, []);
    assert.equal((await audit())[0]!.action, 'instance-assigned');
    for (const fact of page.bus.facts) assert.ok(factSchema.safeParse(fact).success, fact.type);
  });

  test('an unknown facility, an instance that waits no longer and an unknown one are refused, and nothing is published', async () => {
    const [waiting, routed] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    await know(routedFact(waiting!, 1, { held }), routedFact(routed!, 1, { to: ['cloud'] }));
    const assign = async (id: string, facilities: string[]): Promise<number> =>
      (await page.request('POST', `/api/held/${id}/assign`, { facilities })).statusCode;
    assert.equal(await assign(waiting!.receiptId, ['nowhere']), 422);
    assert.equal(await assign(waiting!.receiptId, []), 400);
    assert.equal(await assign(routed!.receiptId, ['ms44']), 409);
    assert.equal(await assign(sampleInstance(3, 3).receiptId, ['ms44']), 404);
    assert.equal(await assign('not-an-id', ['ms44']), 400);
    assert.deepEqual(page.bus.published, []);
  });

  test('a discarded instance leaves the list, and the audit says who', async () => {
    const instance = sampleInstance(1, 1);
    await know(routedFact(instance, 1, { held }));
    assert.equal((await page.request('POST', `/api/held/${instance.receiptId}/discard`)).statusCode, 200);
    assert.deepEqual((await get('/api/held')).waiting, []);
    const { operator, action, subject } = (await audit())[0]!;
    assert.deepEqual([operator, action, subject], ['admin', 'instance-discarded', instance.receiptId]);
    assert.equal((await page.request('POST', `/api/held/${instance.receiptId}/discard`)).statusCode, 409);
  });

  test('a released instance is decided again by the rules, without an assignment; a quarantined one is not released', async () => {
    const [waiting, refused] = [sampleInstance(1, 1), sampleInstance(1, 2)];
    await know(routedFact(waiting!, 1, { held, to: ['cloud'] }), quarantinedFact(refused!, 1, 2));
    assert.equal((await page.request('POST', `/api/held/${waiting!.receiptId}/release`)).statusCode, 200);
    const { assignment, generation, onRecord } = instanceReady.parse(page.bus.published[0]?.event);
    assert.deepEqual([assignment, generation, onRecord], [undefined, 1, ['cloud']]);
    assert.deepEqual((await audit())[0]!.action, 'instance-released');
    assert.equal((await page.request('POST', '/api/held/release', { receiptIds: [refused!.receiptId] })).statusCode, 409);
    assert.equal(page.bus.published.length, 1);
  });

  test('every receipt of a group is listed, page by page, and no other', async () => {
    const [many, few] = [Array.from({ length: 260 }, (_, n) => sampleInstance(1, n + 1)), [sampleInstance(1, 900), sampleInstance(2, 901)]];
    const tie = { ...held, reason: 'ambiguous' } as const;
    await know(...many.map((one) => routedFact(one, 1, { held })), ...few.map((one) => routedFact(one, 1, { held: tie })));
    const { waiting } = (await get('/api/held')) as { waiting: { studyKey: string; group: string; instances: number; held: Held }[] };
    const { studyKey, group } = waiting.find(({ instances }) => instances === 260)!;
    const page1 = (await get(`/api/held/receipts?study=${studyKey}&group=${group}`)).receipts as { receiptId: string; state: string }[];
    const page2 = (await get(`/api/held/receipts?study=${studyKey}&group=${group}&after=${page1.at(-1)!.receiptId}`))
      .receipts as typeof page1;
    assert.deepEqual([page1.length, page2.length, page1[0]!.state], [250, 10, 'held']);
    const ids = [...page1, ...page2].map(({ receiptId }) => receiptId);
    assert.deepEqual(new Set(ids), new Set(many.map(({ receiptId }) => receiptId as string)));
    const rest = (await get(`/api/held/receipts?study=${studyKey}&after=${ids.at(-1)}`)).receipts as typeof page1;
    assert.deepEqual(
      rest.map(({ receiptId }) => receiptId),
      [few[0]!.receiptId],
    );
    assert.deepEqual((await get(`/api/held/receipts?receipt=${few[1]!.receiptId}`)).receipts.length, 1);
    assert.deepEqual((await get(`/api/held/receipts?receipt=${sampleInstance(3, 1).receiptId}`)).receipts, []);
    assert.equal((await page.request('GET', '/api/held/receipts')).statusCode, 400);
  });

  test('a quarantined instance is tried again from the start', async () => {
    const instance = sampleInstance(1, 1);
    await know(quarantinedFact(instance, 1, 2));
    assert.equal((await get('/api/held')).waiting[0].reason, 'compress: not a Part 10 object');
    assert.equal((await page.request('POST', `/api/held/${instance.receiptId}/retry`)).statusCode, 200);
    assert.equal(instanceReceived.parse(page.bus.published[0]?.event).generation, 3);
  });

  test('while JetStream refuses the answer is 503 and the instance still waits', async () => {
    const instance = sampleInstance(1, 1);
    await know(routedFact(instance, 1, { held }));
    await get('/api/session');
    page.bus.refusing = true;
    const reply = await page.request('POST', `/api/held/${instance.receiptId}/assign`, { facilities: ['ms44'] });
    assert.equal(reply.statusCode, 503);
    assert.equal((await get('/api/held')).waiting.length, 1);
  });
});

describe('deliveries', () => {
  test('a failed delivery is shown with its reason and retried with the next generation', async () => {
    const delivery = sampleDelivery(sampleInstance(1, 1), 'cloud');
    await know(routedFact(delivery.instance, 1, { to: ['cloud'] }), failedFact(delivery, 2));
    const [shown] = (await get('/api/deliveries?state=failed')).deliveries;
    assert.match(shown.reason, /0122/);
    assert.equal((await page.request('POST', `/api/deliveries/${shown.id}/retry`)).statusCode, 200);
    const event = deliveryDue.parse(page.bus.published[0]?.event);
    assert.deepEqual(
      [event.generation, event.delivery.id, page.bus.published[0]?.to.subject],
      [1, delivery.id, 'delivery.due.cloud.routine.north'],
    );
    assert.deepEqual((await get('/api/deliveries?state=failed')).deliveries, []);
    assert.equal((await page.request('POST', `/api/deliveries/${shown.id}/retry`)).statusCode, 409);
    assert.equal((await audit())[0]!.action, 'delivery-retried');
  });

  test('all failed deliveries of a destination are retried at once, those of others are not', async () => {
    const instances = [1, 2, 3].map((n) => sampleInstance(1, n));
    const failed = instances.flatMap((instance) => ['cloud', 'pacs'].map((destination) => sampleDelivery(instance, destination)));
    await know(
      ...instances.map((instance) => routedFact(instance, 1, { to: ['cloud', 'pacs'] })),
      ...failed.map((delivery) => failedFact(delivery, 2)),
    );
    assert.deepEqual((await page.request('POST', '/api/deliveries/retry', { destination: 'cloud' })).json(), {
      deliveries: 3,
      parked: 0,
    });
    assert.equal((await get('/api/deliveries?state=failed')).deliveries.length, 3);
    assert.deepEqual((await page.request('POST', '/api/deliveries/retry')).json(), { deliveries: 3, parked: 0 });
    assert.equal((await get('/api/deliveries?state=due')).deliveries.length, 6);
  });

  test('the failed deliveries of a study are one group, which is retried or given up as a whole', async () => {
    const instances = [sampleInstance(1, 1), sampleInstance(1, 2), sampleInstance(2, 3)];
    await know(
      ...instances.flatMap((instance) => [
        routedFact(instance, 1, { to: ['cloud'] }),
        failedFact(sampleDelivery(instance, 'cloud'), instance.size),
      ]),
    );
    const groups = async (): Promise<[string, number][]> =>
      (await get('/api/deliveries/failed')).groups.map(({ patientId, deliveries }: { patientId: string; deliveries: number }) => [
        patientId,
        deliveries,
      ]);
    assert.deepEqual(await groups(), [
      ['PID2', 1],
      ['PID1', 2],
    ]);
    const [first, , second] = instances.map(({ studyInstanceUid: study }) => study);
    assert.deepEqual((await page.request('POST', '/api/deliveries/retry', { study: first, destination: 'cloud' })).json(), {
      deliveries: 2,
      parked: 0,
    });
    assert.deepEqual((await page.request('POST', '/api/deliveries/discard', { study: second })).json(), { deliveries: 1 });
    assert.deepEqual(await groups(), []);
    assert.equal(page.bus.published.length, 2);
    assert.equal((await page.request('POST', '/api/deliveries/discard', {})).statusCode, 400);
  });

  test('parked deliveries of a destination are queued, as far as there is room, or given up', async () => {
    const parked = [1, 2, 3].map((n) => sampleDelivery(sampleInstance(1, n), 'cloud'));
    await know(...parked.map((delivery) => parkedFact(delivery, 2)));
    page.bus.queues.set('DELIVERIES delivery.due.cloud.>', 199_998);
    const which = { state: 'parked', destination: 'cloud' };
    assert.deepEqual((await page.request('POST', '/api/deliveries/retry', which)).json(), { deliveries: 3, parked: 1 });
    assert.deepEqual([(await get('/api/deliveries?state=due')).deliveries.length, page.bus.published.length], [2, 2]);
    assert.equal((await page.request('POST', '/api/deliveries/discard', { state: 'parked' })).statusCode, 400);
    assert.deepEqual((await page.request('POST', '/api/deliveries/discard', which)).json(), { deliveries: 1 });
    assert.deepEqual((await get('/api/deliveries?state=parked')).deliveries, []);
  });

  test('a destination that the document does not have is told so, and left out when everything is retried', async () => {
    const gone = sampleDelivery(sampleInstance(1, 1), 'gone');
    await know(failedFact(gone, 2), failedFact(sampleDelivery(sampleInstance(1, 2), 'cloud'), 2));
    for (const [url, body] of [
      [`/api/deliveries/${gone.id}/retry`, undefined],
      ['/api/deliveries/retry', { destination: 'gone' }],
    ] as const) {
      const reply = await page.request('POST', url, body);
      assert.equal(reply.statusCode, 409);
      assert.match(reply.json().detail, /no destination gone in the gateway document \(revision 1\)/);
    }
    assert.deepEqual((await page.request('POST', '/api/deliveries/retry')).json(), { deliveries: 1, parked: 0 });
    assert.equal((await get('/api/deliveries?state=failed')).deliveries.length, 1);
    assert.equal((await page.request('POST', `/api/deliveries/${gone.id}/discard`)).statusCode, 200);
  });

  test('a delivery that was given up is no longer failed, and stays so', async () => {
    const delivery = sampleDelivery(sampleInstance(1, 1), 'cloud');
    await know(routedFact(delivery.instance, 1, { to: ['cloud'] }), failedFact(delivery, 2));
    assert.equal((await page.request('POST', `/api/deliveries/${delivery.id}/discard`)).statusCode, 200);
    assert.equal((await get('/api/deliveries?state=discarded')).deliveries.length, 1);
  });
});

describe('destinations and retrievals', () => {
  test('destinations tell queue, work and whether they are paused; one that was removed is shown while it has work', async () => {
    const instance = sampleInstance(1, 1);
    const paused: Fact = {
      ...sampleEnvelope(2),
      type: 'ledger.destination.changed',
      destination: 'cloud',
      state: 'paused',
      reason: 'ECONNREFUSED',
    };
    await know(routedFact(instance, 1, { to: ['cloud', 'removed'] }), parkedFact(sampleDelivery(sampleInstance(1, 2), 'cloud'), 2), paused);
    page.bus.queues.set('DELIVERIES delivery.due.cloud.>', 4);
    const { destinations } = await get('/api/destinations');
    const short = destinations.map((d: Record<string, unknown>) => [d.id, d.kind, d.state, d.queued, d.open, d.parked]);
    assert.deepEqual(short, [
      ['cloud', 'stow', 'paused', 4, 1, 1],
      ['pacs', 'dimse', 'open', 0, 0, 0],
      ['removed', null, 'open', 0, 1, 0],
    ]);
    const { open, parked, oldestOpenSeconds } = await get('/api/work');
    assert.deepEqual([open, parked, oldestOpenSeconds > 0], [2, 1, true]);
    const [group] = (await get('/api/deliveries/parked')).groups;
    assert.deepEqual([group.destination, group.reason, group.deliveries], ['cloud', 'destination-queue', 1]);
  });

  test('a retrieval is published, answered 202 with its id, and followed by its facts', async () => {
    const asked = { source: 'archive', studyInstanceUid: '1.2.3', destinations: ['pacs'] };
    const reply = await page.request('POST', '/api/retrievals', asked);
    assert.equal(reply.statusCode, 202);
    const { retrieval } = retrievalDue.parse(page.bus.published[0]?.event);
    assert.deepEqual([retrieval.id, retrieval.requestedBy, retrieval.lane], [reply.json().id, 'admin', 'routine']);
    assert.equal((await get(`/api/retrievals/${retrieval.id}`)).state, 'due');
    await know({
      ...sampleEnvelope(1),
      type: 'ledger.retrieval.changed',
      retrieval,
      state: 'done',
      instances: 3,
      fetched: 3,
      fromCache: 0,
    });
    assert.equal((await get('/api/retrievals')).retrievals[0].state, 'done');
    assert.equal((await page.request('POST', '/api/retrievals', { ...asked, source: 'nowhere' })).statusCode, 422);
    assert.equal((await page.request('POST', '/api/retrievals', { ...asked, destinations: ['nowhere'] })).statusCode, 422);
    assert.equal((await page.request('POST', '/api/retrievals', { ...asked, studyInstanceUid: 'x' })).statusCode, 400);
  });
});

describe('with PostgreSQL away', () => {
  test('the API answers 503 in words, and 200 again once it is back', async () => {
    await get('/api/session');
    await page.postgres.kill();
    const reply = await page.request('GET', '/api/studies');
    assert.equal(reply.statusCode, 503);
    assert.match(reply.json().whatToDo, /does not depend on it/);
    await page.postgres.start();
    assert.equal((await page.request('GET', '/api/studies')).statusCode, 200);
  });
});
