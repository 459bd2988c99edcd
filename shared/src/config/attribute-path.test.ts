// Attribute names: keyword, tag, path; nothing else.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { attributePath } from './attribute-path.ts';

const cases: [name: string, path: string | undefined][] = [
  ['InstitutionName', '00080080'],
  ['RequestedProcedurePriority', '00401003'],
  ['(0008,0080)', '00080080'],
  ['0008,103e', '0008103E'],
  ['(0009,1010)', '00091010'],
  ['00321064.00080100', '00321064.00080100'],
  ['0032106a.00080100', '0032106A.00080100'],
  ['institutionname', undefined],
  ['NoSuchKeyword', undefined],
  ['toString', undefined],
  ['constructor', undefined],
  ['(0008,008)', undefined],
  ['00080080.', undefined],
  ['association:callingAe', undefined],
  ['', undefined],
];

describe('attribute paths', () => {
  for (const [name, path] of cases)
    it(`${JSON.stringify(name)} is ${path ?? 'no attribute'}`, () => assert.equal(attributePath(name), path));
});
