// What a run with kills must have come to, and its figures for people to read.
import assert from 'node:assert/strict';
import type { KillRunReport } from './kill-run.ts';

export function printReport(title: string, report: KillRunReport): void {
  const { sent, archived, missing, arrivals, receipts, repeats, bound, ledger, seconds } = report;
  const byVictim = Map.groupBy(report.kills, ({ victim }) => victim);
  const rows: [string, unknown][] = [
    ['kills', `${report.kills.length}: ${[...byVictim].map(([victim, kills]) => `${victim} ${kills.length}`).join(', ')}`],
    ['accepted (0000)', sent.filter(({ accepted }) => accepted).length],
    ['accepted at a repeat', sent.filter(({ attempts }) => attempts > 1).length],
    ['files in the archive', archived.length],
    ['missing', missing.length],
    ['not as sent', `${alteredIn(report).length} (compressed, or altered)`],
    ['received by the gateway', receipts],
    ['arrived at the archive', arrivals],
    ['repeats at the archive', `${repeats} (bound ${bound})`],
    ['ledger', `${ledger.instances} instances, ${ledger.confirmed} of ${ledger.receipts} confirmed, ${JSON.stringify(ledger.work)}`],
    ['seconds', `${seconds.sending} until all was accepted, ${seconds.total} until all was confirmed and compared`],
  ];
  console.log(`${title}\n${rows.map(([name, value]) => `  ${name.padEnd(24)}${value}`).join('\n')}`);
}

/** Sent and received data sets differ: content in the archive that no sender sent. */
export function alteredIn({ sent, archived }: Pick<KillRunReport, 'sent' | 'archived'>): string[] {
  const known = new Set(sent.map(({ sopInstanceUid, digest }) => `${sopInstanceUid} ${digest}`));
  return archived
    .filter(({ sopInstanceUid, digest }) => !known.has(`${sopInstanceUid} ${digest}`))
    .map(({ sopInstanceUid }) => sopInstanceUid);
}

/** Nothing lost, nothing repeated beyond what was in flight, and the ledger knows it. */
export function assertNothingLost({ missing, repeats, bound, ledger, sent, arrivals }: KillRunReport): void {
  assert.equal(missing.length, 0, `${missing.length} accepted and not in the archive, e.g. ${missing.slice(0, 3).join(', ')}`);
  // What a sender repeated while the first was not delivered yet is sent once.
  assert.ok(arrivals >= new Set(sent.map(({ sopInstanceUid }) => sopInstanceUid)).size, `${arrivals} arrivals`);
  assert.ok(repeats <= bound, `${repeats} repeats at the archive, ${bound} can have been in flight`);
  const { held, quarantined, failed, open } = ledger.work;
  assert.deepEqual({ held, quarantined, failed, open }, { held: 0, quarantined: 0, failed: 0, open: 0 });
  assert.equal(ledger.instances, new Set(sent.map(({ sopInstanceUid }) => sopInstanceUid)).size);
  assert.equal(ledger.confirmed, ledger.receipts);
  assert.equal(ledger.moving, 0);
}
