// Questions to the person at the terminal; what is typed as a secret is not shown.
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { Refused } from './command.ts';

export interface Terminal {
  /** There is a person to ask. */
  readonly interactive: boolean;
  ask(question: string): Promise<string>;
  askSecret(question: string): Promise<string>;
}

export interface TerminalStreams {
  readonly input: NodeJS.ReadStream;
  readonly output: NodeJS.WriteStream;
}

/** Questions go to the error stream: what a command answers can be piped on. */
export function openTerminal({ input, output }: TerminalStreams): Terminal {
  const question = (text: string, echo: boolean): Promise<string> => askOn({ input, output }, text, echo);
  return {
    interactive: input.isTTY === true && output.isTTY === true,
    ask: (text) => question(text, true),
    askSecret: (text) => question(text, false),
  };
}

function askOn({ input, output }: TerminalStreams, text: string, echo: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    // In raw mode the terminal echoes nothing itself; readline's own echo goes nowhere.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input, output: echo ? output : nowhere, terminal: true, historySize: 0 });
    const giveUp = (): void => reject(new Refused('Nothing was done.'));
    lines.once('line', (line) => {
      lines.off('close', giveUp);
      lines.close();
      if (!echo) output.write('\n');
      resolve(line);
    });
    lines.once('close', giveUp);
    lines.once('SIGINT', () => lines.close());
    if (echo) lines.setPrompt(text);
    else output.write(text);
    if (echo) lines.prompt();
  });
}
