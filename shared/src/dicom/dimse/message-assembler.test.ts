// Messages out of fragments, in every legal order, and the illegal orders of PS3.8 Annex E refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PduError } from '../upper-layer/pdu-reader.ts';
import { encodeCommandSet } from './command-set.ts';
import { MessageAssembler } from './message-assembler.ts';

const STORE = encodeCommandSet({ commandField: 1, messageId: 9, commandDataSetType: 1 });
const ECHO = encodeCommandSet({ commandField: 0x30, messageId: 10, commandDataSetType: 0x0101 });

function assembler() {
  const seen: string[] = [];
  const one = new MessageAssembler({
    command: (command, contextId, hasDataSet) =>
      seen.push(`${command.number('messageId')} on ${contextId}${hasDataSet ? ' with data' : ''}`),
    dataSetSlice: (slice) => seen.push(slice.toString('latin1')),
    dataSetEnded: () => seen.push('end'),
  });
  const command = (bytes: Buffer, isLast = true, contextId = 1) => one.fragment({ contextId, isCommand: true, isLast }, bytes, true);
  const data = (text: string, isLast = false, contextId = 1) =>
    one.fragment({ contextId, isCommand: false, isLast }, Buffer.from(text), true);
  return { seen, one, command, data };
}

test('a command in one piece, its data set in three, and the next message on another context', () => {
  const { seen, command, data } = assembler();
  command(STORE);
  data('a');
  data('b');
  data('', true);
  command(ECHO, true, 3);
  assert.deepEqual(seen, ['9 on 1 with data', 'a', 'b', 'end', '10 on 3']);
});

test('a command in single bytes is put together again', () => {
  const { seen, one } = assembler();
  const header = { contextId: 1, isCommand: true, isLast: true };
  for (let at = 0; at < ECHO.length; at++) one.fragment(header, ECHO.subarray(at, at + 1), at === ECHO.length - 1);
  const pieces = { ...header, isLast: false };
  for (let at = 0; at < STORE.length; at++) one.fragment({ ...pieces, isLast: at === STORE.length - 1 }, STORE.subarray(at, at + 1), true);
  assert.deepEqual(seen, ['10 on 1', '9 on 1 with data']);
});

test('the end of the last slice ends the data set, not the last bit alone', () => {
  const { seen, one, command } = assembler();
  command(STORE);
  one.fragment({ contextId: 1, isCommand: false, isLast: true }, Buffer.from('x'), false);
  one.fragment({ contextId: 1, isCommand: false, isLast: true }, Buffer.from('y'), true);
  assert.deepEqual(seen, ['9 on 1 with data', 'x', 'y', 'end']);
});

function refuses(act: () => void, message: RegExp): void {
  assert.throws(act, (error) => error instanceof PduError && error.reason === 6 && message.test(error.message));
}

test('interleaving, data without a command and a command within data are refused', () => {
  refuses(() => assembler().data('x'), /without a command/);
  const within = assembler();
  within.command(STORE);
  refuses(() => within.command(ECHO), /before the end/);
  const interleaved = assembler();
  interleaved.command(STORE);
  refuses(() => interleaved.data('x', true, 3), /context 3 within a message on context 1/);
  const half = assembler();
  half.command(STORE.subarray(0, 10), false);
  refuses(() => half.data('x'), /without a command/);
});

test('a broken or incomplete command is refused, and so is one beyond 64 KiB', () => {
  refuses(() => assembler().command(Buffer.from('08000001020000003080', 'hex')), /group 0008/);
  refuses(() => assembler().command(Buffer.alloc(0)), /without commandField/);
  refuses(() => assembler().command(encodeCommandSet({ commandField: 1 })), /without commandDataSetType/);
  const endless = assembler();
  refuses(() => {
    for (let count = 0; count < 100; count++) endless.command(Buffer.alloc(1000), false);
  }, /more than 65536/);
});

test('a fragment on context 0, which is none, is not put in front of a message on another context', () => {
  const { seen, command } = assembler();
  command(ECHO.subarray(0, 20), false, 0);
  assert.throws(() => command(ECHO.subarray(20), true, 3), PduError);
  assert.deepEqual(seen, []);
});
