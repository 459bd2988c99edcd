// For tests: route decisions as a table: association and mapping value in, recipients, destinations and what is held out.
import type { Held } from '../events/facts.ts';
import type { AssociationFacts } from '../events/instance.ts';
import type { RouteFacts } from './decide-route.ts';
import { parseGatewayDocument } from './gateway-document.ts';

export const stow = (id: string) => ({ id, kind: 'stow', url: `https://${id}.example.org/dicom-web` });
export const endpoint = (id: string, rules: unknown[], more: object = {}) => ({
  id,
  model: 'endpoint',
  rules,
  destinations: [`${id}-pacs`],
  ...more,
});

export const routeDocument = parseGatewayDocument({
  facilities: [
    {
      id: 'north',
      match: [{ calledAe: 'NORTH' }, { network: '10.1.0.0/16' }, { tlsSubject: 'CN=n*' }],
      destinations: ['cloud', 'north-pacs'],
    },
    { id: 'south', match: [{ callingAe: 'SOUTH_CT' }, { tlsSubject: 'CN=*s' }], destinations: ['cloud'] },
    { id: 'bare', match: [{ calledAe: 'BARE' }] },
    { id: 'hub', model: 'hub', match: [{ calledAe: 'GATEWAY' }], mappingTag: 'InstitutionName', destinations: ['cloud'] },
    { id: 'lax', model: 'hub', match: [{ calledAe: 'LAX' }], mappingTag: '(0008,1040)', unmatched: 'hub', destinations: ['cloud'] },
    {
      id: 'pass',
      model: 'hub',
      match: [{ calledAe: 'PASS' }],
      mappingTag: 'association:callingAe',
      keepsCopy: false,
      destinations: ['cloud'],
    },
    {
      id: 'pass-lax',
      model: 'hub',
      match: [{ calledAe: 'PASSLAX' }],
      mappingTag: 'InstitutionName',
      keepsCopy: false,
      unmatched: 'hub',
      followStudy: false,
      destinations: ['cloud'],
    },
    { id: 'by-source', model: 'hub', match: [{ calledAe: 'SRC' }], mappingTag: 'association:source', destinations: ['cloud'] },
    { id: 'empty-hub', model: 'hub', match: [{ calledAe: 'EMPTY' }], mappingTag: 'InstitutionName' },
    endpoint(
      'ms44',
      [
        { hub: 'hub', value: 'MS44' },
        { hub: 'pass', value: 'CT44' },
        { hub: 'pass-lax', value: 'MS44' },
        { hub: 'lax', value: 'MS44' },
        { hub: 'empty-hub', value: 'MS44' },
      ],
      { match: [{ calledAe: 'MS44' }] },
    ),
    endpoint('ms45', [{ hub: 'hub', match: 'ignore-case', value: 'Klinikum Süd' }]),
    endpoint('ms46', [
      { hub: 'hub', match: 'wildcard', value: 'MS46*' },
      { hub: 'by-source', match: 'wildcard', value: '10.46.*' },
    ]),
    endpoint('ms47', [{ hub: 'hub', match: 'regex', value: 'MS4[67]( (East|West))?' }]),
    endpoint('cloudy', [{ hub: 'hub', value: 'CLOUDY' }], { destinations: ['cloud', 'cloudy-pacs'] }),
    endpoint('bare-end', [{ hub: 'hub', value: 'BARE' }], { destinations: [] }),
  ],
  destinations: ['cloud', 'north-pacs', 'ms44-pacs', 'ms45-pacs', 'ms46-pacs', 'ms47-pacs', 'cloudy-pacs'].map(stow),
});

const NOWHERE: AssociationFacts = { callingAe: 'ANY', calledAe: 'UNKNOWN', source: '203.0.113.5', listener: 'lan' };
export const to = (calledAe: string, institution?: string, more: Partial<RouteFacts> & { association?: never } = {}): RouteFacts => ({
  association: { ...NOWHERE, calledAe },
  attributes: institution === undefined ? {} : { InstitutionName: institution },
  ...more,
});
export const by = (association: Partial<AssociationFacts>, attributes: Record<string, string> = {}): RouteFacts => ({
  association: { ...NOWHERE, ...association },
  attributes,
});
export const assigned = (facts: RouteFacts, facilities: string[]): RouteFacts => ({ ...facts, assignment: { facilities, by: 'erika' } });

export interface ExpectedRoute {
  readonly facilities: string;
  readonly destinations: string;
  readonly held?: Held['reason'];
  readonly remember?: string;
}
const expected = (facilities: string, destinations: string, held?: Held['reason']): ExpectedRoute => ({ facilities, destinations, held });
const tagged = (facilities: string, destinations: string, remember: string): ExpectedRoute => ({ facilities, destinations, remember });

