// Wildcards match whole texts.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { wildcard, wildcardCovers, wildcardsMeet } from './wildcard.ts';

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
    const draw = drawing(5, 8);
    for (let at = 0; at < 5000; at++) {
      const [pattern, text] = [draw('ab*?'), draw('ab')];
      const expected = new RegExp(`^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`).test(text);
      assert.equal(wildcard(pattern)(text), expected, `${pattern} on ${text}`);
    }
  });
});

const meets = (one: string, other: string): boolean => wildcardsMeet(one, other, { left: 1000 });

describe('two wildcards', () => {
  const pairs: [one: string, other: string, meet: boolean, covers: boolean][] = [
    ['CN=north*', 'CN=north-ct*', true, true],
    ['CN=north-ct*', 'CN=north*', true, false],
    ['CN=n*', 'CN=*s', true, false],
    ['CN=north*', 'CN=south*', false, false],
    ['*,O=North', '*,O=South', false, false],
    ['*', '', true, true],
    ['?', '', false, false],
    ['?', '*', true, false],
    ['a?', 'ab', true, true],
    ['ab', 'a?', true, false],
    ['*a*', '*b*', true, false],
    ['**', '*', true, true],
    ['a*b', 'a*c*b', true, true],
  ];
  for (const [one, other, meet, covers] of pairs)
    it(`${one} ${meet ? 'meets' : 'does not meet'} and ${covers ? 'covers' : 'does not cover'} ${other || 'nothing'}`, () => {
      assert.deepEqual([meets(one, other), meets(other, one)], [meet, meet]);
      assert.equal(wildcardCovers(one, other), covers);
    });

  it('meet exactly when a text of six letters at most fits both, and cover only when no text says otherwise, on 2,000 seeded pairs', () => {
    const draw = drawing(7, 4);
    const texts = ['', 'a', 'b'].flatMap((one) => ['', 'a', 'b'].flatMap((two) => ['', 'a', 'b'].map((three) => one + two + three)));
    const longer = texts.flatMap((text) => texts.map((more) => text + more));
    for (let at = 0; at < 2000; at++) {
      const [one, other] = [draw('ab*?'), draw('ab*?')];
      const [fitsOne, fitsOther] = [wildcard(one), wildcard(other)];
      const both = longer.some((text) => fitsOne(text) && fitsOther(text));
      assert.equal(meets(one, other), both, `${one} and ${other}`);
      if (wildcardCovers(one, other))
        assert.ok(
          longer.every((text) => !fitsOther(text) || fitsOne(text)),
          `${one} covers ${other}`,
        );
    }
  });

  it('that take more steps than are left may meet, and no more are taken', () => {
    const steps = { left: 100 };
    assert.equal(wildcardsMeet('*a'.repeat(100), `${'*a'.repeat(100)}b`, steps), true);
    assert.equal(steps.left, 0);
  });
});

/** Seeded texts of fewer than `most` of the letters given. */
function drawing(seed: number, most: number): (letters: string) => string {
  let state = seed;
  const random = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state >>> 8) % below;
  };
  return (letters) => Array.from({ length: random(most) }, () => letters[random(letters.length)]).join('');
}
