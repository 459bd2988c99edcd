// What is wrong with a document is said all at once, each with where, what and how to put it right; never a secret.
// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's word, and never a function
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GatewayDocumentError, parseGatewayDocument } from './gateway-document.ts';

const DEFAULT_FACILITY = { id: 'a', match: [{}], destinations: ['s'] };
const STOW = { id: 's', kind: 'stow', url: 'https://archive.example.org/dicom-web' };
const DIMSE = { id: 'd', kind: 'dimse', host: 'pacs', port: 104, calledAe: 'PACS' };
const HUB = { id: 'h', model: 'hub', match: [{ calledAe: 'HUB' }], mappingTag: 'InstitutionName' };
/** A document that is right, changed. */
const document = (changes: Record<string, unknown>): unknown => ({ facilities: [DEFAULT_FACILITY], destinations: [STOW], ...changes });
const facility = (changes: Record<string, unknown>): unknown => document({ facilities: [{ ...DEFAULT_FACILITY, ...changes }] });
const stow = (changes: Record<string, unknown>): unknown => document({ destinations: [{ ...STOW, ...changes }] });

const wrong: [title: string, source: unknown, lines: string[]][] = [
  ['a document that is no group of fields', 'hello', ['the document: "hello" must be a group of fields']],
  ['an empty document', undefined, ['the document: is missing: it must be a group of fields']],
  [
    'an unknown field',
    document({ facilites: [] }),
    [
      'the document: has no field "facilites": the fields here are gateway, listeners, negotiation, limits, admission, facilities, destinations, lanes, compression, lossyAcceptance, coercion, retrieval, commitment, notifications',
    ],
  ],
  [
    'an unknown field far inside',
    stow({ retry: { frist: '5s' } }),
    ['destinations[0].retry: has no field "frist": the fields here are first, factor, max, giveUpAfter'],
  ],
  [
    'a duration without unit',
    document({ limits: { artim: 30 } }),
    ['limits.artim: 30 must be a duration: a number and a unit ms, s, m, h, d or y, for example 30s'],
  ],
  ['a duration out of bounds', document({ limits: { artim: '11m' } }), ['limits.artim: "11m" must be from 1s to 10m']],
  ['an id in capitals', facility({ id: 'North' }), ['facilities[0].id: "North" must be an id: a-z, 0-9 and -, 1 to 63 characters']],
  ['the reserved id', facility({ id: 'none' }), ['facilities[0].id: "none" must not be "none": that is the name for no facility']],
  [
    'an AE title of 17 characters',
    document({ gateway: { aeTitle: 'SEVENTEEN_LETTERS' } }),
    [
      'gateway.aeTitle: "SEVENTEEN_LETTERS" must be an AE title: 1 to 16 characters without backslash, surrounding spaces or "*" (in quotes if it is a number)',
    ],
  ],
  [
    'an AE title that YAML reads as a number',
    facility({ match: [{ calledAe: 44 }] }),
    [
      'facilities[0].match[0].calledAe: 44 must be an AE title: 1 to 16 characters without backslash, surrounding spaces or "*" (in quotes if it is a number)',
    ],
  ],
  [
    'a model that does not exist',
    facility({ model: 'spoke' }),
    ['facilities[0].model: "spoke" must have a model: standard, hub or endpoint'],
  ],
  [
    'a facility that nothing can match',
    facility({ match: [] }),
    ['facilities[0].match: must have at least one row, else nothing is ever received for it; {} matches everything'],
  ],
  [
    'a network that is none',
    facility({ match: [{ network: '10.1.0.0/33' }] }),
    ['facilities[0].match[0].network: "10.1.0.0/33" must be a network such as 10.1.0.0/16 or fd00::/8, or an address'],
  ],
  [
    'a hub without mapping tag',
    document({ facilities: [{ id: 'h', model: 'hub', match: [{}] }] }),
    [
      'facilities[0].mappingTag: is missing: it must be an attribute (keyword, (gggg,eeee) or path of tags) or one of association:callingAe, association:calledAe, association:source',
    ],
  ],
  [
    'a keyword that is not in the dictionary',
    document({ facilities: [{ ...HUB, mappingTag: 'InstitutionsName' }] }),
    [
      'facilities[0].mappingTag: "InstitutionsName" must be an attribute (keyword, (gggg,eeee) or path of tags) or one of association:callingAe, association:calledAe, association:source',
    ],
  ],
  [
    'a destination that is not there',
    facility({ destinations: ['s', 'cloud'] }),
    ['facilities[0].destinations[1]: "cloud" names no destination of this document (known: s)'],
  ],
  [
    'one destination twice',
    facility({ destinations: ['s', 's'] }),
    ['facilities[0].destinations[1]: "s" is already used by entry [0]: use each only once'],
  ],
  [
    'one id for two facilities',
    document({ facilities: [DEFAULT_FACILITY, { ...DEFAULT_FACILITY, match: [{ calledAe: 'B' }] }] }),
    ['facilities[1].id: "a" is already used by entry [0]: use each only once'],
  ],
  [
    'two facilities with the same row, written differently',
    document({
      facilities: [
        { ...DEFAULT_FACILITY, match: [{ callingAe: 'CT', network: '10.1.0.0/16' }] },
        { ...DEFAULT_FACILITY, id: 'b', match: [{ network: '10.1.2.3/16', callingAe: 'CT' }] },
      ],
    }),
    [
      'facilities[1].match[0]: says the same as a row of facility a: what both match could belong to either; remove one, or add a field that tells them apart',
    ],
  ],
  [
    'an endpoint rule at a hub that is none',
    document({ facilities: [DEFAULT_FACILITY, HUB, { id: 'e', model: 'endpoint', rules: [{ hub: 'a', value: 'X' }] }] }),
    ['facilities[2].rules[0].hub: "a" names no facility of model hub of this document (known: h)'],
  ],
  [
    'an endpoint rule with a pattern that could run away',
    document({ facilities: [HUB, { id: 'e', model: 'endpoint', rules: [{ hub: 'h', match: 'regex', value: '(?=MS)MS44' }] }] }),
    [
      'facilities[1].rules[0].value: "(?=MS)MS44" is not a regular expression that can be used here: look-around and named groups cannot be used (near character 3)',
    ],
  ],
  [
    'an endpoint rule that can never match',
    document({ facilities: [HUB, { id: 'e', model: 'endpoint', rules: [{ hub: 'h', value: 'MS44 ' }] }] }),
    ['facilities[1].rules[0].value: "MS44 " must not begin or end with spaces: the values of images are trimmed'],
  ],
  ['a destination without kind', document({ destinations: [{ id: 's' }] }), ['destinations[0].kind: must have a kind: stow or dimse']],
  [
    'a port that is none',
    document({ destinations: [STOW, { ...DIMSE, port: 70_000 }] }),
    ['destinations[1].port: 70000 must be at most 65535'],
  ],
  [
    'a confirmation that DICOMweb does not have',
    stow({ confirm: 'storage-commitment' }),
    ['destinations[0].confirm: "storage-commitment" must be one of response, qido'],
  ],
  [
    'a host with a port',
    document({ destinations: [STOW, { ...DIMSE, host: 'pacs:104' }] }),
    ['destinations[1].host: "pacs:104" must be a host name or an address, without port'],
  ],
  [
    'a limit without its rate',
    stow({ bandwidth: [{}] }),
    [
      'destinations[0].bandwidth[0].rate: is missing: it must be a rate: a number and a unit bit/s, kbit/s, Mbit/s or Gbit/s, for example 20Mbit/s',
    ],
  ],
  [
    'a day that is none',
    stow({ window: [{ days: ['monday'] }] }),
    ['destinations[0].window[0].days[0]: "monday" must be one of mon, tue, wed, thu, fri, sat, sun'],
  ],
  ['a first wait longer than the longest', stow({ retry: { first: '1h' } }), ['destinations[0].retry: must have first no longer than max']],
  [
    'a lossy syntax that does not say so',
    document({ compression: [{ when: {}, then: { syntax: 'jpeg2000', ratio: 8 } }] }),
    ['compression[0].then.lossy: is missing: it must be true: write it to say that you know that this syntax loses information'],
  ],
  [
    'a ratio for a lossless syntax',
    document({ compression: [{ when: {}, then: { syntax: 'jpeg2000-lossless', ratio: 8 } }] }),
    ['compression[0].then: has no field "ratio": the fields here are syntax'],
  ],
  [
    'an attribute without its values',
    document({ lanes: [{ when: { attribute: 'Modality' }, lane: 'stat' }] }),
    ['lanes[0].when: must have attribute and in together: the attribute and the values it may have'],
  ],
  [
    'a priority where it is not known any more',
    document({ compression: [{ when: { priority: 'high' }, then: { syntax: 'unchanged' } }] }),
    [
      'compression[0].when: has no field "priority": the fields here are callingAe, calledAe, modality, sopClass, imageType, bodyPart, facility, attribute, in',
    ],
  ],
  [
    'a facility in a condition that is not there',
    document({ coercion: [{ when: { facility: 'x' }, on: 'deliver', set: { InstitutionName: 'A' } }] }),
    ['coercion[0].when.facility: "x" names no facility of this document (known: a)'],
  ],
  [
    'coercion of a UID',
    document({ coercion: [{ when: {}, on: 'receive', remove: ['(0020,000D)'] }] }),
    [
      'coercion[0].remove[0]: "(0020,000D)" must not be one of SpecificCharacterSet, SOPClassUID, SOPInstanceUID, StudyInstanceUID, SeriesInstanceUID, OriginalAttributesSequence, a group length, or of the groups 0000, 0002, 0028 (pixels) and from 7FE0 on: coercion does not touch them',
    ],
  ],
  [
    'coercion of an unknown attribute',
    document({ coercion: [{ when: {}, on: 'receive', set: { Institution: 'A' } }] }),
    [
      'coercion[0].set.Institution: "A" must be an attribute: a keyword of PS3.6 such as InstitutionName, a tag such as (0008,0080), or a path of tags such as 00321064.00080100',
    ],
  ],
  [
    'coercion that does nothing',
    document({ coercion: [{ when: {}, on: 'receive' }] }),
    ['coercion[0]: must have at least one of set, copy, remove, map: else it does nothing'],
  ],
  [
    'two listeners on one port, written or by default',
    document({
      listeners: [{ id: 'a', tls: { cert: 'file:/c', key: 'file:/k' } }, { id: 'b', port: 2762 }, { id: 'c' }, { id: 'd' }],
    }),
    [
      'listeners[1].port: 2762 is also the port of entry [0] (2762): give each listener its own',
      'listeners[3].port: is also the port of entry [2] (of the environment): give each listener its own',
    ],
  ],
  [
    'client certificates demanded but not checked',
    document({ listeners: [{ id: 'l', port: 104, tls: { cert: 'file:/c', key: 'file:/k', clientCert: 'required' } }] }),
    ['listeners[0].tls: must have clientCa when clientCert is required or optional: client certificates are checked against it'],
  ],
  [
    'a time zone that is none',
    document({ gateway: { timeZone: 'Berlin' } }),
    ['gateway.timeZone: "Berlin" must be a time zone of the IANA list, for example Europe/Berlin'],
  ],
  [
    'a query front for everybody by omission',
    document({ retrieval: { front: { aeTitle: 'QR', port: 105 } } }),
    ['retrieval.front.callers: is missing: it must be a list'],
  ],
];

