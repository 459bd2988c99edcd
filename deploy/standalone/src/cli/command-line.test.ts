// The command line of `npm run causeway`.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Command, FLAG, numberOf, TEXT, UsageProblem } from './command.ts';
import { CommandProblem, HelpWanted, readCommandLine, usageOf, usageOfAll } from './command-line.ts';

const done = async (): Promise<boolean> => true;
const commands: readonly Command[] = [
  { name: 'status', takes: '', help: 'how it does', words: [0, 0], run: done },
  {
    name: 'config apply',
    takes: 'FILE',
    help: 'puts it in force\n--yes: without asking',
    options: { comment: TEXT, yes: FLAG },
    words: [1, 1],
    run: done,
  },
  { name: 'hold assign', takes: 'STUDY... --to X', help: 'they go there', options: { to: TEXT }, words: [1, 3], run: done },
];
const read = (line: string) => readCommandLine(commands, line.split(' ').filter(Boolean));

describe('readCommandLine', () => {
  test('a command of one word and one of two are known by their words, wherever the options stand', () => {
    assert.equal(read('status').command.name, 'status');
    assert.equal(read('--json config apply --yes file.yaml').command.name, 'config apply');
    assert.equal(read('config --url http://a:1 apply file.yaml').command.name, 'config apply');
  });

  test('words and options come without those for every command', () => {
    const { call, url, json } = read('config apply file.yaml --comment go-live --yes --url https://gateway.example --json');
    assert.deepEqual([call.words, { ...call.options }], [['file.yaml'], { comment: 'go-live', yes: true }]);
    assert.deepEqual([url, json], ['https://gateway.example', true]);
    assert.deepEqual([read('status').url, read('status').json], [undefined, false]);
  });

  test('a value that begins like a command is a value', () => {
    assert.deepEqual(read('hold assign 1.2.3 status --to north').call.words, ['1.2.3', 'status']);
  });

  for (const [line, message] of [
    ['', /which command/],
    ['nonsense', /no command "nonsense"/],
    ['config', /no command "config"/],
    ['config nonsense x', /no command "config nonsense"/],
    ['status extra', /"extra"/],
    ['config apply', /something is missing/],
    ['config apply a b', /"b"/],
    ['config apply a --to north', /--to/],
    ['config apply a --comment', /argument missing/],
    ['hold assign 1 2 3 4 --to north', /"4"/],
  ] as const)
    test(`it refuses: ${line || '(nothing)'}`, () => {
      assert.throws(
        () => read(line),
        (error: unknown) => error instanceof CommandProblem && message.test(error.message),
      );
    });

  test('a wrong use names the command whose usage helps, --help the one that was asked for', () => {
    assert.throws(() => read('config apply'), { command: commands[1] });
    assert.throws(() => read('nonsense'), { command: undefined });
    assert.throws(
      () => read('hold assign --help'),
      (error: unknown) => error instanceof HelpWanted && error.command === commands[2],
    );
    assert.throws(
      () => read('-h'),
      (error: unknown) => error instanceof HelpWanted && error.command === undefined,
    );
  });

  test('the usage of a command is its line and a line for each option; that of all lists every command', () => {
    assert.equal(usageOf(commands[1]!), 'npm run causeway -- config apply FILE\n  puts it in force\n  --yes: without asking');
    for (const { name } of commands) assert.match(usageOfAll(commands), new RegExp(`^  ${name}`, 'm'));
  });
});

describe('a number option', () => {
  const number = (value: string | undefined) => numberOf({ words: [], options: { days: value } }, 'days', [1, 90]);

  test('is a whole number within its bounds, or not given', () => {
    assert.deepEqual([number('1'), number('90'), number(undefined)], [1, 90, undefined]);
    for (const wrong of ['0', '91', '1.5', 'x', '-1']) assert.throws(() => number(wrong), UsageProblem, wrong);
  });
});
