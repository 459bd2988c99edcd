// The gate for known vulnerabilities: `npm audit` of what the gateway is made of, with exceptions that have a reason and an end.
// Exit code 0: none from severity high on; 1: there are; 2: the registry could not be asked (0 with --when-reachable, for machines behind a mirror without audit).
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { type AuditReport, describeFinding, type Exception, findingsOf, isReport } from './audit-report.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Empty is what it should be. An exception says why the gateway is not affected, and ends. */
const EXCEPTIONS: readonly Exception[] = [];

function askRegistry(): AuditReport {
  const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  const answer: unknown = JSON.parse(stdout || '{}');
  if (isReport(answer)) return answer;
  throw new Error(stderr.split('\n').find((line) => /audit/.test(line)) ?? 'npm audit gave no report');
}

function main(): number {
  let report: AuditReport;
  try {
    report = askRegistry();
  } catch (error) {
    console.log(`audit: the registry could not be asked: ${(error as Error).message}`);
    return process.argv.includes('--when-reachable') ? 0 : 2;
  }
  const findings = findingsOf(report, EXCEPTIONS, new Date());
  for (const finding of findings) console.log(`audit: ${describeFinding(finding)}`);
  console.log(`audit: ${findings.length} known vulnerabilities of severity high or critical in what the gateway is made of`);
  return findings.length === 0 ? 0 : 1;
}

process.exitCode = main();
