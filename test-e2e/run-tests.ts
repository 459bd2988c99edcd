// `npm test`: unit tests first, then those with one real server, then the whole gateway; `npm run test:slow`: the long ones.
// Further arguments choose files whose path holds one of them: `npm test -- receiver part10`.
import { glob } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { run } from 'node:test';
import { dot, spec } from 'node:test/reporters';

interface Group {
  readonly name: string;
  readonly patterns: readonly string[];
  readonly holds: (path: string) => boolean;
  /** Test files at a time: two, for the tests are meant to pass on two cores; one where kills and rates are measured. */
  readonly concurrency: number;
  readonly reporter: 'dot' | 'spec';
}

const SOURCES = [
  'shared/src/**/*.test.ts',
  'services/*/src/**/*.test.ts',
  'deploy/standalone/src/**/*.test.ts',
  'deploy/compose/image/**/*.test.ts',
  'deploy/observability/src/**/*.test.ts',
  'test-e2e/bench/**/*.test.ts',
  'test-e2e/fuzz/**/*.test.ts',
  'test-e2e/supply-chain/**/*.test.ts',
  'test-e2e/chaos/**/*.test.ts',
];
const isInt = (path: string): boolean => path.endsWith('.int.test.ts');

const GROUPS: readonly Group[] = [
  { name: 'unit', patterns: SOURCES, holds: (path) => !isInt(path), concurrency: 2, reporter: 'dot' },
  { name: 'one real server', patterns: SOURCES, holds: isInt, concurrency: 2, reporter: 'spec' },
  { name: 'end to end', patterns: ['test-e2e/src/**/*.test.ts'], holds: () => true, concurrency: 2, reporter: 'spec' },
];
const SLOW_GROUPS: readonly Group[] = [
  { name: 'slow', patterns: ['test-e2e/slow/**/*.test.ts'], holds: () => true, concurrency: 1, reporter: 'spec' },
];

/** A test that hangs fails with its name instead of holding up everything. */
const TIMEOUT_MS = 15 * 60_000;
const ROOT = resolve(import.meta.dirname, '..');

interface Counts {
  passed: number;
  failed: number;
}

process.chdir(ROOT);
// A nats-server that the set-up fetched is found like an installed one; 40 ms an instance with DCMTK's default (Nagle).
process.env.PATH = `${join(ROOT, '.tools', 'bin')}:${process.env.PATH}:/usr/sbin:/sbin`;
process.env.TCP_NODELAY = '1';

const words = process.argv.slice(2).filter((word) => word !== '--slow');
const groups = process.argv.includes('--slow') ? SLOW_GROUPS : GROUPS;
const total: Counts = { passed: 0, failed: 0 };
const times: string[] = [];
for (const group of groups) {
  const startedAt = performance.now();
  const files = await filesOf(group);
  const counts = await runGroup(group, files);
  total.passed += counts.passed;
  total.failed += counts.failed;
  times.push(`${group.name}: ${files.length} files, ${counts.passed} passed, ${counts.failed} failed, ${seconds(startedAt)} s`);
}
console.log(`\n${times.join('\n')}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
if (total.passed + total.failed === 0) console.log('no test ran: that is a failure too');
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;

async function filesOf({ patterns, holds }: Group): Promise<string[]> {
  const files = await Array.fromAsync(glob([...patterns], { cwd: ROOT, exclude: (path) => path.includes('node_modules') }));
  return files.filter((path) => holds(path) && (words.length === 0 || words.some((word) => path.includes(word)))).sort();
}

async function runGroup({ name, concurrency, reporter }: Group, files: string[]): Promise<Counts> {
  if (files.length === 0) return { passed: 0, failed: 0 };
  console.log(`\n== ${name}: ${files.length} files`);
  let counts: Counts | undefined;
  const events = run({ files: files.map((file) => join(ROOT, file)), concurrency, timeout: TIMEOUT_MS });
  events.on('test:summary', ({ file, counts: found }) => {
    // The summary without a file is that of the whole run.
    if (file === undefined) counts = { passed: found.passed, failed: found.tests - found.passed - found.skipped - found.todo };
  });
  const output = reporter === 'dot' ? events.compose(dot) : events.compose(new spec());
  for await (const text of output) process.stdout.write(text);
  if (counts === undefined) throw new Error(`the test runner gave no summary of ${name}`);
  return counts;
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
