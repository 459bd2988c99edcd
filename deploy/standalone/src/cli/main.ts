// `npm run causeway -- <command>`: reads environment and arguments, asks the gateway's API, sets the exit code.
import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { ApiClient, ApiProblem } from './api-client.ts';
import { type CliParts, type Command, Refused, UsageProblem } from './command.ts';
import { type CommandLine, CommandProblem, HelpWanted, readCommandLine, usageOf, usageOfAll } from './command-line.ts';
import { configApplyCommands } from './config-apply.ts';
import { configCheckCommands } from './config-check.ts';
import { configHistoryCommands } from './config-history.ts';
import { deliveryCommands } from './deliveries.ts';
import { doctorCommands } from './doctor.ts';
import { explainCommands } from './explain.ts';
import { holdCommands } from './hold.ts';
import { KeptTokens, tokenFile } from './kept-tokens.ts';
import { loginCommands } from './login.ts';
import { Output } from './output.ts';
import { printProblems } from './print-changes.ts';
import { plainText } from './print-table.ts';
import { statusCommands } from './status.ts';
import { openTerminal } from './terminal.ts';
import { userCommands } from './users.ts';

const DEFAULT_URL = 'http://127.0.0.1:8080';
const commands: readonly Command[] = [
  ...loginCommands,
  ...statusCommands,
  ...doctorCommands,
  ...configCheckCommands,
  ...configApplyCommands,
  ...configHistoryCommands,
  ...explainCommands,
  ...holdCommands,
  ...deliveryCommands,
  ...userCommands,
];

// Who reads only the beginning of a list (head) has what they wanted.
process.stdout.on('error', () => process.exit(0));
process.exitCode = await runCommandLine();

async function runCommandLine(): Promise<number> {
  let line: CommandLine | undefined;
  try {
    line = readCommandLine(commands, process.argv.slice(2));
    return (await line.command.run(line.call, partsFor(line))) ? 0 : 1;
  } catch (error) {
    return tell(error, line);
  }
}

function partsFor({ url = process.env.CAUSEWAY_URL || DEFAULT_URL, json }: CommandLine): CliParts {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new UsageProblem(`${url} is no address: http://host:port is needed`);
  const tokens = new KeptTokens(tokenFile(process.env, homedir()));
  return {
    api: new ApiClient(url, process.env.CAUSEWAY_TOKEN || tokens.find(url)?.token),
    output: new Output(
      json,
      (text) => process.stdout.write(text),
      (text) => process.stderr.write(text),
    ),
    terminal: openTerminal({ input: process.stdin, output: process.stderr }),
    tokens,
    credentials: { user: process.env.CAUSEWAY_USER, password: process.env.CAUSEWAY_PASSWORD },
    // npm runs us in the checkout; INIT_CWD is where the user stands.
    pathOf: (path) => resolve(process.env.INIT_CWD ?? '.', path),
    now: () => new Date(),
  };
}

/** The exit code. */
function tell(error: unknown, line: CommandLine | undefined): number {
  if (error instanceof HelpWanted) {
    console.log(usageFor(error.command));
    return 0;
  }
  if (error instanceof UsageProblem) {
    console.error(`${error.message}\n\n${usageFor(error instanceof CommandProblem ? error.command : line?.command)}`);
    return 2;
  }
  if (error instanceof Refused) console.error(error.message);
  else if (error instanceof ApiProblem) tellProblem(error, line?.json === true);
  else console.error(`This is a fault of the command line, please report it: ${plainText((error as Error).message, 1000)}`);
  return 1;
}

function usageFor(command: Command | undefined): string {
  return command === undefined ? usageOfAll(commands) : usageOf(command);
}

function tellProblem({ answer }: ApiProblem, json: boolean): void {
  if (json) console.log(JSON.stringify(answer, null, 2));
  const detail = answer.problems ? printProblems(answer.problems) : plainText(answer.detail, 2000);
  console.error(`${detail}\n${answer.whatToDo}`);
}
