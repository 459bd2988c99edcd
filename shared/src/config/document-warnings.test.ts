// Warnings as a table: what is odd about a document that holds, where, and what to do; and what is not odd.
// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's word, and never a function
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { documentWarnings } from './document-warnings.ts';
import { resolveFacility } from './facility-resolution.ts';
import { defaultGatewayDocument, parseGatewayDocument, readGatewayDocument } from './gateway-document.ts';

const CLOUD = { id: 'cloud', kind: 'stow', url: 'https://archive.example.org/dicom-web' };
const PACS = { id: 'pacs', kind: 'dimse', host: 'pacs', port: 104, calledAe: 'PACS' };
const MUTUAL_TLS = { id: 'tls', tls: { cert: 'file:/c', key: 'file:/k', clientCa: 'file:/a', clientCert: 'required' } };
const HUB = { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] };

const facility = (id: string, match: object[], more: object = {}) => ({ id, match, destinations: ['cloud'], ...more });
const endpoint = (id: string, rules: object[], more: object = {}) =>
  facility(id, [], { model: 'endpoint', rules: rules.map((rule) => ({ hub: 'hub', ...rule })), ...more });
const document = (facilities: object[], more: object = {}) => ({ facilities, destinations: [CLOUD], ...more });
const two = (a: object[], b: object[], more: object = {}) => document([facility('a', a), facility('b', b)], more);
const one = (more: object) => document([facility('a', [{}])], more);
const atHub = (...endpoints: object[]) => document([HUB, ...endpoints]);
const lossy = { syntax: 'htj2k', lossy: true, ratio: 8 };

