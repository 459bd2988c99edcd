// From the words typed to the command meant, or to the usage text.
import { parseArgs } from 'node:util';
import { type Call, type Command, FLAG, TEXT, UsageProblem } from './command.ts';

export interface CommandLine {
  readonly command: Command;
  readonly call: Call;
  /** --url; undefined: not given. */
  readonly url: string | undefined;
  readonly json: boolean;
}

/** Of the command, when it is known which is meant. */
export class CommandProblem extends UsageProblem {
  readonly command: Command | undefined;
  constructor(message: string, command?: Command) {
    super(message);
    this.command = command;
  }
}

/** --help: of the command, when one is named. */
export class HelpWanted extends Error {
  override readonly name = 'HelpWanted';
  readonly command: Command | undefined;
  constructor(command: Command | undefined) {
    super('help is wanted');
    this.command = command;
  }
}

/** For every command. */
const GENERAL = { url: TEXT, json: FLAG, help: { type: 'boolean', short: 'h' } } as const;
const MOST_NAME_WORDS = 2;

/** Throws CommandProblem or HelpWanted. */
export function readCommandLine(commands: readonly Command[], typed: readonly string[]): CommandLine {
  const { command, help } = commandOf(commands, typed);
  if (help) throw new HelpWanted(command);
  if (command === undefined) throw new CommandProblem(complaint(typed));
  const { values, positionals } = parse(command, typed);
  const words = positionals.slice(command.name.split(' ').length);
  const [least, most] = command.words;
  if (words.length < least) throw new CommandProblem('something is missing', command);
  if (words.length > most) throw new CommandProblem(`what does "${words[most]}" mean here?`, command);
  const { url, json, help: _help, ...options } = values;
  return { command, call: { words, options }, url: typeof url === 'string' ? url : undefined, json: json === true };
}

function complaint(typed: readonly string[]): string {
  const words = typed.filter((word) => !word.startsWith('-')).slice(0, MOST_NAME_WORDS);
  return words.length === 0 ? 'which command?' : `there is no command "${words.join(' ')}"`;
}

/** The command whose words come first among those that are no options. */
function commandOf(commands: readonly Command[], typed: readonly string[]): { command: Command | undefined; help: boolean } {
  const { positionals, values } = parseArgs({ args: [...typed], options: GENERAL, allowPositionals: true, strict: false });
  const command = commands.find(({ name }) => name === positionals.slice(0, name.split(' ').length).join(' '));
  return { command, help: values.help === true };
}

function parse(command: Command, typed: readonly string[]) {
  try {
    return parseArgs({ args: [...typed], options: { ...command.options, ...GENERAL }, allowPositionals: true });
  } catch (error) {
    throw new CommandProblem((error as Error).message, command);
  }
}

const CALL = 'npm run causeway -- ';

export function usageOf({ name, takes, help }: Command): string {
  return [`${CALL}${name} ${takes}`.trimEnd(), ...help.split('\n').map((line) => `  ${line}`)].join('\n');
}

export function usageOfAll(commands: readonly Command[]): string {
  const lines = commands.map(({ name, takes }) => `  ${name} ${takes}`.trimEnd());
  return [
    'The gateway from the command line.',
    '',
    `${CALL}<command> [--url ADDRESS] [--json]`,
    '',
    ...lines,
    '',
    '--url: of the web page [CAUSEWAY_URL, else http://127.0.0.1:8080]   --json: the answer as the API gives it   --help: more of a command',
    'CAUSEWAY_TOKEN: an API token [the one that login keeps]   Exit code: 0 done, 1 refused or failed, 2 wrong usage',
  ].join('\n');
}
