// Explaining and rehearsing against a real PostgreSQL: why instances went where they went, and what a draft would change for 10,000 of them.
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { objectKey, type ReceiptId, receivedKey, uuidV7 } from '@causeway/shared/brands';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { decideRoute } from '@causeway/shared/config/decide-route';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { insertConfiguration } from '@causeway/shared/database/configuration-revisions';
import {
  confirmedFact,
  readyFact,
  receivedFact,
  sampleDelivery,
  sampleEnvelope,
  sampleInstance,
} from '@causeway/shared/database/facts-for-tests';
import { applyFacts } from '@causeway/shared/database/project-facts';
import { deliveryIdOf } from '@causeway/shared/events/delivery';
import type { Fact } from '@causeway/shared/events/facts';
import type { AssociationFacts, Instance } from '@causeway/shared/events/instance';
import { startTestConsole, type TestConsole } from './console-for-tests.ts';
import type { DryRunAnswer } from './dry-run.ts';
import type { ExplainedInstance } from './explained-instance.ts';

const stow = (id: string) => ({ id, kind: 'stow', url: `https://${id}.example.org/dicom-web` });
const hub = { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] };
const north = { id: 'north', match: [{ calledAe: 'NORTH' }], destinations: ['cloud'] };
const endpoint = (id: string, rule: object, destinations = [`${id}-pacs`]) => ({
  id,
  model: 'endpoint',
  rules: [{ hub: 'hub', ...rule }],
  destinations,
});
// biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
const compressing = (modality: string, syntax: string) => ({ when: { modality }, then: { syntax } });
const source = {
  facilities: [hub, north, endpoint('ms44', { value: 'MS44' }), endpoint('ms45', { value: 'MS45' })],
  destinations: ['cloud', 'ms44-pacs', 'ms45-pacs', 'ms45-new'].map(stow),
  compression: [compressing('MR', 'htj2k-lossless')],
};
const document = parseGatewayDocument(source);

let page: TestConsole;
let current: Revision | undefined;
before(async () => {
  page = await startTestConsole({ revision: () => current });
});
after(() => page?.stop());
beforeEach(async () => {
  current = { revision: 1, document };
  await page.clear();
});

const know = (...facts: Fact[]): Promise<unknown> => applyFacts(page.database, facts);
const explain = async (query: string): Promise<{ instances: ExplainedInstance[]; more: number }> =>
  (await page.request('GET', `/api/explain?${query}`)).json();

/** Instance `number` of a study, received so many seconds ago. */
function receivedBefore(
  seconds: number,
  changes: { study: number; number: number; to?: string; attributes?: Record<string, string | undefined> },
): Instance {
  const sample = sampleInstance(changes.study, changes.number);
  const at = Date.now() - seconds * 1000;
  const receiptId = uuidV7(at) as ReceiptId;
  const association: AssociationFacts = { ...sample.association, calledAe: changes.to ?? 'GATEWAY' };
  const attributes = Object.entries({ ...sample.attributes, ...changes.attributes }).filter(([, value]) => value !== undefined);
  return {
    ...sample,
    ...{ receiptId, association, attributes: Object.fromEntries(attributes) as Record<string, string> },
    ...{ objectKey: receivedKey(receiptId), receivedAt: new Date(at).toISOString() },
  };
}

/** The router's own fact of a decision by this document. */
function routed(instance: Instance, { revision, document: by }: Revision, studyEndpoints: string[] = []): Fact {
  const { facilities, deliveries, held } = decideRoute(by, { ...instance, studyEndpoints });
  const told = deliveries.map(({ destination, facility, rule }) => ({
    id: deliveryIdOf(instance.receiptId, destination),
    destination,
    facility,
    cause: { rule, revision },
  }));
  const compression = { outcome: 'unchanged', reason: 'no rule', revision } as const;
  return { ...sampleEnvelope(9), type: 'ledger.instance.routed', instance, compression, revision, facilities, deliveries: told, held };
}

const store = (revisionSource: unknown) =>
  insertConfiguration(page.database, { author: 'admin', comment: '', origin: 'api', source: revisionSource });