export const routeCases: [title: string, facts: RouteFacts, expected: ExpectedRoute][] = [
  ['a standard facility by called AE title gets its destinations', to('NORTH'), expected('north', 'cloud north-pacs')],
  ['a standard facility by calling AE title', by({ callingAe: 'SOUTH_CT' }), expected('south', 'cloud')],
  ['a standard facility by network', by({ source: '10.1.5.6' }), expected('north', 'cloud north-pacs')],
  ['a standard facility by TLS subject', by({ tlsSubject: 'CN=north' }), expected('north', 'cloud north-pacs')],
  ['padding of the called AE title does not count', to('NORTH  '), expected('north', 'cloud north-pacs')],
  ['the mapping tag says nothing at a standard facility', to('NORTH', 'MS44'), expected('north', 'cloud north-pacs')],
  ['no facility: held, sent nowhere', by({}), expected('', '', 'no-facility')],
  ['a called AE title in other case is no facility', to('north'), expected('', '', 'no-facility')],
  ['two facilities that tie: held, sent nowhere', by({ tlsSubject: 'CN=ns' }), expected('', '', 'ambiguous')],
  ['a standard facility without destinations: held', to('BARE'), expected('bare', '', 'no-destination')],
  ['an endpoint that receives directly is like a standard facility', to('MS44'), expected('ms44', 'ms44-pacs')],
  ['an endpoint that receives directly does not ask its rules', to('MS44', 'MS99'), expected('ms44', 'ms44-pacs')],

  ['at the hub, MS44 goes to the hub and to its endpoint', to('GATEWAY', 'MS44'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['at the hub, MS99 goes to the hub and is held', to('GATEWAY', 'MS99'), expected('hub', 'cloud', 'unmatched')],
  ['at the hub, a value without its last character matches nothing', to('GATEWAY', 'MS4'), expected('hub', 'cloud', 'unmatched')],
  ['at the hub, a value with more characters matches nothing', to('GATEWAY', 'MS440'), expected('hub', 'cloud', 'unmatched')],
  ['at the hub, exact is case sensitive', to('GATEWAY', 'ms44'), expected('hub', 'cloud', 'unmatched')],
  ['at the hub, trailing spaces do not count', to('GATEWAY', 'MS44   '), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['at the hub, leading spaces and NUL padding do not count', to('GATEWAY', '  MS44\0'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['at the hub, spaces inside count', to('GATEWAY', 'MS 44'), expected('hub', 'cloud', 'unmatched')],
  ['at the hub, no tag: the hub’s copy goes, the rest is held', to('GATEWAY'), expected('hub', 'cloud', 'unmatched')],
  ['at the hub, an empty tag is no tag', to('GATEWAY', '  '), expected('hub', 'cloud', 'unmatched')],
  ['ignore-case matches capitals', to('GATEWAY', 'KLINIKUM SÜD'), tagged('hub ms45', 'cloud ms45-pacs', 'ms45')],
  ['ignore-case matches decomposed accents', to('GATEWAY', 'klinikum su\u0308d'), tagged('hub ms45', 'cloud ms45-pacs', 'ms45')],
  ['ignore-case matches the whole value only', to('GATEWAY', 'Klinikum Süd 2'), expected('hub', 'cloud', 'unmatched')],
  ['wildcard matches with a rest', to('GATEWAY', 'MS46 North'), tagged('hub ms46', 'cloud ms46-pacs', 'ms46')],
  [
    'wildcard and regex match together: several endpoints',
    to('GATEWAY', 'MS46'),
    tagged('hub ms46 ms47', 'cloud ms46-pacs ms47-pacs', 'ms46 ms47'),
  ],
  ['wildcard is case sensitive', to('GATEWAY', 'ms46 north'), expected('hub', 'cloud', 'unmatched')],
  ['regex matches the whole value', to('GATEWAY', 'MS47 West'), tagged('hub ms47', 'cloud ms47-pacs', 'ms47')],
  ['regex does not match a part', to('GATEWAY', 'xMS47 West'), expected('hub', 'cloud', 'unmatched')],
  ['one of several values matches', to('GATEWAY', 'MS99\\MS44'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['two values match two endpoints', to('GATEWAY', 'MS44\\MS47'), tagged('hub ms44 ms47', 'cloud ms44-pacs ms47-pacs', 'ms44 ms47')],
  ['a destination that hub and endpoint share is due once', to('GATEWAY', 'CLOUDY'), tagged('hub cloudy', 'cloud cloudy-pacs', 'cloudy')],
  [
    'an endpoint without destinations: the hub’s copy goes, the endpoint’s is held',
    to('GATEWAY', 'BARE'),
    { ...tagged('hub bare-end', 'cloud', 'bare-end'), held: 'no-destination' },
  ],
  ['a rule of another hub does not count', to('LAX', undefined, { attributes: { '(0008,1040)': 'MS46' } }), expected('lax', 'cloud')],
  [
    'the mapping tag is read under the name as written',
    to('LAX', undefined, { attributes: { '(0008,1040)': 'MS44' } }),
    tagged('lax ms44', 'cloud ms44-pacs', 'ms44'),
  ],
  ['unmatched: hub holds nothing', to('LAX', 'MS44'), expected('lax', 'cloud')],
  ['a hub that keeps no copy only dispatches', by({ calledAe: 'PASS', callingAe: 'CT44' }), tagged('pass ms44', 'ms44-pacs', 'ms44')],
  ['a hub that keeps no copy holds what matches nothing', by({ calledAe: 'PASS', callingAe: 'CT99' }), expected('pass', '', 'unmatched')],
  ['a hub that keeps no copy takes what matches nothing where that is enough', to('PASSLAX', 'MS99'), expected('pass-lax', 'cloud')],
  ['… and takes nothing else', to('PASSLAX', 'MS44'), tagged('pass-lax ms44', 'ms44-pacs', 'ms44')],
  [
    'the source address can be the mapping value',
    by({ calledAe: 'SRC', source: '10.46.1.1' }),
    tagged('by-source ms46', 'cloud ms46-pacs', 'ms46'),
  ],
  [
    'a hub without destinations of its own holds the copy it should keep',
    to('EMPTY', 'MS44'),
    { ...tagged('empty-hub ms44', 'ms44-pacs', 'ms44'), held: 'no-destination' },
  ],
  ['a hub without destinations tells first that nothing matched', to('EMPTY', 'MS99'), expected('empty-hub', '', 'unmatched')],

  [
    'without the tag it follows its study',
    to('GATEWAY', undefined, { studyEndpoints: ['ms44', 'ms47'] }),
    expected('hub ms44 ms47', 'cloud ms44-pacs ms47-pacs'),
  ],
  [
    'with a tag that matches nothing it does not follow',
    to('GATEWAY', 'MS99', { studyEndpoints: ['ms44'] }),
    expected('hub', 'cloud', 'unmatched'),
  ],
  [
    'with a tag it goes by the tag, not by its study',
    to('GATEWAY', 'MS47', { studyEndpoints: ['ms44'] }),
    tagged('hub ms47', 'cloud ms47-pacs', 'ms47'),
  ],
  [
    'an endpoint that is gone is not followed',
    to('GATEWAY', undefined, { studyEndpoints: ['gone'] }),
    expected('hub', 'cloud', 'unmatched'),
  ],
  ['a hub without followStudy does not follow', to('PASSLAX', undefined, { studyEndpoints: ['ms44'] }), expected('pass-lax', 'cloud')],

  [
    'an assignment adds its facility and ends the waiting',
    assigned(to('GATEWAY', 'MS99'), ['ms44']),
    expected('hub ms44', 'cloud ms44-pacs'),
  ],
  [
    'an assignment to two facilities',
    assigned(to('GATEWAY', 'MS99'), ['ms44', 'ms45']),
    expected('hub ms44 ms45', 'cloud ms44-pacs ms45-pacs'),
  ],
  ['an assignment of what no facility matched', assigned(by({}), ['north']), expected('north', 'cloud north-pacs')],
  ['an assignment of what two tied for', assigned(by({ tlsSubject: 'CN=ns' }), ['south']), expected('south', 'cloud')],
  ['an assignment of what had no destination', assigned(to('BARE'), ['north']), expected('bare north', 'cloud north-pacs')],
  [
    'an assignment to a facility that got it already adds nothing',
    assigned(to('GATEWAY', 'MS44'), ['ms44']),
    tagged('hub ms44', 'cloud ms44-pacs', 'ms44'),
  ],
  ['an assignment to nobody: the hub’s copy is enough', assigned(to('GATEWAY', 'MS99'), []), expected('hub', 'cloud')],
  ['an assignment to nobody of what goes nowhere stays held', assigned(by({}), []), expected('', '', 'no-facility')],
  [
    'an assignment to a facility that is gone is held',
    assigned(to('GATEWAY', 'MS99'), ['gone']),
    expected('hub gone', 'cloud', 'no-destination'),
  ],
  [
    'an assignment to an endpoint without destinations is held',
    assigned(to('GATEWAY', 'MS99'), ['bare-end']),
    expected('hub bare-end', 'cloud', 'no-destination'),
  ],

  [
    'an endpoint that receives directly keeps nothing for a hub',
    to('MS44', undefined, { studyEndpoints: ['ms47'] }),
    expected('ms44', 'ms44-pacs'),
  ],
  ['a calling AE title beats no called AE title of a hub', by({ calledAe: 'LAX', callingAe: 'SOUTH_CT' }), expected('lax', 'cloud')],
  ['tabs and line ends around a value do not count', to('GATEWAY', '\tMS44\r\n'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['a no-break space behind a value does not count', to('GATEWAY', 'MS44\u00a0'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['a NUL inside a value counts', to('GATEWAY', 'MS\u000044'), expected('hub', 'cloud', 'unmatched')],
  ['full-width letters are others', to('GATEWAY', 'ＭＳ４４'), expected('hub', 'cloud', 'unmatched')],
  ['only delimiters are no value', to('GATEWAY', '\\\\'), expected('hub', 'cloud', 'unmatched')],
  ['the second of two values matches, the first is empty', to('GATEWAY', '\\MS44'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['each of several values is trimmed', to('GATEWAY', 'MS99 \\ MS44 '), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  ['a value that comes twice counts once', to('GATEWAY', 'MS44\\MS44'), tagged('hub ms44', 'cloud ms44-pacs', 'ms44')],
  [
    'three endpoints by two values',
    to('GATEWAY', 'MS44\\MS46'),
    tagged('hub ms44 ms46 ms47', 'cloud ms44-pacs ms46-pacs ms47-pacs', 'ms44 ms46 ms47'),
  ],
  ['regex takes the other of its choices', to('GATEWAY', 'MS46 East'), tagged('hub ms46 ms47', 'cloud ms46-pacs ms47-pacs', 'ms46 ms47')],
  ['regex takes no third choice', to('GATEWAY', 'MS47 North'), expected('hub', 'cloud', 'unmatched')],
  ['regex is case sensitive', to('GATEWAY', 'ms47'), expected('hub', 'cloud', 'unmatched')],
  ['regex does not match over a line end', to('GATEWAY', 'MS47\nMS44'), expected('hub', 'cloud', 'unmatched')],
  ['wildcard needs what stands before the star', to('GATEWAY', 'xMS46'), expected('hub', 'cloud', 'unmatched')],
  ['ignore-case matches mixed letters', to('GATEWAY', 'kLiNiKuM sÜd'), tagged('hub ms45', 'cloud ms45-pacs', 'ms45')],
  ['ignore-case takes no letter without its accent', to('GATEWAY', 'Klinikum Sud'), expected('hub', 'cloud', 'unmatched')],
  ['a value in another attribute is none', by({ calledAe: 'GATEWAY' }, { StationName: 'MS44' }), expected('hub', 'cloud', 'unmatched')],
  ['a value under another hub’s name is none', to('LAX', 'MS44'), expected('lax', 'cloud')],
  ['a name of every object’s is no attribute', by({ calledAe: 'GATEWAY' }, { toString: 'MS44' }), expected('hub', 'cloud', 'unmatched')],
  ['the source address of nobody is held', by({ calledAe: 'SRC', source: '10.47.1.1' }), expected('by-source', 'cloud', 'unmatched')],
  [
    'padding of an AE title as mapping value does not count',
    by({ calledAe: 'PASS', callingAe: 'CT44  ' }),
    tagged('pass ms44', 'ms44-pacs', 'ms44'),
  ],
  ['a hub that keeps no copy and needs none has what has no tag', to('PASSLAX'), expected('pass-lax', 'cloud')],
  [
    'a follower shares a destination with the hub',
    to('GATEWAY', undefined, { studyEndpoints: ['cloudy'] }),
    expected('hub cloudy', 'cloud cloudy-pacs'),
  ],
  [
    'a follower goes to those that are left',
    to('GATEWAY', '', { studyEndpoints: ['gone', 'ms44'] }),
    expected('hub ms44', 'cloud ms44-pacs'),
  ],
  [
    'a facility that is no endpoint is not followed',
    to('GATEWAY', undefined, { studyEndpoints: ['north'] }),
    expected('hub', 'cloud', 'unmatched'),
  ],
  ['an assignment to the hub itself is its copy', assigned(to('GATEWAY', 'MS99'), ['hub']), expected('hub', 'cloud')],
  [
    'an assignment at a hub that keeps no copy',
    assigned(by({ calledAe: 'PASS', callingAe: 'CT99' }), ['ms44']),
    expected('pass ms44', 'ms44-pacs'),
  ],
];
