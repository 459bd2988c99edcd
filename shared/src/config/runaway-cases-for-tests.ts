// For tests: rules and values on which a backtracking engine would not come back in this life.
import type { RouteFacts } from './decide-route.ts';
import { parseGatewayDocument } from './gateway-document.ts';

/** Rule to an end of the value with which it fits; as many `a` stand before it as a value may have. */
const RULES: [match: 'regex' | 'wildcard', value: string, end: string][] = [
  ['regex', '(a+)+b', 'b'],
  ['regex', '(a|a)*b', 'b'],
  ['regex', '(a|aa)+b', 'b'],
  ['regex', '(a*)*b', 'b'],
  ['regex', '([a-z]+)*\\d', '1'],
  ['regex', '(.*)(.*)(.*)(.*)(.*)x', 'x'],
  ['regex', '(a?){100}a{100}.*y', 'y'],
  ['wildcard', '*a*a*a*a*a*a*a*a*a*z', 'z'],
];
const MOST = 1000;

export const runawayDocument = parseGatewayDocument({
  facilities: [
    { id: 'hub', model: 'hub', match: [{}], mappingTag: 'InstitutionName', destinations: ['cloud'] },
    ...RULES.map(([match, value], n) => ({
      id: `rule${n}`,
      model: 'endpoint',
      rules: [{ hub: 'hub', match, value }],
      destinations: ['cloud'],
    })),
  ],
  destinations: [{ id: 'cloud', kind: 'stow', url: 'https://cloud.example.org/dicom-web' }],
});

const factsOf = (InstitutionName: string): RouteFacts => ({
  association: { callingAe: 'CT1', calledAe: 'ANY', source: '192.0.2.1', listener: 'lan' },
  attributes: { InstitutionName },
});

/** `endpoint`: that the value is for, and gets it; undefined: the value is for nobody. */
export const runawayCases: [title: string, facts: RouteFacts, endpoint: string | undefined][] = RULES.flatMap(([match, value, end], n) => [
  [`${match} ${value} fits ${MOST} a and ${end}`, factsOf('a'.repeat(MOST) + end), `rule${n}`] as const,
  [`${match} ${value} does not fit ${MOST} a and !`, factsOf(`${'a'.repeat(MOST)}!`), undefined] as const,
]).map(([title, facts, endpoint]) => [title, facts, endpoint]);