describe('explaining what was received', () => {
  test('tells each rule that was tried, the deliveries with the rule that made them, their state, and what is held', async () => {
    await store(source);
    const [known, unknown] = ['MS44', 'MS99'].map((InstitutionName, number) =>
      receivedBefore(60 - number, { study: 1, number, attributes: { InstitutionName } }),
    ) as [Instance, Instance];
    await know(routed(known, current!), routed(unknown, current!), confirmedFact(sampleDelivery(known, 'cloud'), 10));
    const { instances, more } = await explain(`study=${known.studyInstanceUid}`);
    assert.deepEqual([instances.length, more], [2, 0]);
    const [first, second] = instances as [ExplainedInstance, ExplainedInstance];
    assert.deepEqual([first.receiptId, first.revision, first.state], [known.receiptId, 1, 'routed']);
    assert.deepEqual(first.facility, { id: 'hub', name: 'hub', rule: 'hub: match { calledAe: GATEWAY }' });
    assert.deepEqual(
      first.deliveries.map(({ destination, facility, state }) => [destination, facility, state]),
      [
        ['cloud', 'north', 'confirmed'],
        ['ms44-pacs', 'ms44', 'due'],
      ],
    );
    assert.deepEqual(
      first.rules.flatMap(({ kind, rule, applied }) => (kind === 'hub' && applied ? [rule] : [])),
      ['ms44: at hub hub, InstitutionName exact "MS44"', 'hub: keeps a copy, unmatched: hold'],
    );
    assert.deepEqual([first.notes, second.notes], [[], []]);
    assert.deepEqual([second.state, second.held?.reason], ['held', 'unmatched']);
    assert.deepEqual(
      second.rules.flatMap(({ kind, because }) => (kind === 'hub' ? [because] : [])),
      ['the value is "MS99"', 'the value is "MS99"', 'the hub gets its copy whatever its endpoints get'],
    );
    const alone = await explain(`receipt=${unknown.receiptId}`);
    assert.deepEqual(alone, { instances: [second], more: 0 });
  });

  test('explains by the revision that decided, not by the one that holds now', async () => {
    await store(source);
    const instance = receivedBefore(60, { study: 1, number: 1, attributes: { InstitutionName: 'MS44' } });
    await know(routed(instance, current!));
    current = { revision: 2, document: parseGatewayDocument({ ...source, facilities: [north] }) };
    const [explained] = (await explain(`receipt=${instance.receiptId}`)).instances;
    assert.deepEqual([explained?.revision, explained?.facility.id, explained?.notes], [1, 'hub', []]);
    await page.database.query('DELETE FROM configuration_revisions');
    const [now] = (await explain(`receipt=${instance.receiptId}`)).instances;
    assert.equal(now?.revision, 2);
    assert.match(now?.notes.join() ?? '', /revision 1, which decided, is not on record/);
    assert.match(now?.notes.join() ?? '', /the deliveries on record are not those/);
  });

  test('tells which study an instance without the tag followed, and that an assignment made its delivery', async () => {
    await store(source);
    const tagged = receivedBefore(60, { study: 1, number: 1, attributes: { InstitutionName: 'MS44' } });
    const report = receivedBefore(50, { study: 1, number: 2, attributes: { InstitutionName: undefined } });
    const stray = receivedBefore(40, { study: 2, number: 3, attributes: { InstitutionName: 'MS99' } });
    const assigned = { ...routed(stray, current!), held: undefined } as Extract<Fact, { type: 'ledger.instance.routed' }>;
    const delivery = { ...sampleDelivery(stray, 'ms45-pacs'), facility: 'ms45', cause: { rule: 'ms45: assigned by erika', revision: 1 } };
    await know(routed(tagged, current!), routed(report, current!, ['ms44']), {
      ...assigned,
      deliveries: [...assigned.deliveries, delivery],
    });
    const [followed] = (await explain(`receipt=${report.receiptId}`)).instances;
    const hubRules = followed?.rules.filter(({ kind }) => kind === 'hub') ?? [];
    assert.ok(hubRules.some(({ rule, applied }) => applied && rule === 'ms44: at hub hub, follows its study (no InstitutionName)'));
    assert.deepEqual(followed?.notes, []);
    const [byHand] = (await explain(`receipt=${stray.receiptId}`)).instances;
    assert.ok(byHand?.deliveries.some(({ destination, rule }) => destination === 'ms45-pacs' && rule === 'ms45: assigned by erika'));
    assert.match(byHand?.notes.join() ?? '', /an operator assigned/);
  });

  test('says of an instance that is not routed yet, and of one that was fetched, that no rule has sent it', async () => {
    const waiting = receivedBefore(60, { study: 1, number: 1 });
    const fetched = { ...sampleInstance(2, 2), objectKey: objectKey(`retrieved/archive/${'a'.repeat(32)}/${'b'.repeat(32)}-1.dcm`) };
    await know(receivedFact(waiting, 1), readyFact(fetched, 2));
    assert.match((await explain(`receipt=${waiting.receiptId}`)).instances[0]?.notes[0] ?? '', /not routed yet: .* revision 1/);
    const [byRetrieval] = (await explain(`receipt=${fetched.receiptId}`)).instances;
    assert.deepEqual([byRetrieval?.rules, byRetrieval?.revision], [[], null]);
  });

  test('shows 50 instances of a study and says how many more there are', async () => {
    await know(...Array.from({ length: 57 }, (_, number) => receivedFact(receivedBefore(100 - number, { study: 1, number }), number)));
    const { instances, more } = await explain(`study=${sampleInstance(1, 1).studyInstanceUid}`);
    assert.deepEqual([instances.length, more], [50, 7]);
  });

  test('asks for one of study and receipt, knows no other, and tells nobody who is not signed in', async () => {
    assert.equal((await page.request('GET', '/api/explain')).statusCode, 400);
    assert.equal((await page.request('GET', '/api/explain?receipt=nonsense')).statusCode, 400);
    assert.equal((await page.request('GET', '/api/explain?study=1.2.3')).statusCode, 404);
    assert.equal((await page.request('GET', `/api/explain?receipt=${uuidV7()}`)).statusCode, 404);
    assert.equal((await page.app.inject({ method: 'GET', url: '/api/explain?study=1.2.3' })).statusCode, 401);
  });
});

