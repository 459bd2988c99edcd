// What a command of `npm run causeway` is: its words, its usage, its options, its work.
import type { ParseArgsConfig } from 'node:util';
import type { ApiClient } from './api-client.ts';
import type { KeptTokens } from './kept-tokens.ts';
import type { Output } from './output.ts';
import type { Terminal } from './terminal.ts';

/** The command line cannot be understood; the message says why. Exit code 2. */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
}

/** What a person has to mend, or has said no to; the message is all there is to say. Exit code 1. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

export interface Command {
  /** As typed: `config apply`. */
  readonly name: string;
  /** What follows the name. */
  readonly takes: string;
  /** One sentence, and the options a line each. */
  readonly help: string;
  readonly options?: NonNullable<ParseArgsConfig['options']>;
  /** How many words may follow the name: least and most. */
  readonly words: readonly [number, number];
  /** Resolves with false when something was refused or failed: exit code 1. */
  run(call: Call, parts: CliParts): Promise<boolean>;
}

export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface Call {
  readonly words: readonly string[];
  readonly options: OptionValues;
}

export interface CliParts {
  readonly api: ApiClient;
  readonly output: Output;
  readonly terminal: Terminal;
  readonly tokens: KeptTokens;
  /** CAUSEWAY_USER and CAUSEWAY_PASSWORD. */
  readonly credentials: { readonly user: string | undefined; readonly password: string | undefined };
  /** Absolute, from where the user stands. */
  readonly pathOf: (path: string) => string;
  readonly now: () => Date;
}

export const TEXT = { type: 'string' } as const;
export const FLAG = { type: 'boolean' } as const;

/** The text of an option; undefined: not given. */
export function textOf({ options }: Call, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** A whole number within bounds; undefined: not given. Throws UsageProblem. */
export function numberOf(call: Call, name: string, [least, most]: readonly [number, number]): number | undefined {
  const text = textOf(call, name);
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number;
  throw new UsageProblem(`--${name} ${text}: a whole number from ${least} to ${most} is needed`);
}

/** Asks on a terminal; without one only `--yes` is a yes. Throws Refused. */
export async function assertWanted({ options }: Call, { terminal }: CliParts, question: string): Promise<void> {
  if (options.yes === true) return;
  if (!terminal.interactive) throw new Refused('Nothing was done: there is no terminal to ask on. Add --yes to do it without being asked.');
  const answer = await terminal.ask(`${question} [y/N] `);
  if (!/^y(es)?$/i.test(answer.trim())) throw new Refused('Nothing was done.');
}
