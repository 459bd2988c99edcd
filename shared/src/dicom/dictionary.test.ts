// The dictionary: what it says of single tags, and that its table is the one that dcmjs gives.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dictionaryVr, vrOfTag } from './dictionary.ts';
import { dictionaryTable } from './dictionary-generate.ts';

test('the committed table is what the generator makes of the installed dcmjs', async () => {
  assert.equal(readFileSync(new URL('./dictionary-table.ts', import.meta.url), 'utf8'), await dictionaryTable());
});

test('standard tags have the VR of PS3.6', () => {
  const expected: [number, string][] = [
    [0x00080005, 'CS'],
    [0x00080018, 'UI'],
    [0x00100010, 'PN'],
    [0x00100020, 'LO'],
    [0x00280010, 'US'],
    [0x00281050, 'DS'],
    [0x00321064, 'SQ'],
    [0x00400275, 'SQ'],
    [0x00041200, 'UL'],
    [0x7fe00001, 'OV'],
    [0xfffcfffc, 'OB'],
    [0x00189810, 'xs'],
    [0x7fe00010, 'ox'],
    [0x00283006, 'lt'],
  ];
  for (const [tag, vr] of expected) assert.equal(dictionaryVr(tag), vr, tag.toString(16));
});

test('overlays and curves of every repeating group have the VR of the first, and odd groups among them do not', () => {
  assert.equal(dictionaryVr(0x60000010), 'US');
  assert.equal(dictionaryVr(0x601e0010), 'US');
  assert.equal(dictionaryVr(0x60023000), 'ox');
  assert.equal(dictionaryVr(0x50040005), 'US');
  assert.equal(dictionaryVr(0x60011010), undefined);
});

test('private elements are unknown, but for their creators and group lengths', () => {
  assert.equal(dictionaryVr(0x00091010), undefined);
  assert.equal(dictionaryVr(0x00090010), 'LO');
  assert.equal(dictionaryVr(0x000900ff), 'LO');
  assert.equal(dictionaryVr(0x00090000), 'UL');
  assert.equal(vrOfTag(0x00091010), 'UN');
});