describe('explaining what was not sent', () => {
  const association = { callingAe: 'CT1', calledAe: 'GATEWAY', source: '10.0.0.1' };
  const post = async (body: object) => page.request('POST', '/api/explain', { association, ...body });
  const described = async (body: object): Promise<ExplainedInstance> => (await post(body)).json().instances[0];

  test('says what would happen now, whatever name an attribute is given under', async () => {
    for (const attributes of [{ InstitutionName: 'MS44' }, { '(0008,0080)': 'MS44 ' }, { '00080080': 'MS44' }]) {
      const { receiptId, revision, deliveries, held } = await described({ attributes });
      assert.deepEqual([receiptId, revision, held], [null, 1, undefined]);
      assert.deepEqual(
        deliveries.map(({ destination, state }) => [destination, state]),
        [
          ['cloud', 'not-sent'],
          ['ms44-pacs', 'not-sent'],
        ],
      );
    }
    assert.equal((await described({})).held?.reason, 'unmatched');
  });

  test('says what a draft would do, with its names for attributes, its lanes and its compression', async () => {
    const draft = {
      ...source,
      facilities: [{ ...hub, mappingTag: '(0008,1040)' }, endpoint('ms44', { value: 'WARD 44' })],
      lanes: [{ when: { priority: 'high' }, lane: 'stat' }],
      compression: [compressing('CT', 'jpeg2000-lossless')],
    };
    const attributes = { InstitutionalDepartmentName: 'WARD 44', Modality: 'CT' };
    const explained = await described({ attributes, document: draft, association: { ...association, priority: 'high' } });
    assert.deepEqual(
      [explained.revision, explained.lane, explained.compression, explained.deliveries.map(({ facility }) => facility)],
      [null, 'stat', 'compression rule 1: jpeg2000-lossless', ['hub', 'ms44']],
    );
  });

  test('refuses a wrong draft with its problems, and an attribute that there is not', async () => {
    const wrong = await post({ document: { facilities: [{ id: 'a', match: [{}], destinations: ['nowhere'] }] } });
    assert.deepEqual([wrong.statusCode, wrong.json().problems[0].path], [422, 'facilities[0].destinations[0]']);
    assert.equal((await post({ attributes: { NoSuchAttribute: 'x' } })).statusCode, 400);
  });
});

