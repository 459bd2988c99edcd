// Command sets: written as PS3.7 says, read back, and refused when broken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CommandSet, CommandSetError, encodeCommandSet } from './command-set.ts';

test('elements are written in ascending order behind the group length, whatever the order of the fields', () => {
  const bytes = encodeCommandSet({
    status: 0,
    commandField: 0x8030,
    messageIdBeingRespondedTo: 7,
    affectedSopClassUid: '1.2.3',
    commandDataSetType: 0x0101,
  });
  assert.equal(
    bytes.toString('hex'),
    [
      '0000000004000000' + '36000000',
      '0000020006000000' + '312e322e3300',
      '0000000102000000' + '3080',
      '0000200102000000' + '0700',
      '0000000802000000' + '0101',
      '0000000902000000' + '0000',
    ].join(''),
  );
});

test('numbers, texts and tags are read back, padding of any kind trimmed', () => {
  const command = CommandSet.decode(
    encodeCommandSet({
      status: 0xa900,
      affectedSopInstanceUid: '1.2.3',
      errorComment: 'odd',
      offendingElement: [0x0020000d, 0x7fe00010],
      moveOriginatorAe: ' AE ',
    }),
  );
  assert.equal(command.number('status'), 0xa900);
  assert.equal(command.text('affectedSopInstanceUid'), '1.2.3');
  assert.equal(command.text('errorComment'), 'odd');
  assert.equal(command.text('moveOriginatorAe'), 'AE');
  assert.deepEqual(command.tags('offendingElement'), [0x0020000d, 0x7fe00010]);
});

test('what is missing is undefined, empty or no tags, and a number of another size is missing', () => {
  const command = CommandSet.decode(Buffer.from('0000100103000000070000', 'hex'));
  assert.equal(command.number('messageId'), undefined);
  assert.equal(command.number('status'), undefined);
  assert.equal(command.text('errorComment'), '');
  assert.deepEqual(command.tags('offendingElement'), []);
});

const BROKEN: [name: string, hex: string][] = [
  ['a header that ends early', '00000001020000'],
  ['a value that ends early', '00000001040000003080'],
  ['a length of 4 GiB', '00000001ffffffff3080'],
  ['an element of group 0008', '08000001020000003080'],
];

for (const [name, hex] of BROKEN) {
  test(`${name} is refused`, () => {
    assert.throws(() => CommandSet.decode(Buffer.from(hex, 'hex')), CommandSetError);
  });
}
