// What each VR may hold, and the bytes it becomes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeText } from './charset.ts';
import { encodeValue, isWritableVr, UnfitValue, valueProblem } from './value-text.ts';

const REFUSED: [vr: string, text: string, problem: RegExp][] = [
  ['LO', 'x'.repeat(65), /at most 64 characters/],
  ['LO', `A\\${'x'.repeat(65)}`, /at most 64/],
  ['LO', 'two\nlines', /control characters/],
  ['LO', '\x1b$B', /control characters/],
  ['SH', 'x'.repeat(17), /at most 16/],
  ['PN', `A^B=${'x'.repeat(65)}`, /at most 64/],
  ['CS', 'lower', /capital letters/],
  ['CS', 'A'.repeat(17), /at most 16/],
  ['DA', '2026-01-31', /a date such as/],
  ['TM', '12:00', /a time such as/],
  ['DT', 'now', /a date and time/],
  ['AS', '45', /an age such as/],
  ['IS', '1.5', /a whole number/],
  ['DS', 'wide', /a decimal number/],
  ['UI', 'abc', /digits and dots/],
  ['UR', 'http://a b', /an address/],
  ['US', '65536', /from 0 to 65535/],
  ['US', '-1', /from 0 to 65535/],
  ['SS', '32768', /from -32768 to 32767/],
  ['UL', 'x', /a whole number/],
  ['FD', 'x', /a number/],
  ['SQ', '', /holds text or numbers/],
  ['OB', 'x', /holds text or numbers/],
];
for (const [vr, text, problem] of REFUSED)
  test(`${vr} takes no ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.match(valueProblem(vr, text) ?? '', problem);
    assert.throws(() => encodeValue(text, vr, []), UnfitValue);
  });

const TAKEN: [vr: string, text: string][] = [
  ['LO', 'x'.repeat(64)],
  ['LO', 'A\\B'],
  ['LT', 'two\r\nlines \\ and a backslash'],
  ['PN', `${'x'.repeat(64)}=${'y'.repeat(64)}`],
  ['CS', 'ORIGINAL\\PRIMARY'],
  ['DA', '20260131'],
  ['TM', '235959.123456'],
  ['DT', '20260131235959.123000+0100'],
  ['AS', '045Y'],
  ['IS', '-12\\+3'],
  ['DS', '-1.5e3\\.5'],
  ['UI', '1.2.3'],
  ['US', '0\\65535'],
  ['SS', '-32768\\32767'],
  ['UL', '4294967295'],
  ['SL', '-2'],
  ['UV', '18446744073709551615'],
  ['SV', '-9223372036854775808'],
  ['FL', '1.5'],
  ['FD', '-0.1'],
  ['SH', ''],
  ['US', ''],
];
for (const [vr, text] of TAKEN)
  test(`${vr} takes ${JSON.stringify(text.slice(0, 30))}, and it is read again`, () => {
    assert.equal(valueProblem(vr, text), undefined);
    assert.equal(decodeText(encodeValue(text, vr, []), vr, []), text);
  });

test('a character that the set of the data set lacks is named by its set, not by itself', () => {
  assert.throws(() => encodeValue('Köln', 'LO', ['ISO_IR 144']), {
    name: 'UnfitValue',
    message: /character set of the data set \(ISO_IR 144\)/,
  });
  assert.throws(() => encodeValue('Köln', 'LO', []), /\(none, which means ASCII\)/);
  assert.deepEqual(encodeValue('Köln', 'LO', ['ISO_IR 100']), Buffer.from('K\xf6ln', 'latin1'));
});

test('sequences and bulk data are not written from text', () => {
  assert.deepEqual(['SQ', 'OB', 'OW', 'UN', 'AT', 'toString'].map(isWritableVr), [false, false, false, false, false, false]);
});