describe('a dry run', () => {
  const rehearse = (body: object) => page.request('POST', '/api/configuration/dry-run', body);
  const answerTo = async (body: object): Promise<DryRunAnswer> => (await rehearse(body)).json();
  /** Ten instances a study, the last without an institution name; the studies of one kind after the other. */
  const KINDS = [
    { InstitutionName: 'MS44' },
    { InstitutionName: 'MS45' },
    { InstitutionName: 'MS46' },
    { InstitutionName: 'MS99' },
    { InstitutionName: 'MS44', Modality: 'MR', to: 'NORTH' },
  ];
  const kindOf = (n: number) => KINDS[Math.floor(n / 10) % KINDS.length]!;

  function tenThousand(): Instance[] {
    return Array.from({ length: 10_000 }, (_, n) => {
      const { to, ...attributes } = { to: 'GATEWAY', ...kindOf(n) };
      const InstitutionName = n % 10 === 9 ? undefined : attributes.InstitutionName;
      return receivedBefore(20_000 - n, { study: Math.floor(n / 10), number: n, to, attributes: { ...attributes, InstitutionName } });
    });
  }

  async function fill(instances: Instance[]): Promise<void> {
    for (let at = 0; at < instances.length; at += 1000)
      await know(...instances.slice(at, at + 1000).map((instance) => receivedFact(instance, at)));
  }

  test('of a changed hub rule on 10,000 past instances shows exactly the differences', async () => {
    await fill(tenThousand());
    const unchanged = await answerTo({ document: source });
    assert.deepEqual([unchanged.instances, unchanged.changed, unchanged.unknown, unchanged.groups], [10_000, 0, 0, []]);

    const rule = { ...source, facilities: [hub, north, endpoint('ms44', { match: 'regex', value: 'MS4[46]' }), source.facilities[3]] };
    const began = performance.now();
    const changed = await answerTo({ document: rule });
    console.log(`dry run of 10,000 instances: ${Math.round(performance.now() - began)} ms`);
    const waits = { facilities: ['hub'], destinations: ['cloud'], compression: 'unchanged', held: 'unmatched' };
    const goes = { facilities: ['hub', 'ms44'], destinations: ['cloud', 'ms44-pacs'], compression: 'unchanged' };
    assert.deepEqual([changed.instances, changed.changed, changed.unknown, changed.complete], [10_000, 2000, 0, true]);
    assert.deepEqual(
      changed.groups.map(({ example: _, ...group }) => group),
      [{ before: waits, after: goes, instances: 2000 }],
    );
    const [example] = (await explain(`receipt=${changed.groups[0]!.example}`)).instances;
    assert.ok(example?.rules.some(({ because }) => because === 'the value is "MS46"'));

    const several = {
      ...source,
      facilities: [hub, north, endpoint('ms44', { value: 'MS46' }), endpoint('ms45', { value: 'MS45' }, ['ms45-new'])],
      compression: [compressing('MR', 'jpeg2000-lossless')],
    };
    const { groups, changed: all } = await answerTo({ document: several });
    const told = groups.map(({ before: was, after: willBe, instances }) => [
      was.destinations,
      willBe.destinations,
      willBe.compression,
      instances,
    ]);
    assert.equal(all, 8000);
    assert.deepEqual(
      told.sort((one, other) => String(one).localeCompare(String(other))),
      [
        [['cloud'], ['cloud'], 'jpeg2000-lossless', 2000],
        [['cloud'], ['cloud', 'ms44-pacs'], 'unchanged', 2000],
        [['cloud', 'ms44-pacs'], ['cloud'], 'unchanged', 2000],
        [['cloud', 'ms45-pacs'], ['cloud', 'ms45-new'], 'unchanged', 2000],
      ],
    );

    const newest = await answerTo({ document: rule, most: 100 });
    assert.deepEqual([newest.instances, newest.changed], [100, 20]);
    const short = await answerTo({ document: rule, days: 0.2 });
    assert.ok(short.instances > 7000 && short.instances < 10_000, `${short.instances} of 10,000 in the last 4.8 hours`);
  });

  test('counts as unknown what the stored headers do not hold, and guesses nothing', async () => {
    const atHub = Array.from({ length: 10 }, (_, n) => receivedBefore(500 - n, { study: 1, number: n }));
    const direct = Array.from({ length: 5 }, (_, n) => receivedBefore(400 - n, { study: 2, number: n, to: 'NORTH' }));
    const held = receivedBefore(300, { study: 3, number: 1, attributes: { '00081040': 'WARD 44' } });
    await fill([...atHub, ...direct, held]);
    const draft = { ...source, facilities: [{ ...hub, mappingTag: '(0008,1040)' }, north, endpoint('ms44', { value: 'WARD 44' })] };
    const { instances, changed, unknown, unknownBecause, groups } = await answerTo({ document: draft });
    assert.deepEqual([instances, changed, unknown], [16, 1, 10]);
    assert.deepEqual(unknownBecause, [{ because: 'the headers on record do not hold (0008,1040)', instances: 10 }]);
    assert.deepEqual(groups[0]?.after.facilities, ['hub', 'ms44']);
  });

  test('knows that an attribute is absent where the revision of the receipt asked for it', async () => {
    const asking = { ...source, facilities: [{ ...hub, mappingTag: 'StationName' }, north, endpoint('ms44', { value: 'MS44' })] };
    await store(asking);
    await page.database.query(`UPDATE configuration_revisions SET at = now() - interval '1 day'`);
    await know(readyFact(receivedBefore(500, { study: 1, number: 1 }), 1), receivedFact(receivedBefore(499, { study: 2, number: 2 }), 2));
    current = { revision: 1, document: parseGatewayDocument(asking) };
    const released = { ...asking, facilities: [{ ...hub, mappingTag: 'StationName', unmatched: 'hub' }, north] };
    const { changed, unknown } = await answerTo({ document: released });
    assert.deepEqual([changed, unknown], [1, 1]);
  });

  test('does not judge followers of a study that began before, nor what other coercion rules would change', async () => {
    const [tagged, follower] = [undefined, 'none'].map((none, n) =>
      receivedBefore(n === 0 ? 100_000 : 500, {
        study: 1,
        number: n,
        attributes: none === undefined ? {} : { InstitutionName: undefined },
      }),
    ) as [Instance, Instance];
    const direct = receivedBefore(400, { study: 2, number: 3, to: 'NORTH' });
    await fill([tagged, follower, direct]);
    const coercion = [{ when: { calledAe: 'NORTH' }, on: 'receive', set: { InstitutionName: 'NORTH' } }];
    const { instances, unknownBecause } = await answerTo({ document: { ...source, coercion }, days: 1 });
    assert.equal(instances, 2);
    assert.deepEqual(unknownBecause.map(({ because }) => because).sort(), [
      'other coercion rules on receipt apply, and the headers on record are those that were coerced',
      'what their study matched at hub hub is not on record',
    ]);
  });

  test('is refused with a wrong draft, and answered one at a time', async () => {
    assert.equal((await rehearse({ document: { destinations: 3 } })).statusCode, 422);
    assert.equal((await rehearse({ document: source, days: 91 })).statusCode, 400);
    const both = await page.database.transaction(async (transaction) => {
      await transaction.query('LOCK TABLE instances');
      const asked = [rehearse({ document: source }), rehearse({ document: source })];
      assert.equal((await Promise.race(asked)).statusCode, 503);
      return asked;
    });
    assert.deepEqual((await Promise.all(both)).map(({ statusCode }) => statusCode).sort(), [200, 503]);
    assert.equal((await rehearse({ document: source })).statusCode, 200);
  });
});
