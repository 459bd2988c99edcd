// The safe subset of regular expressions: the same answers as the runtime's, never its run time.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compilePattern } from './linear-pattern.ts';

const cases: [pattern: string, text: string, expected: boolean][] = [
  ['MS44', 'MS44', true],
  ['MS4', 'MS44', false],
  ['^MS44$', 'MS44', true],
  ['MS\\d{2}', 'MS44', true],
  ['MS\\d{2}', 'MS4', false],
  ['MS(44|45)( .*)?', 'MS45 North', true],
  ['MS(44|45)( .*)?', 'MS45North', false],
  ['[^0-9]+', 'North', true],
  ['[^0-9]+', 'North1', false],
  ['[A-Z][a-z-]*', 'North-west', true],
  ['a{2,3}', 'aaaa', false],
  ['(?:ab)+', 'abab', true],
  ['.*Süd', 'Klinikum Süd', true],
  ['a\\.b', 'axb', false],
  ['(a*)*', '', true],
  ['a|', '', true],
  ['\\w+\\s\\W', 'x !', true],
  ['.', '😀', true],
  ['[]a]', ']', true],
  ['[a-]', '-', true],
];
const refused = [
  '(',
  ')',
  'a)',
  '[a',
  '*a',
  'a**',
  'a{3,2}',
  'a{101}',
  'a{',
  '(?=a)',
  '(?<n>a)',
  '\\1',
  '\\b',
  'a$b',
  'a^b',
  '[z-a]',
  '\\',
  'x'.repeat(201),
  '((a{100}){100}){100}',
];

describe('linear patterns', () => {
  for (const [pattern, text, expected] of cases)
    it(`${pattern} ${expected ? 'matches' : 'does not match'} ${JSON.stringify(text)} as a whole`, () =>
      assert.equal(compilePattern(pattern).matches(text), expected));
  for (const pattern of refused)
    it(`refuses ${pattern.slice(0, 30)} and says why`, () => assert.throws(() => compilePattern(pattern), /^Error: .{10}/));

  it('answers as the runtime does on 3,000 seeded patterns', () => {
    const random = seeded(11);
    let positive = 0;
    for (let at = 0; at < 3000; at++) {
      const pattern = randomPattern(random, 1);
      const text = Array.from({ length: random() % 7 }, () => 'ab1'[random() % 3]).join('');
      const expected = new RegExp(`^(?:${pattern})$`, 'u').test(text);
      positive += Number(expected);
      assert.equal(compilePattern(pattern).matches(text), expected, `${pattern} on ${text}`);
    }
    assert.ok(positive > 300, `only ${positive} matched: the generator says nothing`);
  });

  it('ends where backtracking takes for ever: (a+)+b against 1,000 a', { timeout: 10_000 }, () => {
    assert.equal(compilePattern('(a+)+(a*)*(a|a)*b').matches('a'.repeat(1000)), false);
  });

  it('ends with a refusal or an answer on 5,000 seeded strings of syntax', () => {
    const random = seeded(3);
    const characters = 'ab(|)[]{}?*+^$\\-:,0129.d';
    for (let at = 0; at < 5000; at++) {
      const pattern = Array.from({ length: random() % 20 }, () => characters[random() % characters.length]).join('');
      try {
        compilePattern(pattern).matches('ab01ab');
      } catch (error) {
        assert.ok((error as Error).constructor === Error, `${pattern}: ${error}`);
      }
    }
  });
});

function randomPattern(random: () => number, depth: number): string {
  const atoms = ['a', 'b', '1', '.', '\\d', '[ab]', '[^a]', '\\w'];
  const atom = () => (depth > 0 && random() % 3 === 0 ? `(${randomPattern(random, depth - 1)})` : atoms[random() % atoms.length]!);
  const quantifiers = ['', '', '', '*', '+', '?', '{2}', '{0,2}', '{1,}', '*?'];
  const sequence = () => Array.from({ length: 1 + (random() % 3) }, () => atom() + quantifiers[random() % quantifiers.length]).join('');
  return random() % 4 === 0 ? `${sequence()}|${sequence()}` : sequence();
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
