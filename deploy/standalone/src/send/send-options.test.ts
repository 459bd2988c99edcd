// The command line of `npm run send`.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readSendOptions, UsageProblem } from './send-options.ts';

test('without options it goes to this machine, GATEWAY, one association, one repeat', () => {
  const options = readSendOptions(['a.dcm'], {});
  assert.deepEqual(options, {
    paths: ['a.dcm'],
    synthetic: undefined,
    host: '127.0.0.1',
    port: 4104,
    calledAe: 'GATEWAY',
    callingAe: 'CAUSEWAY_SEND',
    associations: 1,
    retries: 1,
    logFile: undefined,
    quiet: false,
  });
});

test('the port of the environment holds unless one is given', () => {
  assert.equal(readSendOptions(['a'], { CAUSEWAY_DICOM_PORT: '11112' }).port, 11112);
  assert.equal(readSendOptions(['a', '--port', '104'], { CAUSEWAY_DICOM_PORT: '11112' }).port, 104);
});

test('synthetic studies take shape, size, institution and seed', () => {
  const { synthetic } = readSendOptions(['--synthetic', '3x40', '--seed', '5', '--institution', 'MS44', '--multi-frame', '9'], {});
  assert.deepEqual(synthetic, { studies: 3, instances: 40, seed: 5, rows: 512, columns: 512, frames: 9, institution: 'MS44' });
});

test('two runs without a seed draw different ones', () => {
  const seed = (): number => readSendOptions(['--synthetic', '1x1'], {}).synthetic!.seed;
  assert.notDeepEqual([seed(), seed(), seed()], [seed(), seed(), seed()]);
});

for (const wrong of [
  [],
  ['--synthetic', '3'],
  ['--synthetic', '0x5'],
  ['--synthetic', '1x1', 'file'],
  ['a', '--port', 'x'],
  ['a', '--associations', '0'],
  ['a', '--retries', '-1'],
  ['a', '--called', 'SEVENTEEN_LETTERS'],
  ['a', '--called', 'BACK\\SLASH'],
  ['a', '--unknown'],
])
  test(`it refuses: ${wrong.join(' ') || '(nothing)'}`, () => {
    assert.throws(() => readSendOptions(wrong, {}), UsageProblem);
  });
