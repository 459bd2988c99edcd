// `npm run causeway` as a process, of a person with a home folder of their own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { NODE_ENVIRONMENT } from '../../deploy/standalone/src/node-runtime.ts';
import { ROOT } from './gateway-under-test.ts';

export interface CausewayRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `home`: where tokens are kept and relative paths begin. */
export interface Person {
  readonly url: string;
  readonly home: string;
  readonly env?: NodeJS.ProcessEnv;
}

const MAIN = join(ROOT, 'deploy', 'standalone', 'src', 'cli', 'main.ts');

const environmentOf = ({ url, home, env }: Person): NodeJS.ProcessEnv => ({
  ...process.env,
  ...NODE_ENVIRONMENT,
  ...{ CAUSEWAY_URL: url, XDG_CONFIG_HOME: home, INIT_CWD: home },
  ...{ CAUSEWAY_TOKEN: undefined, CAUSEWAY_USER: undefined, CAUSEWAY_PASSWORD: undefined, ...env },
});

/** Without a terminal. */
export async function runCauseway(person: Person, ...words: string[]): Promise<CausewayRun> {
  const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'pipe', 'pipe'], env: environmentOf(person) });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (data: Buffer) => (written[name] += data.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}

/** At a terminal (of util-linux' `script`): each answer is typed once its question stands there (a function: when it has resolved). Resolves with what the terminal showed. */
export async function typeAtCauseway(
  person: Person,
  words: readonly string[],
  answers: readonly (readonly [question: string, answer: string | (() => Promise<string>)])[],
): Promise<{ code: number | null; shown: string }> {
  const command = [process.execPath, MAIN, ...words].map((word) => `'${word}'`).join(' ');
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: environmentOf(person),
  });
  let shown = '';
  let from = 0;
  const open = [...answers];
  child.stdout.on('data', (data: Buffer) => {
    shown += data.toString();
    const [next] = open;
    if (next === undefined || !shown.slice(from).includes(next[0])) return;
    from = shown.length;
    open.shift();
    const [, answer] = next;
    void Promise.resolve(typeof answer === 'string' ? answer : answer()).then((text) => child.stdin.write(`${text}\r`));
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, shown };
}