/** Each warning as its path, a space, and words that its text has. */
const cases: [title: string, source: unknown, warnings: string[]][] = [
  ['one facility for everything', one({}), []],

  [
    'our own sending titles as callers',
    one({
      gateway: { callers: [{ callingAe: 'CAUSEWAY' }, {}] },
      facilities: [facility('a', [{ callingAe: 'SENDER' }, {}], { destinations: ['pacs', 'other'] })],
      destinations: [PACS, { ...PACS, id: 'other', host: 'other', callingAe: 'SENDER' }],
    }),
    [
      'facilities[a].match[0].callingAe is SENDER, with which we call other ourselves: all that comes with it is held as a loop',
      'gateway.callers[0].callingAe is CAUSEWAY, with which we call pacs ourselves: all that comes with it is held as a loop',
    ],
  ],
  [
    'the gateway’s title as a caller, where nobody is called with it',
    one({ facilities: [facility('a', [{ callingAe: 'CAUSEWAY' }, {}])] }),
    [],
  ],
  [
    'a destination that is our own usual port',
    one({ facilities: [facility('a', [{}], { destinations: ['pacs'] })], destinations: [{ ...PACS, host: 'localhost', port: 4104 }] }),
    [
      'destinations[pacs].port is the port of the gateway unless CAUSEWAY_DICOM_PORT says otherwise, on this machine: what is sent there comes back',
    ],
  ],
  [
    'a destination that is one of our listeners',
    one({
      listeners: [{ id: 'lan', port: 11112 }],
      facilities: [facility('a', [{}], { destinations: ['pacs'] })],
      destinations: [{ ...PACS, host: '127.0.0.1', port: 11112 }],
    }),
    ['destinations[pacs].port is listeners[lan], on this machine: what is sent there comes back to the gateway'],
  ],
  [
    'another port of this machine, and our port elsewhere',
    one({
      facilities: [facility('a', [{}], { destinations: ['pacs', 'other'] })],
      destinations: [
        { ...PACS, host: '127.0.0.1', port: 104 },
        { ...PACS, id: 'other', host: 'other', port: 4104 },
      ],
    }),
    [],
  ],

  [
    'two rows of a bandwidth schedule that meet in the night',
    one({
      destinations: [
        {
          ...CLOUD,
          bandwidth: [
            { from: '07:00', to: '19:00', rate: '1Mbit/s' },
            { from: '22:00', to: '07:30', days: ['fri'], rate: '9Mbit/s' },
          ],
        },
      ],
    }),
    ['destinations[cloud].bandwidth[1] overlaps with bandwidth[0], for example on sat at 07:00: where both fit, [0] holds'],
  ],
  [
    'rows of a bandwidth schedule that touch, and windows that overlap',
    one({
      destinations: [
        {
          ...CLOUD,
          bandwidth: [
            { from: '07:00', to: '19:00', rate: '1Mbit/s' },
            { from: '19:00', to: '07:00', rate: '9Mbit/s' },
          ],
          window: [
            { from: '07:00', to: '19:00' },
            { from: '08:00', to: '09:00' },
          ],
        },
      ],
    }),
    [],
  ],

  [
    'a network inside a network of another facility: the longer one decides',
    two([{ network: '10.0.0.0/8' }], [{ network: '10.1.0.0/16' }]),
    [],
  ],
  ['two networks of one length that do not meet', two([{ network: '10.1.0.0/16' }], [{ network: '10.2.0.0/16' }]), []],
  [
    'one network of two facilities, one of them for one shared called AE title',
    two([{ network: '10.1.0.0/16' }], [{ network: '10.1.0.0/16', calledAe: 'GATEWAY' }]),
    ['facilities[b].match[0] never decides: facilities[a].match[0] is of the same rank and fits whenever it does.'],
  ],
  [
    'the same, the wider row last',
    two([{ network: '10.1.0.0/16', calledAe: 'GATEWAY' }], [{ network: '10.1.0.0/16' }]),
    ['facilities[b].match[0] ties with facilities[a].match[0] whenever that one fits'],
  ],
  [
    'one network written in two ways, for two shared called AE titles',
    two([{ network: '10.1.0.0/16', calledAe: 'GATEWAY' }], [{ network: '10.1.2.3/16', calledAe: 'CAUSEWAY' }]),
    [],
  ],
  [
    'one calling AE title, from everywhere and from a network',
    two([{ callingAe: 'CT1' }], [{ callingAe: 'CT1', network: '10.1.0.0/16' }]),
    ['facilities[b].match[0] never decides: facilities[a].match[0]'],
  ],
  [
    'one calling AE title from networks that meet',
    two([{ callingAe: 'CT1', network: '10.0.0.0/8' }], [{ callingAe: 'CT1', network: '10.1.0.0/16' }]),
    ['facilities[b].match[0] never decides: facilities[a].match[0]'],
  ],
  [
    'one calling AE title from networks that do not meet',
    two([{ callingAe: 'CT1', network: '10.1.0.0/16' }], [{ callingAe: 'CT1', network: '10.2.0.0/16' }]),
    [],
  ],
  [
    'one calling AE title, to a shared called AE title and from a network',
    two([{ callingAe: 'CT1', calledAe: 'GATEWAY' }], [{ callingAe: 'CT1', network: '10.1.0.0/16' }]),
    ['facilities[b].match[0] can tie with facilities[a].match[0]: both are of the same rank'],
  ],
  [
    'one calling AE title, at called AE titles of their own',
    two([{ callingAe: 'CT1', calledAe: 'A' }], [{ callingAe: 'CT1', calledAe: 'B' }]),
    [],
  ],
  [
    'a calling AE title, and another facility’s own called AE title: the called one decides',
    two([{ callingAe: 'CT1' }], [{ calledAe: 'B' }]),
    [],
  ],
  ['a shared called AE title and everything', two([{ calledAe: 'GATEWAY' }], [{}]), []],
  ['two rows of one facility that tie', document([facility('a', [{ callingAe: 'CT1' }, { callingAe: 'CT1', calledAe: 'GATEWAY' }])]), []],
  [
    'a row that ties with rows of three others is told once',
    document([
      facility('a', [{ callingAe: 'CT1', network: '10.1.0.0/16' }]),
      facility('b', [{ callingAe: 'CT1', network: '10.2.0.0/16' }]),
      facility('c', [{ callingAe: 'CT1', network: '10.3.0.0/16' }]),
      facility('d', [{ callingAe: 'CT1', calledAe: 'GATEWAY' }]),
    ]),
    ['facilities[d].match[0] can tie with facilities[a].match[0] and 2 more:'],
  ],
  [
    'two TLS subjects that one certificate can fit',
    two([{ tlsSubject: 'CN=n*' }], [{ tlsSubject: '*,O=Clinic' }], { listeners: [MUTUAL_TLS] }),
    ['facilities[b].match[0] can tie with facilities[a].match[0]'],
  ],
  [
    'a TLS subject that another facility’s wildcard has in it',
    two([{ tlsSubject: 'CN=*' }], [{ tlsSubject: 'CN=north' }], { listeners: [MUTUAL_TLS] }),
    ['facilities[b].match[0] never decides: facilities[a].match[0]'],
  ],
  ['two TLS subjects that no certificate fits', two([{ tlsSubject: 'CN=n*' }], [{ tlsSubject: 'CN=s*' }], { listeners: [MUTUAL_TLS] }), []],

  [
    'a TLS subject where no listener asks for certificates',
    two([{ tlsSubject: 'CN=n*' }], [{}], { listeners: [{ id: 'tls', tls: { cert: 'file:/c', key: 'file:/k' } }] }),
    ['facilities[a].match[0] never decides: no listener asks for client certificates'],
  ],
  [
    'a TLS subject without any listener, told of two such rows, not that they tie',
    two([{ tlsSubject: 'CN=n*' }], [{ tlsSubject: 'CN=*' }]),
    ['facilities[a].match[0] never decides: no listener', 'facilities[b].match[0] never decides: no listener'],
  ],
  [
    'callers by a TLS subject that no association has',
    one({ gateway: { callers: [{ tlsSubject: 'CN=n*' }, { network: '10.0.0.0/8' }] } }),
    ['gateway.callers[0] lets nobody in: no listener asks for client certificates'],
  ],
  [
    'a row for a network that gateway.callers keeps out',
    two([{ network: '192.168.0.0/16' }], [{ network: '10.1.0.0/16' }], { gateway: { callers: [{ network: '10.0.0.0/8' }] } }),
    ['facilities[a].match[0] never decides: no row of gateway.callers lets in whom it fits'],
  ],
  [
    'a row for a calling AE title that gateway.callers keeps out, by name of the user or not',
    two([{ callingAe: 'CT9' }], [{ callingAe: 'CT2' }], { gateway: { callers: [{ callingAe: 'CT1' }, { callingAe: 'CT2', user: 'x' }] } }),
    ['facilities[a].match[0] never decides: no row of gateway.callers'],
  ],
  [
    'all of IPv4 as if it were everybody else',
    document([facility('a', [{ network: '0.0.0.0/0' }]), HUB, endpoint('e', [{ value: 'E' }])]),
    ['facilities[hub].match[0] decides for callers by IPv6 only: facilities[a].match[0] has network 0.0.0.0/0'],
  ],
  ['all of IPv4 beside a calling AE title', two([{ network: '0.0.0.0/0' }], [{ callingAe: 'CT1' }]), []],

  [
    'a facility without destinations',
    document(
      [facility('a', [{}])].map((one) => ({ ...one, destinations: [] })),
      { destinations: [] },
    ),
    ['facilities[a].destinations is empty: all its images are held'],
  ],
  [
    'a hub that only dispatches needs none',
    document([{ ...HUB, keepsCopy: false, destinations: [] }, endpoint('e', [{ value: 'E' }])]),
    [],
  ],
  [
    'a hub that keeps what matches nothing needs one',
    document([{ ...HUB, keepsCopy: false, unmatched: 'hub', destinations: [] }, endpoint('e', [{ value: 'E' }])]),
    ['facilities[hub].destinations is empty'],
  ],
  ['a hub without endpoints', atHub(), ['facilities[hub] has no endpoint: every image waits']],
  ['a hub whose own copy is enough', document([{ ...HUB, unmatched: 'hub' }]), []],
  [
    'an endpoint without rules and rows',
    document([facility('a', [{}]), endpoint('e', [])]),
    ['facilities[e] gets images by assignment only'],
  ],
  ['a destination that nobody uses', one({ destinations: [CLOUD, PACS] }), ['destinations[pacs] is used by nobody']],
  [
    'a destination that only a coercion names',
    one({ destinations: [CLOUD, PACS], coercion: [{ when: {}, on: 'deliver', destination: 'pacs', remove: ['PatientComments'] }] }),
    ['destinations[pacs] is used by nobody'],
  ],
  [
    'a destination that a person may name for what is retrieved; not for STOW-RS',
    one({
      destinations: [CLOUD, PACS, { ...CLOUD, id: 'old', url: 'https://old.example.org' }],
      retrieval: { sources: [{ id: 's', url: CLOUD.url }] },
    }),
    ['destinations[old] is used by nobody'],
  ],
  [
    'two destinations that are one place',
    document([facility('a', [{}], { destinations: ['cloud', 'again'] })], {
      destinations: [CLOUD, { ...CLOUD, id: 'again', url: `${CLOUD.url}/` }],
    }),
    ['facilities[a].destinations has cloud and again, which are the same place'],
  ],
  [
    'two facilities with a destination each that are one place',
    document([facility('a', [{}]), facility('b', [{ calledAe: 'B' }], { destinations: ['again'] })], {
      destinations: [CLOUD, { ...CLOUD, id: 'again' }],
    }),
    [],
  ],
  [
    'credentials over http, not to the machine itself',
    one({
      destinations: [{ ...CLOUD, url: 'http://archive.example.org', auth: { kind: 'bearer', token: 'env:T' } }],
      retrieval: { sources: [{ id: 's', url: 'http://127.0.0.1:8043/dicom-web', auth: { kind: 'bearer', token: 'env:T' } }] },
    }),
    ['destinations[cloud].url sends credentials (auth) and images over http'],
  ],
  [
    'polling for nobody',
    one({ retrieval: { sources: [{ id: 's', url: CLOUD.url, poll: {} }] } }),
    ['retrieval.sources[s].poll has no effect: the source has no destinations'],
  ],

  [
    'one value at one hub for two endpoints',
    atHub(endpoint('e', [{ value: 'MS44' }]), endpoint('f', [{ value: 'MS44' }])),
    ['facilities[f].rules[0] fits the same value at the same hub as facilities[e].rules[0]: both endpoints get these images'],
  ],
  ['one value in other case', atHub(endpoint('e', [{ value: 'MS44' }]), endpoint('f', [{ value: 'ms44' }])), []],
  [
    'one value in other case where case does not count',
    atHub(endpoint('e', [{ value: 'MS44' }]), endpoint('f', [{ match: 'ignore-case', value: 'ms44' }])),
    ['facilities[f].rules[0] fits the same value'],
  ],
  [
    'a wildcard beside a value that fits it',
    atHub(endpoint('e', [{ value: 'MS44' }]), endpoint('f', [{ match: 'wildcard', value: 'MS4*' }])),
    [],
  ],
  [
    'a wildcard without wildcards',
    atHub(endpoint('e', [{ value: 'MS44' }]), endpoint('f', [{ match: 'wildcard', value: 'MS44' }])),
    ['facilities[f].rules[0] fits the same value'],
  ],
  ['one value as text and as regex', atHub(endpoint('e', [{ value: 'MS.4' }]), endpoint('f', [{ match: 'regex', value: 'MS.4' }])), []],
  [
    'one value twice in one endpoint',
    atHub(endpoint('e', [{ value: 'MS44' }, { value: 'MS44' }])),
    ['facilities[e].rules[1] says nothing that facilities[e].rules[0] does not say'],
  ],
  [
    'one value at two hubs',
    document([
      HUB,
      { ...HUB, id: 'hub2', match: [{ calledAe: 'HUB2' }] },
      endpoint('e', [{ value: 'MS44' }]),
      endpoint('f', [{ hub: 'hub2', value: 'MS44' }]),
    ]),
    [],
  ],

  [
    'rules after one that fits everything',
    one({
      compression: [
        { when: {}, then: { syntax: 'unchanged' } },
        { when: { modality: 'CT' }, then: { syntax: 'htj2k-lossless' } },
      ],
    }),
    ['compression[1] is never reached: compression[0] comes first and has when: {}'],
  ],
  [
    'a narrower rule after a wider one',
    one({
      lanes: [
        { when: { modality: ['CT', 'MR'] }, lane: 'prior' },
        { when: { modality: 'CT', callingAe: 'CT1' }, lane: 'stat' },
      ],
    }),
    ['lanes[1] is never reached: lanes[0] comes first and fits whenever this one does'],
  ],
  [
    'a narrower rule before a wider one',
    one({
      lanes: [
        { when: { modality: 'CT', callingAe: 'CT1' }, lane: 'stat' },
        { when: { modality: ['CT', 'MR'] }, lane: 'prior' },
      ],
    }),
    [],
  ],
  [
    'rules that overlap, neither within the other',
    one({
      lanes: [
        { when: { modality: ['CT', 'MR'] }, lane: 'prior' },
        { when: { modality: ['CT', 'CR'] }, lane: 'stat' },
      ],
    }),
    [],
  ],
  [
    'one SOP Class of a group that came before, and one attribute by keyword and by tag',
    one({
      lanes: [
        { when: { sopClass: 'ct' }, lane: 'stat' },
        { when: { attribute: 'StationName', in: ['A', 'B'] }, lane: 'stat' },
        { when: { sopClass: '1.2.840.10008.5.1.4.1.1.2' }, lane: 'prior' },
        { when: { attribute: '(0008,1010)', in: 'A' }, lane: 'prior' },
      ],
    }),
    ['lanes[2] is never reached: lanes[0]', 'lanes[3] is never reached: lanes[1]'],
  ],
  [
    'a lane by priority before one for the rest',
    one({
      lanes: [
        { when: { priority: 'high' }, lane: 'stat' },
        { when: {}, lane: 'prior' },
      ],
    }),
    [],
  ],
  [
    'coercions all apply, also after one for everything',
    one({
      coercion: [
        { when: {}, on: 'receive', remove: ['PatientComments'] },
        { when: { modality: 'CT' }, on: 'receive', remove: ['StationName'] },
      ],
    }),
    [],
  ],
  [
    'a rule for a called AE title that the gateway refuses',
    one({ gateway: { calledAeTitles: ['GATEWAY'] }, lanes: [{ when: { calledAe: ['GATEWAY', 'GATEWAY_STAT'] }, lane: 'stat' }] }),
    ['lanes[0].when.calledAe names GATEWAY_STAT, which the gateway refuses as called AE title'],
  ],
  [
    'a rule for any called AE title where every one is taken',
    one({ gateway: { calledAeTitles: ['*'] }, lanes: [{ when: { calledAe: 'ANY' }, lane: 'stat' }] }),
    [],
  ],
  [
    'a rule for a calling AE title that gateway.callers keeps out',
    one({
      gateway: { callers: [{ callingAe: 'CT1' }] },
      coercion: [{ when: { callingAe: ['CT1', 'CT2'] }, on: 'receive', remove: ['StationName'] }],
    }),
    ['coercion[0].when.callingAe names CT2, which gateway.callers keeps out'],
  ],
  [
    'a rule for an endpoint that only a hub’s rules find; on delivery it may be named',
    document([HUB, endpoint('e', [{ value: 'E' }])], {
      compression: [{ when: { facility: ['hub', 'e'] }, then: { syntax: 'unchanged' } }],
      coercion: [{ when: { facility: 'e' }, on: 'deliver', remove: ['StationName'] }],
    }),
    ['compression[0].when.facility names e, which receives nothing itself'],
  ],
  [
    'a lossy rule that nobody accepted',
    one({ compression: [{ when: {}, then: lossy }] }),
    ['compression[0].then has no effect: lossyAcceptance is empty'],
  ],
  [
    'a lossy rule that somebody accepted',
    one({ compression: [{ when: {}, then: lossy }], lossyAcceptance: { by: 'Dr. A', at: '2026-01-01', text: 'yes' } }),
    [],
  ],

  [
    'networks, and one listener of two behind a balancer',
    document([facility('a', [{ network: '10.0.0.0/8' }])], {
      listeners: [
        { id: 'lan', port: 104 },
        { id: 'balanced', port: 105, proxyProtocol: true },
      ],
    }),
    ['listeners[lan].proxyProtocol is false while another listener has it'],
  ],
  [
    'networks, and no listener behind a balancer',
    document([facility('a', [{ network: '10.0.0.0/8' }])], { listeners: [{ id: 'lan', port: 104 }] }),
    [],
  ],
  [
    'no networks, and one listener of two behind a balancer',
    one({
      listeners: [
        { id: 'lan', port: 104 },
        { id: 'balanced', port: 105, proxyProtocol: true },
      ],
    }),
    [],
  ],
  [
    'two rows for one sender',
    one({
      negotiation: {
        callers: [
          { callingAe: 'CT1', maxPduBytes: 16384 },
          { callingAe: 'CT1', idle: '20m' },
        ],
      },
    }),
    ['negotiation.callers[1] is never used: the first row of CT1 counts, [0]'],
  ],
];

