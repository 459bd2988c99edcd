// `npm run chaos:summary -- chaos-results/*/report.json`: several runs as one table.
import { readFileSync } from 'node:fs';
import { type ChaosReport, kindLines } from './report.ts';

const files = process.argv.slice(2);
if (files.length === 0) throw new Error('name the report.json of each run: npm run chaos:summary -- chaos-results/*/report.json');
const reports = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as ChaosReport);
console.log(summaryLines(reports).join('\n'));
process.exitCode = reports.every(({ verdict }) => verdict.findings.length === 0) ? 0 : 1;

function summaryLines(runs: readonly ChaosReport[]): string[] {
  const sum = (of: (run: ChaosReport) => number): number => runs.reduce((total, run) => total + of(run), 0);
  const operated = runs.flatMap(({ seed, calms }) =>
    calms.flatMap(({ storm, interventions }) => interventions.map((what) => `  seed ${seed}, storm ${storm}: ${what}`)),
  );
  return [
    `${runs.length} runs (seeds ${runs.map(({ seed }) => seed).join(', ')}), ${Math.round(sum(({ seconds }) => seconds.storms) / 60)} minutes of storms and calms, ${sum(({ faults }) => faults.length)} faults`,
    ...kindLines(runs.flatMap(({ faults }) => faults)),
    `operators had to act ${operated.length} times`,
    ...operated,
    `${sum(({ senders }) => senders.instances)} instances sent, ${sum(({ verdict }) => verdict.acknowledged)} acknowledged (${sum(({ senders }) => senders.repeated)} at the repeat), ${sum(({ senders }) => senders.failed)} given up by their senders`,
    `${sum(({ verdict }) => verdict.arrivals)} arrivals of ${sum(({ verdict }) => verdict.deliveries)} deliveries, ${sum(({ verdict }) => verdict.repeats)} repeats (bound ${sum(({ verdict }) => verdict.repeatsBound)}), ${sum(({ pixels }) => pixels.decoded)} compressed images decoded`,
    ...runs.map(
      ({ seed, verdict, settled }) =>
        `seed ${seed}: ${verdict.findings.length === 0 ? 'nothing found' : verdict.findings.map(({ count, what }) => `${count} x ${what}`).join('; ')}; at rest after ${(settled.afterMs / 1000).toFixed(0)} s`,
    ),
  ];
}
