// The differences of two documents as a table: before and after in, changes out.
// biome-ignore-all lint/suspicious/noThenProperty: `then` is the document's word, and never a function
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type DocumentChange, documentChanges } from './document-changes.ts';

const north = { id: 'north', match: [{}], destinations: ['cloud'] };
const south = { id: 'south', match: [{ calledAe: 'SOUTH' }], destinations: ['cloud', 'pacs'] };
const ct = { when: { modality: 'CT' }, then: { syntax: 'unchanged' } };
const mr = { when: { modality: 'MR' }, then: { syntax: 'unchanged' } };
const rest = { when: {}, then: { syntax: 'htj2k-lossless' } };

const cases: [title: string, before: unknown, after: unknown, changes: DocumentChange[]][] = [
  ['two documents alike have no change', { facilities: [north] }, { facilities: [structuredClone(north)] }, []],
  ['two empty ones have none', {}, {}, []],
  [
    'the order of fields is no change',
    { facilities: [{ id: 'a', name: 'A' }], lanes: [] },
    { lanes: [], facilities: [{ name: 'A', id: 'a' }] },
    [],
  ],
  ['a section that is new, with what it holds', {}, { facilities: [north] }, [{ path: 'facilities', kind: 'added', after: [north] }]],
  ['a section that is gone', { lanes: [ct] }, {}, [{ path: 'lanes', kind: 'removed', before: [ct] }]],
  [
    'a facility that is new is named by its id',
    { facilities: [north] },
    { facilities: [south, north] },
    [{ path: 'facilities[south]', kind: 'added', after: south }],
  ],
  [
    'a facility that is gone, before one that stays',
    { facilities: [north, south] },
    { facilities: [south] },
    [{ path: 'facilities[north]', kind: 'removed', before: north }],
  ],
  [
    'a facility under another id is another one',
    { facilities: [north] },
    { facilities: [{ ...north, id: 'north2' }] },
    [
      { path: 'facilities[north]', kind: 'removed', before: north },
      { path: 'facilities[north2]', kind: 'added', after: { ...north, id: 'north2' } },
    ],
  ],
  [
    'facilities in another order are told once, by their ids, beside what changed in them',
    { facilities: [north, south] },
    { facilities: [{ ...south, weight: 3 }, north] },
    [
      { path: 'facilities', kind: 'changed', before: ['north', 'south'], after: ['south', 'north'] },
      { path: 'facilities[south].weight', kind: 'added', after: 3 },
    ],
  ],
  [
    'the destinations of a facility are one value, in their order',
    { facilities: [south] },
    { facilities: [{ ...south, destinations: ['pacs', 'cloud'] }] },
    [{ path: 'facilities[south].destinations', kind: 'changed', before: ['cloud', 'pacs'], after: ['pacs', 'cloud'] }],
  ],
  [
    'a field far inside',
    { destinations: [{ id: 'cloud', retry: { first: '5s', max: '10m' } }] },
    { destinations: [{ id: 'cloud', retry: { first: '5s', max: '1h' } }] },
    [{ path: 'destinations[cloud].retry.max', kind: 'changed', before: '10m', after: '1h' }],
  ],
  [
    'false, 0 and an empty text are values, not nothing',
    { a: false, b: 0, c: '' },
    { a: 0, b: '', c: false },
    [
      { path: 'a', kind: 'changed', before: false, after: 0 },
      { path: 'b', kind: 'changed', before: 0, after: '' },
      { path: 'c', kind: 'changed', before: '', after: false },
    ],
  ],
  [
    'a value that became a list',
    { lanes: [{ when: { modality: 'CT' } }] },
    { lanes: [{ when: { modality: ['CT'] } }] },
    [{ path: 'lanes[0].when.modality', kind: 'changed', before: 'CT', after: ['CT'] }],
  ],
  [
    'a match row that is put before another is one change, where it stands now',
    { facilities: [south] },
    { facilities: [{ ...south, match: [{ callingAe: 'CT1' }, { calledAe: 'SOUTH' }] }] },
    [{ path: 'facilities[south].match[0]', kind: 'added', after: { callingAe: 'CT1' } }],
  ],
  [
    'a rule put first',
    { compression: [mr, rest] },
    { compression: [ct, mr, rest] },
    [{ path: 'compression[0]', kind: 'added', after: ct }],
  ],
  [
    'a rule put between',
    { compression: [ct, rest] },
    { compression: [ct, mr, rest] },
    [{ path: 'compression[1]', kind: 'added', after: mr }],
  ],
  [
    'a rule taken from the middle',
    { compression: [ct, mr, rest] },
    { compression: [ct, rest] },
    [{ path: 'compression[1]', kind: 'removed', before: mr }],
  ],
  ['the last of three rules alike', { lanes: [ct, ct, ct] }, { lanes: [ct, ct] }, [{ path: 'lanes[2]', kind: 'removed', before: ct }]],
  [
    'a rule that was changed where it stands',
    { compression: [ct, rest] },
    { compression: [{ ...ct, then: { syntax: 'rle' } }, rest] },
    [{ path: 'compression[0].then.syntax', kind: 'changed', before: 'unchanged', after: 'rle' }],
  ],
  [
    'rules in another order differ position by position',
    { compression: [ct, mr, rest] },
    { compression: [mr, ct, rest] },
    [
      { path: 'compression[0].when.modality', kind: 'changed', before: 'CT', after: 'MR' },
      { path: 'compression[1].when.modality', kind: 'changed', before: 'MR', after: 'CT' },
    ],
  ],
  ['the first rule of a list that was empty', { lanes: [] }, { lanes: [ct] }, [{ path: 'lanes[0]', kind: 'added', after: ct }]],
  [
    'a name that is a tag stands in quotes',
    { coercion: [{ set: { '(0009,1010)': 'A', InstitutionName: 'B' } }] },
    { coercion: [{ set: { '(0009,1010)': 'C', InstitutionName: 'B' } }] },
    [{ path: 'coercion[0].set["(0009,1010)"]', kind: 'changed', before: 'A', after: 'C' }],
  ],
  [
    'an AE title as a name, by its own name',
    { retrieval: { front: { moveDestinations: { VIEWER1: { port: 104 } } } } },
    { retrieval: { front: { moveDestinations: { VIEWER1: { port: 105 } } } } },
    [{ path: 'retrieval.front.moveDestinations.VIEWER1.port', kind: 'changed', before: 104, after: 105 }],
  ],
  [
    'a name that every object inherits is no field until it is written',
    {},
    { constructor: 'x' },
    [{ path: 'constructor', kind: 'added', after: 'x' }],
  ],
  [
    'an id that stands twice makes the list one of positions',
    { listeners: [{ id: 'a' }, { id: 'a', port: 1 }] },
    { listeners: [{ id: 'a' }, { id: 'a', port: 2 }] },
    [{ path: 'listeners[1].port', kind: 'changed', before: 1, after: 2 }],
  ],
];

describe('the changes of a gateway document', () => {
  for (const [title, before, after, changes] of cases) it(title, () => assert.deepEqual(documentChanges(before, after), changes));

  it('leave both documents as they are', () => {
    const [before, after] = [{ lanes: [ct, mr] }, { lanes: [mr] }];
    const copies = structuredClone([before, after]);
    documentChanges(before, after);
    assert.deepEqual([before, after], copies);
  });
});
