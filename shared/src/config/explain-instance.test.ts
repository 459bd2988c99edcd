// Explanations: what they say of each rule, and that whoever reads only the trace comes to the decision that was taken without one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../dicom/part10/data-set-for-tests.ts';
import { chooseCompression } from './choose-compression.ts';
import { decideRoute } from './decide-route.ts';
import { explainInstance, type InstanceToExplain } from './explain-instance.ts';
import { resolveFacility } from './facility-resolution.ts';
import { type GatewayDocument, parseGatewayDocument } from './gateway-document.ts';
import { laneOf } from './rule-condition.ts';
import type { TriedRule } from './tried-rule.ts';

const CT = '1.2.840.10008.5.1.4.1.1.2';
const stow = (id: string) => ({ id, kind: 'stow', url: `https://${id}.example.org/dicom-web` });
const dimse = (id: string) => ({ id, kind: 'dimse', host: 'pacs', port: 104, calledAe: 'PACS', callingAe: 'CT2' });
// biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
const compressionRule = (when: object, syntax: string) => ({ when, then: { syntax } });
const document = parseGatewayDocument({
  facilities: [
    { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] },
    {
      id: 'ms44',
      model: 'endpoint',
      rules: [
        { hub: 'hub', value: 'MS44' },
        { hub: 'hub', match: 'wildcard', value: 'MS4*' },
      ],
      destinations: ['pacs'],
    },
    { id: 'ms45', model: 'endpoint', match: [{ network: '10.0.0.0/8' }], rules: [{ hub: 'hub', value: 'MS45' }], destinations: ['cloud'] },
    { id: 'rest', match: [{}, { network: '10.1.0.0/16' }], destinations: ['cloud'] },
  ],
  destinations: ['cloud', 'pacs'].map(stow),
  lanes: [
    { when: { modality: 'MR' }, lane: 'stat' },
    { when: { priority: 'low' }, lane: 'prior' },
  ],
  compression: [
    compressionRule({ attribute: '(0008,1040)', in: ['ICU'] }, 'unchanged'),
    compressionRule({}, 'htj2k-lossless'),
    compressionRule({ modality: 'CT' }, 'jpeg2000-lossless'),
  ],
});
const instance = (changes: Partial<InstanceToExplain['association']>, attributes: Record<string, string> = {}): InstanceToExplain => ({
  association: { callingAe: 'CT1', calledAe: 'GATEWAY', source: '192.0.2.1', listener: 'lan', ...changes },
  sopClassUid: CT,
  attributes: { Modality: 'CT', ...attributes },
});
const told = (kind: TriedRule['kind'], one: InstanceToExplain): [string, boolean, string][] =>
  explainInstance(document, one).rules.flatMap((tried) => (tried.kind === kind ? [[tried.rule, tried.applied, tried.because]] : []));

describe('an explanation', () => {
  it('says of each match row why it applied or not, and how much it counts', () =>
    assert.deepEqual(told('facility', instance({ calledAe: 'OTHER', source: '10.1.2.3' })), [
      ['hub: match { calledAe: GATEWAY }', false, `the association's called AE title is "OTHER", and the row asks for GATEWAY`],
      ['ms45: match { network: 10.0.0.0/8 }', false, 'fits as network of 8 bits, which counts less than network of 16 bits'],
      ['rest: match {}', false, 'fits as catch-all, which counts less than network of 16 bits'],
      ['rest: match { network: 10.1.0.0/16 }', true, 'fits as network of 16 bits, and nothing that counts more fits'],
    ]));

  it('says of each endpoint rule which value it was asked with', () =>
    assert.deepEqual(told('hub', instance({}, { InstitutionName: 'MS44' })), [
      ['ms44: at hub hub, InstitutionName exact "MS44"', true, 'the value is "MS44"'],
      ['ms44: at hub hub, InstitutionName wildcard "MS4*"', false, 'not asked: a rule of this endpoint before it fits'],
      ['ms45: at hub hub, InstitutionName exact "MS45"', false, 'the value is "MS44"'],
      ['hub: keeps a copy, unmatched: hold', true, 'the hub gets its copy whatever its endpoints get'],
    ]));

  it('says that an instance without the tag follows its study, or that no endpoint of it is known', () => {
    const following = told('hub', { ...instance({}), studyEndpoints: ['ms45'] });
    assert.deepEqual(following[0], ['ms44: at hub hub, InstitutionName exact "MS44"', false, 'the instance has no InstitutionName']);
    assert.deepEqual(following[3]?.slice(0, 2), ['ms45: at hub hub, follows its study (no InstitutionName)', true]);
    assert.deepEqual(told('hub', instance({}))[3], ['hub: followStudy', false, 'no endpoint of its study is known']);
  });

  it('says why each lane and compression rule fits or not, and that later ones are not asked', () => {
    assert.deepEqual(told('lane', instance({})), [
      ['lane rule 1: stat', false, 'modality is "CT", and the rule asks for MR'],
      ['lane rule 2: prior', false, 'priority is not given, and the rule asks for low'],
    ]);
    assert.deepEqual(told('compression', instance({}, { '(0008,1040)': 'WARD' })), [
      ['compression rule 1: unchanged', false, '(0008,1040) is "WARD", and the rule asks for ICU'],
      ['compression rule 2: htj2k-lossless', true, 'it fits everything'],
      ['compression rule 3: jpeg2000-lossless', false, 'not asked: compression rule 2: htj2k-lossless fits'],
    ]);
  });

  it('says which rule each destination comes from, and that a shared one is due once', () =>
    assert.deepEqual(told('destination', instance({}, { InstitutionName: 'MS45' })), [
      ['cloud for hub', true, 'hub: match { calledAe: GATEWAY }'],
      ['pacs for ms44', true, 'ms44: at hub hub, InstitutionName wildcard "MS4*"'],
      ['cloud for ms45', false, 'due once, for hub; also ms45: at hub hub, InstitutionName exact "MS45"'],
    ]));
});

