// `npm run chaos -- --minutes 2 --seed 1`: a cluster on this machine, faults by a plan drawn from the seed, and in the end every instance compared. Needs root (network namespaces, small disks).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../src/gateway-under-test.ts';
import { chaos } from './chaos.ts';
import { previousVersion } from './checkout.ts';
import { type FaultKind, KINDS } from './fault-kinds.ts';
import { planChaos, planLines } from './plan.ts';
import { rolling } from './rolling.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '2' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    /** What the services run before the upgrade: anything that git knows. */
    from: { type: 'string' },
    /** Only these kinds of faults, with commas. */
    kinds: { type: 'string' },
    /** No faults: a rolling upgrade and restarts as an operator does them, and nobody may notice. */
    rolling: { type: 'boolean', default: false },
    /** Where logs and results go. */
    folder: { type: 'string' },
    /** Prints the plan and does nothing. */
    plan: { type: 'boolean', default: false },
    /** Set by itself: it runs in namespaces of its own. */
    inside: { type: 'boolean', default: false },
  },
});
const seed = wholeNumber('seed', values.seed);
const minutes = wholeNumber('minutes', values.minutes);
const kinds = values.kinds?.split(',').map(knownKind) ?? KINDS;
const folder = resolve(values.folder ?? join(ROOT, 'chaos-results', values.rolling ? 'rolling' : `seed-${seed}`));
process.env.PATH = `${join(ROOT, '.tools', 'bin')}:${process.env.PATH}:/usr/sbin:/sbin`;

if (values.plan) console.log(planLines(planChaos({ seed, minutes, kinds })).join('\n'));
else if (values.inside) await run();
else process.exitCode = await runInside();

async function run(): Promise<void> {
  // The first process of its own namespace gets no signal that it does not ask for.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  const from = values.from ?? previousVersion();
  const good = values.rolling ? await rolling({ seed, folder, from }) : await chaos({ seed, minutes, kinds, folder, from });
  process.exit(good ? 0 : 1);
}

/** Networks, mounts and processes of its own: nothing of it is seen by this machine, and nothing outlives it. */
async function runInside(): Promise<number> {
  if (process.getuid?.() !== 0) throw new Error('chaos needs root: it makes network namespaces and small disks');
  const apart = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const child = spawn('unshare', [...apart, process.execPath, ...process.argv.slice(1), '--seed', String(seed), '--inside'], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill('SIGTERM'));
  const [code] = (await once(child, 'exit')) as [number | null];
  return code ?? 1;
}

function wholeNumber(name: string, text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 1) throw new Error(`--${name}: a whole number from 1 on`);
  return number;
}

function knownKind(text: string): FaultKind {
  const kind = KINDS.find((one) => one === text);
  if (kind === undefined) throw new Error(`--kinds: ${text} is none of ${KINDS.join(', ')}`);
  return kind;
}