describe('warnings of a gateway document', () => {
  for (const [title, source, expected] of cases)
    it(`${title}: ${expected.length === 0 ? 'no warning' : `${expected.length} warned of`}`, () => {
      const found = documentWarnings(parseGatewayDocument(source)).map(({ path, warning }) => `${path} ${warning}`);
      assert.deepEqual(
        found.map((line, at) => line.slice(0, expected[at]?.length ?? line.length)),
        expected,
      );
    });

  it('rows that are told to tie are held as ambiguous, and those that are told not to are not', () => {
    const resolve = (a: object, b: object) =>
      resolveFacility(parseGatewayDocument(two([a], [b], { listeners: [MUTUAL_TLS] })), {
        ...{ callingAe: 'CT1', calledAe: 'GATEWAY', source: '10.1.2.3', tlsSubject: 'CN=north,O=Clinic' },
      });
    assert.ok('ambiguous' in resolve({ network: '10.1.0.0/16' }, { network: '10.1.0.0/16', calledAe: 'GATEWAY' }));
    assert.ok('ambiguous' in resolve({ callingAe: 'CT1', calledAe: 'GATEWAY' }, { callingAe: 'CT1', network: '10.1.0.0/16' }));
    assert.ok('ambiguous' in resolve({ tlsSubject: 'CN=n*' }, { tlsSubject: '*,O=Clinic' }));
    assert.deepEqual(resolve({ network: '10.0.0.0/8' }, { network: '10.1.0.0/16' }), {
      facility: 'b',
      rule: 'b: match { network: 10.1.0.0/16 }',
    });
    assert.deepEqual(resolve({ network: '0.0.0.0/0' }, { calledAe: 'GATEWAY' }), {
      facility: 'a',
      rule: 'a: match { network: 0.0.0.0/0 }',
    });
  });

  it('rows are told to tie exactly when some association is ambiguous, in 500 seeded documents', () => {
    const draw = drawing(11);
    const field = (name: string, values: string[]): object => (draw(2) === 0 ? {} : { [name]: values[draw(values.length)] });
    const row = () => ({
      ...field('callingAe', ['CT1', 'CT2']),
      ...field('calledAe', ['GATEWAY', 'CAUSEWAY', 'A', 'B']),
      ...field('network', ['10.0.0.0/8', '10.1.0.0/16', '10.2.0.0/16', '0.0.0.0/0', '10.1.2.3']),
      ...(draw(3) === 0 ? field('tlsSubject', ['a*', '*a', 'b*', 'ab', '?b']) : {}),
    });
    let ambiguous = 0;
    for (let at = 0; at < 500; at++) {
      const rows = Array.from({ length: 4 }, row);
      if (new Set(rows.map((one) => JSON.stringify(one))).size < rows.length) continue;
      const parsed = parseGatewayDocument(two(rows.slice(0, 2), rows.slice(2), { listeners: [MUTUAL_TLS] }));
      const expected = PEERS.some((peer) => 'ambiguous' in resolveFacility(parsed, peer));
      const told = documentWarnings(parsed).some(({ warning }) => warning.includes('held as ambiguous'));
      assert.equal(told, expected, JSON.stringify(rows));
      if (expected) ambiguous += 1;
    }
    assert.ok(ambiguous > 30 && ambiguous < 400, `${ambiguous} documents with ties say something`);
  });

  it('the default document has none, and the example only what it says of itself', async () => {
    const example = await readFile(join(import.meta.dirname, '../../../gateway.example.yaml'), 'utf8');
    const pathsOf = (source: unknown) => documentWarnings(parseGatewayDocument(source)).map(({ path }) => path);
    assert.deepEqual(pathsOf(defaultGatewayDocument('http://127.0.0.1:8043/dicom-web')), []);
    assert.match(example, /no lossy rule works while this is empty/);
    assert.deepEqual(pathsOf(readGatewayDocument(example)), ['compression[2].then']);
  });

  it('no value of a mapping rule stands in one: it may be the name of a site or a person', () => {
    const source = atHub(endpoint('e', [{ value: 'Dr. Meier' }]), endpoint('f', [{ value: 'Dr. Meier' }, { value: 'Dr. Meier' }]));
    const told = documentWarnings(parseGatewayDocument(source));
    assert.equal(told.length, 2);
    assert.ok(!JSON.stringify(told).includes('Meier'));
  });

  it('of 300 warnings 200 are told, and how many more there are', () => {
    const facilities = Array.from({ length: 300 }, (_, at) => ({ ...facility(`f${at}`, [{ calledAe: `F${at}` }]), destinations: [] }));
    const told = documentWarnings(parseGatewayDocument({ facilities }));
    assert.equal(told.length, 201);
    assert.deepEqual(told.at(-1), { path: '', warning: 'has 100 more warnings: see to these first' });
  });

  it('more rows on one rank than are compared are told of', () => {
    const rows = (from: number) =>
      Array.from({ length: 2500 }, (_, at) => ({ callingAe: 'CT1', network: `10.${from}.${at >> 8}.${at & 255}` }));
    const told = documentWarnings(parseGatewayDocument(two(rows(1), rows(2))));
    assert.deepEqual(
      told.map(({ path }) => path),
      ['facilities'],
    );
    assert.match(told[0]!.warning, /of rows that tie some may be missing/);
  });
});

/** Every association that can tell the rows above apart. */
const PEERS = ['CT1', 'CT2', 'CT3'].flatMap((callingAe) =>
  ['GATEWAY', 'CAUSEWAY', 'A', 'B'].flatMap((calledAe) =>
    ['10.1.2.3', '10.1.0.1', '10.2.0.1', '10.3.0.1', '192.168.0.1'].flatMap((source) =>
      [undefined, 'a', 'ab', 'ba', 'bb', 'aa', 'aba'].map((tlsSubject) => ({
        callingAe,
        calledAe,
        source,
        ...(tlsSubject === undefined ? {} : { tlsSubject }),
      })),
    ),
  ),
);

/** Seeded whole numbers below the one given. */
function drawing(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
}