const random = seededRandom(4);
const below = (limit: number): number => Math.floor(random() * limit);
const pick = <T>(values: readonly T[]): T => values[below(values.length)]!;
const some = <T>(values: readonly T[]): T[] => values.filter(() => random() < 0.4);
const maybe = <T>(name: string, values: readonly T[]): object => (random() < 0.4 ? { [name]: pick(values) } : {});

const [CALLED, CALLING, SOURCES] = [
  ['GATEWAY', 'CAUSEWAY', 'A', 'B'],
  ['CT1', 'CT2'],
  ['10.1.2.3', '10.2.3.4', '192.0.2.9', 'fd00::1'],
];
const [VALUES, MODALITIES, DESTINATIONS] = [
  ['MS1', 'MS2', 'ms1', 'MS1\\MS2', ' MS2 ', ''],
  ['CT', 'MR', 'SR'],
  ['d1', 'd2', 'd3'],
];
const drawRow = (): object => ({
  ...maybe('calledAe', CALLED),
  ...maybe('callingAe', CALLING),
  ...maybe('network', ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', 'fd00::/8']),
  ...maybe('tlsSubject', ['CN=a*', 'CN=*']),
});
const drawWhen = (): object => ({
  ...maybe('callingAe', CALLING),
  ...maybe('calledAe', CALLED),
  ...maybe('modality', MODALITIES),
  ...maybe('facility', ['f0', 'f1', 'f2']),
  ...maybe('sopClass', ['ct', 'mr']),
  ...(random() < 0.3 ? { attribute: 'StationName', in: some(VALUES.map((value) => value.trim())).concat('MS1') } : {}),
});
const drawEndpointRule = (hubs: string[]): object => ({
  hub: pick(hubs),
  ...pick([
    { match: 'exact', value: pick(['MS1', 'MS2']) },
    { match: 'ignore-case', value: 'ms1' },
    { match: 'wildcard', value: 'MS*' },
    { match: 'regex', value: 'MS[12]' },
  ]),
});

/** Documents that hold: those in which two facilities happen to have the same row are drawn again. */
function drawDocument(): GatewayDocument {
  for (;;) {
    const hubs = ['f0', 'f1'].slice(0, 1 + below(2));
    const facilities = Array.from({ length: 2 + below(4) }, (_, n) => {
      const [id, match] = [`f${n}`, Array.from({ length: 1 + below(3) }, drawRow)];
      const shared = { id, destinations: some(DESTINATIONS) };
      if (hubs.includes(id))
        return {
          ...shared,
          match,
          model: 'hub',
          mappingTag: pick(['InstitutionName', 'StationName', 'association:callingAe']),
          keepsCopy: random() < 0.5,
          unmatched: pick(['hold', 'hub']),
          followStudy: random() < 0.7,
        };
      if (random() < 0.3) return { ...shared, match };
      return { ...shared, match: some(match), model: 'endpoint', rules: Array.from({ length: below(3) }, () => drawEndpointRule(hubs)) };
    });
    const known = new Set(facilities.map(({ id }) => id));
    const when = (): object => {
      const drawn = drawWhen() as { facility?: string };
      return drawn.facility === undefined || known.has(drawn.facility) ? drawn : {};
    };
    try {
      return parseGatewayDocument({
        gateway: { aeTitle: 'CAUSEWAY', calledAeTitles: ['GATEWAY'] },
        facilities,
        destinations: DESTINATIONS.map((id) => (id === 'd3' && random() < 0.3 ? dimse(id) : stow(id))),
        lanes: Array.from({ length: below(4) }, () => ({
          when: { ...when(), ...maybe('priority', ['low', 'high']) },
          lane: pick(['stat', 'prior']),
        })),
        compression: Array.from({ length: below(4) }, () =>
          compressionRule(when(), pick(['unchanged', 'htj2k-lossless', 'jpeg2000-lossless', 'rle'])),
        ),
      });
    } catch {
      // Drawn again.
    }
  }
}

function drawInstance(): InstanceToExplain {
  const association = { callingAe: pick(CALLING), calledAe: pick([...CALLED, 'C']), source: pick(SOURCES), listener: 'lan' };
  return {
    association: { ...association, ...maybe('tlsSubject', ['CN=a1', 'CN=b']) },
    sopClassUid: pick([CT, '1.2.840.10008.5.1.4.1.1.4', '1.2.840.10008.5.1.4.1.1.88.11']),
    attributes: { ...maybe('InstitutionName', VALUES), ...maybe('StationName', VALUES), ...maybe('Modality', MODALITIES) },
    ...maybe('priority', ['low', 'medium', 'high'] as const),
    ...(random() < 0.4 ? { studyEndpoints: some(['f1', 'f2', 'f3', 'f4']) } : {}),
    ...(random() < 0.2 ? { assignment: { facilities: some(['f0', 'f2', 'f3', 'gone']), by: 'erika' } } : {}),
  };
}

/** What a person who reads the trace and nothing else takes to be the decision. */
function readTrace(rules: readonly TriedRule[]) {
  const applied = (kind: TriedRule['kind']) => rules.filter((rule) => rule.kind === kind && rule.applied);
  const ids = (tried: readonly TriedRule[]) => tried.map(({ rule }) => rule.split(':')[0]!);
  const [rows, assigned] = [false, true].map((isAssigned) =>
    applied('facility').filter(({ rule }) => rule.includes(': assigned by ') === isAssigned),
  ) as [TriedRule[], TriedRule[]];
  const isLoop = applied('loop').length > 0;
  const atHub = rules.some(({ kind }) => kind === 'hub');
  const named = rules.filter(({ kind }) => kind === 'destination').map(({ rule }) => rule.split(' for ')[1]!);
  return {
    // Who gets a copy: nobody of what came back, else the row's facility, or what is said at the hub about its copy and its endpoints; and whom an operator named.
    copies: [...new Set([...(isLoop ? [] : atHub ? ids(applied('hub')) : ids(rows)), ...ids(assigned)])].sort(),
    named: [...new Set(named)].sort(),
    facility: ids(rows),
    facilities: [...new Set([...ids(applied('facility')), ...ids(applied('hub'))])].sort(),
    lane: applied('lane').map(({ rule }) => rule.split(': ')[1]),
    compression: applied('compression').map(({ rule }) => rule),
    destinations: applied('destination').map(({ rule }) => rule.split(' for ')),
  };
}

describe('the trace of 1,500 drawn documents and instances', () => {
  it('says what was decided without one', () => {
    const seen = new Set<string>();
    for (let n = 0; n < 1500; n++) {
      const [gateway, one] = [drawDocument(), drawInstance()];
      const { rules, ...explained } = explainInstance(gateway, one);
      const resolution = resolveFacility(gateway, one.association);
      const facility = 'facility' in resolution ? resolution.facility : undefined;
      const route = decideRoute(gateway, one);
      const compression = chooseCompression(gateway, { ...one, facility });
      const lane = laneOf(gateway, { ...one.association, ...one, facility });
      assert.deepEqual(explained, { facility: resolution, lane, compression, route });
      const { copies, named, ...read } = readTrace(rules);
      assert.deepEqual(copies, named);
      assert.deepEqual(read, {
        facility: facility === undefined ? [] : [facility],
        facilities: route.facilities.map(({ id }) => id).sort(),
        lane: lane === 'routine' ? [] : [lane],
        compression: compression.rule === undefined ? [] : [compression.rule],
        destinations: route.deliveries.map(({ destination, facility: of }) => [destination, of]),
      });
      for (const { destination, rule } of route.deliveries)
        assert.ok(
          rules.some((tried) => tried.kind === 'destination' && tried.rule.startsWith(destination) && rule.startsWith(tried.because)),
        );
      assert.ok(rules.every(({ because }) => because.length > 3));
      seen
        .add(route.held?.reason ?? 'sent')
        .add(compression.kind)
        .add(lane)
        .add(rules.some(({ rule }) => rule.includes('follows')) ? 'follows' : '');
    }
    // The draw is wide enough to say something.
    for (const outcome of [
      'sent',
      'unmatched',
      'ambiguous',
      'no-facility',
      'no-destination',
      'loop',
      'compress',
      'unchanged',
      'stat',
      'routine',
      'follows',
    ])
      assert.ok(seen.has(outcome), outcome);
  });

  it('never puts a value of the instance into a rule’s own text', () => {
    for (const InstitutionName of ['CANARY', 'MS4 CANARY'])
      for (const { rule } of explainInstance(document, instance({}, { InstitutionName })).rules) assert.ok(!rule.includes('CANARY'), rule);
  });
});
