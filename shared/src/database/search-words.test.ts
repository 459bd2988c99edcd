// Folding and prefix queries of the study search.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { prefixQuery, searchWords } from './search-words.ts';

test('words are split at what is no letter or digit, folded, and named once; a UID is one word', () => {
  assert.deepEqual(searchWords(['MÜLLER^JÜRGEN', 'Müller-Lüdenscheidt', '1.2.840']), ['muller', 'jurgen', 'ludenscheidt', '1.2.840']);
});

test('ideographic and phonetic groups of a person name are words of their own', () => {
  assert.deepEqual(searchWords(['Yamada^Tarou=山田^太郎']), ['yamada', 'tarou', '山田', '太郎']);
});

test('a query cannot leave its quotes', () => {
  assert.equal(prefixQuery(`o'neil' | !x & (`), `'o':* & 'neil':* & 'x':*`);
  assert.equal(prefixQuery(` ^\\'--`), undefined);
});

test('a word longer than any name is cut, in the study as in the query', () => {
  assert.equal(searchWords(['x'.repeat(5000)])[0]?.length, 64);
  assert.equal(prefixQuery('x'.repeat(5000)), `'${'x'.repeat(64)}':*`);
});
