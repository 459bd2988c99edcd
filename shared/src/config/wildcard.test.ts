// Wildcards match whole texts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wildcard } from './wildcard.ts';

const cases: [pattern: string, text: string, expected: boolean][] = [
  ['CN=north*', 'CN=north-ct1,O=North', true],
  ['CN=north*', 'O=x,CN=north', false],
  ['*north*', 'O=x,CN=north', true],
  ['MS4?', 'MS44', true],
  ['MS4?', 'MS4', false],
  ['MS4?', 'MS444', false],
  ['*', '', true],
  ['', '', true],
  ['', 'a', false],
  ['a*b*c', 'aXbXbXc', true],
  ['a*b*c', 'aXbXbX', false],
  ['**a', 'ba', true],
  ['.', 'x', false],
  ['?', '😀', true],
];

describe('wildcards', () => {
  for (const [pattern, text, expected] of cases)
    it(`${JSON.stringify(pattern)} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () =>
      assert.equal(wildcard(pattern)(text), expected));

  it('agrees with the regular expression it stands for on 5,000 seeded cases', () => {
    let state = 5;
    const random = (below: number) => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return (state >>> 8) % below;
    };
    const draw = (letters: string) => Array.from({ length: random(8) }, () => letters[random(letters.length)]).join('');
    for (let at = 0; at < 5000; at++) {
      const [pattern, text] = [draw('ab*?'), draw('ab')];
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
      assert.equal(wildcard(pattern)(text), expected, `${pattern} on ${text}`);
    }
  });
});
