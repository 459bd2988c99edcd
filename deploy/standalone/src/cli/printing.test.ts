// How answers are printed: tables, changes, problems.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printChanges, printProblems, printRemarks } from './print-changes.ts';
import { plainText, printTable } from './print-table.ts';
import { age, bytes, moment, plural } from './wording.ts';

describe('a table', () => {
  const columns = [
    { title: 'name', value: ({ name }: { name: string }) => name },
    { title: 'n', value: ({ n }: { n: number }) => n },
  ] as const;

  test('aligns its columns, numbers to the right, and ends no line with spaces', () => {
    const rows = [
      { name: 'a', n: 5 },
      { name: 'longer', n: 1234 },
    ];
    assert.equal(printTable<(typeof rows)[number]>(columns, rows, 'none'), 'name       n\na          5\nlonger  1234');
  });

  test('without rows is the sentence that says so', () => {
    assert.equal(printTable<{ name: string; n: number }>(columns, [], 'Nothing waits.'), 'Nothing waits.');
  });

  test('prints no control character of a value: a header cannot move the cursor or write on a second line', () => {
    assert.equal(plainText('DOE\u001b[2J^JOHN\r\nrm\u009b31m\u202eX'), 'DOE [2J^JOHN rm 31m X');
  });

  test('cuts what is too long, and says that it did', () => {
    assert.equal(plainText('x'.repeat(200)), `${'x'.repeat(99)}…`);
    assert.equal(plainText('x'.repeat(100)), 'x'.repeat(100));
  });
});

describe('changes', () => {
  test('are a line each with sign, path and values', () => {
    const changes = [
      { path: 'facilities[north].destinations', kind: 'changed', before: ['a'], after: ['a', 'b'] },
      { path: 'destinations[b]', kind: 'added', after: { id: 'b' } },
      { path: 'destinations[c]', kind: 'removed', before: { id: 'c' } },
    ] as const;
    assert.equal(
      printChanges(changes),
      '3 changes\n  ~ facilities[north].destinations: ["a"] -> ["a","b"]\n  + destinations[b]: {"id":"b"}\n  - destinations[c]: {"id":"c"}',
    );
    assert.equal(printChanges([]), 'no changes');
  });

  test('warnings and fields that are not acted on are told; nothing to remark is nothing', () => {
    const warnings = [{ path: 'facilities[0].match', warning: 'can never match' }];
    assert.equal(
      printRemarks({ warnings, notActedOn: ['a', 'b'] }),
      'warning: facilities[0].match: can never match\nwarning: this version does not act on a, b',
    );
    assert.equal(printRemarks({ warnings: [], notActedOn: [] }), undefined);
  });

  test('every problem is a line with path, value and what is allowed', () => {
    const problems = [
      { path: 'limits.artim', value: '30', problem: 'must be a duration' },
      { path: '', problem: 'is not YAML at line 3' },
    ];
    assert.equal(printProblems(problems), '2 problems\n- limits.artim: 30 must be a duration\n- the document: is not YAML at line 3');
  });
});

describe('wording', () => {
  test('sizes, ages and counts are rounded as people say them', () => {
    assert.deepEqual(
      [bytes(0), bytes(1023), bytes(1536), bytes(5 * 1024 ** 4), bytes(250 * 1024 ** 3)],
      ['0 B', '1023 B', '1.5 KiB', '5.0 TiB', '250 GiB'],
    );
    assert.deepEqual([age(-3), age(119), age(120), age(7_200), age(200_000)], ['0 s', '119 s', '2 min', '2 h', '2 days']);
    assert.deepEqual([plural(1, 'delivery', 'deliveries'), plural(0, 'fact')], ['1 delivery', '0 facts']);
  });

  test('a moment is local, to the second', () => {
    assert.equal(moment(new Date(2026, 0, 5, 9, 7, 3).toISOString()), '2026-01-05 09:07:03');
    assert.equal(moment(null), '-');
  });
});
