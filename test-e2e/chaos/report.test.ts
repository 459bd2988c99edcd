// The figures of a chaos run: medians and worst of each kind, and a table that shows what was found.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SentLine } from './modalities.ts';
import { planChaos } from './plan.ts';
import { repeatsOf } from './repeats.ts';
import { type ChaosReport, countSent, figuresByKind, reportLines } from './report.ts';
import type { FaultRecord } from './run.ts';

const fault = (kind: FaultRecord['kind'], silentForMs: number, deliveredAfterMs: number | undefined): FaultRecord => ({
  ...{ number: 1, storm: 1, kind, target: 'uploader-1', atMs: 0, forMs: 1_000, startedAt: 0, endedAt: 1_000 },
  ...{ silentForMs, deliveredAfterMs },
});
const line = (over: Partial<SentLine>): SentLine => ({
  ...{ at: '', sender: 's', sopInstanceUid: '1', digest: 'd', pixelDigest: 'p', accepted: true, status: '0000', attempts: 1 },
  ...over,
});

describe('the report of a chaos run', () => {
  it('has the median and the worst of each kind, and says where nothing came for too long', () => {
    const faults = [fault('kill', 100, 900), fault('kill', 300, 500), fault('kill', 200, 700), fault('pause', 50, undefined)];
    assert.deepEqual(figuresByKind(faults), [
      { kind: 'kill', faults: 3, silent: [200, 300], delivered: [700, 900] },
      { kind: 'pause', faults: 1, silent: [50, 50], delivered: [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY] },
    ]);
  });

  it('tells apart what was repeated, given up, and broken off on purpose', () => {
    const lines = [
      line({}),
      line({ attempts: 2 }),
      line({ accepted: false, status: 'A700', attempts: 2 }),
      line({ accepted: false, brokenOff: true }),
    ];
    assert.deepEqual(countSent(lines), { instances: 4, accepted: 2, repeated: 1, failed: 1, brokenOff: 1, reasons: { A700: 1 } });
  });

  it('shows what was found, and what ended by itself', () => {
    const verdict = {
      findings: [{ what: 'lost', count: 12, examples: ['1.2.3'] }],
      acknowledged: 1,
      arrivals: 1,
      repeats: 0,
      repeatsBound: 0,
      receipts: 1,
      deliveries: 1,
    };
    const report: ChaosReport = {
      ...{
        seed: 4711,
        minutes: 2,
        from: 'v1',
        natsServer: 'v2.10.27',
        plan: planChaos({ seed: 4711, minutes: 2 }),
        faults: [fault('kill', 1, 2)],
        verdict,
      },
      calms: [{ storm: 1, drainedAfterMs: 1_500, readyAfterMs: undefined, interventions: ['nats-servers restarted in turn'] }],
      pixels: { compressed: 5, decoded: 5 },
      searched: { 'lines of logs': 100 },
      settled: { afterMs: 1, atRest: true, work: { held: 0, quarantined: 0, failed: 0, open: 0, parked: 0 }, triedAgain: {} },
      ...{ senders: countSent([line({})]), unordered: [{ name: 'router-2', at: new Date(0), how: 'exit 1' }], mostMemory: {} },
      seconds: { starting: 1, storms: 2, total: 3 },
    };
    const text = reportLines(report).join('\n');
    assert.match(text, /FOUND: 12 x lost\n {2}1\.2\.3/);
    assert.match(text, /after storm 1 an operator had to act: nats-servers restarted in turn/);
    assert.match(text, /router-2 \(exit 1\)/);
    assert.match(text, /delivered within 1\.5 s, everything ready within never s/);
  });
});

describe('the bound of repeats', () => {
  const planned = { number: 1, atMs: 0, forMs: 8_000 };

  it('counts what was in hand wherever confirmations can be lost, and nothing elsewhere', () => {
    for (const target of ['uploader-1', 'nats-2', 'archive']) assert.ok(repeatsOf({ ...planned, kind: 'kill', target }) > 0);
    for (const target of ['receiver-1', 'ledger-2', 'balancer', 's3-osd']) assert.equal(repeatsOf({ ...planned, kind: 'kill', target }), 0);
    for (const kind of ['clock-step', 's3-loss', 's3-errors', 'postgres-failover', 'postgres-loss', 'configuration', 'spool-full'] as const)
      assert.equal(repeatsOf({ ...planned, kind, target: 'x' }), 0);
  });

  it('is larger the longer an archive loses its answers', () => {
    const late = (forMs: number) => repeatsOf({ ...planned, forMs, kind: 'archive-errors', target: 'second', variant: 'cut-late' });
    assert.ok(late(12_000) > late(4_000));
    assert.equal(repeatsOf({ ...planned, kind: 'archive-errors', target: 'second', variant: 'cut' }), late(500));
  });
});