const problemsOf = (source: unknown): GatewayDocumentError => {
  try {
    parseGatewayDocument(source);
  } catch (error) {
    assert.ok(error instanceof GatewayDocumentError, `${error}`);
    return error;
  }
  return assert.fail('the document was taken');
};

describe('a wrong gateway document', () => {
  it('differs from a right one', () => assert.equal(parseGatewayDocument(document({})).facilities.length, 1));

  for (const [title, source, lines] of wrong)
    it(`with ${title} is refused, and told how to put it right`, () =>
      assert.deepEqual(
        problemsOf(source).message.split('\n').slice(1),
        lines.map((line) => `- ${line}`),
      ));

  it(`is shown by ${wrong.length} examples, at least 40`, () => assert.ok(wrong.length >= 40));

  it('with several problems, of fields and of references, tells all of them at once', () => {
    const source = {
      gateway: { aeTitle: '' },
      limits: { idle: 5 },
      facilities: [{ id: 'a', match: [{}], destinations: ['nowhere'], retention: 'long' }],
      destinations: [{ id: 's', kind: 'stow', url: 'ftp://x' }],
      lanes: [{ when: { facility: ['b'] }, lane: 'fast' }],
    };
    const { problems, message } = problemsOf(source);
    assert.deepEqual(problems.map(({ path }) => path).sort(), [
      'destinations[0].url',
      'facilities[0].destinations[0]',
      'facilities[0].retention',
      'gateway.aeTitle',
      'lanes[0].lane',
      'lanes[0].when.facility',
      'limits.idle',
    ]);
    assert.match(message, /^the gateway document has 7 problems:\n/);
  });

  it('shortens long values', () => assert.ok(problemsOf(facility({ id: 'x'.repeat(10_000) })).message.length < 300));
});
