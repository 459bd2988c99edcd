// The verdict on a rolling upgrade: each thing that must not have happened is a finding of its own.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type PhaseRecord, type RollingFigures, rollingFindings, rollingLines } from './rolling-report.ts';

const SENT = { instances: 100, accepted: 90, repeated: 3, failed: 0, brokenOff: 10, reasons: {} };
const PHASE: PhaseRecord = {
  name: 'services upgraded',
  restarted: 15,
  seconds: 100,
  senders: SENT,
  silentForMs: 1_240,
  problems: [],
  interventions: [],
};
const WORK = { held: 0, quarantined: 0, failed: 0, open: 0, parked: 0 };
const GOOD: RollingFigures = {
  ...{ from: 'v1', drainMs: 10_000, phases: [PHASE], senders: SENT, silentForMs: 1_240, unordered: [] },
  settled: { afterMs: 20_000, atRest: true, work: WORK, triedAgain: {} },
  verdict: { findings: [], acknowledged: 90, arrivals: 120, repeats: 0, repeatsBound: 100, receipts: 95, deliveries: 120 },
  pixels: { compressed: 30, decoded: 30 },
  seconds: { starting: 30, rolling: 200, total: 260 },
};
const found = (over: Partial<RollingFigures>): string[] => rollingFindings({ ...GOOD, ...over }).map(({ what }) => what);
const inPhase = (over: Partial<PhaseRecord>): Partial<RollingFigures> => ({ phases: [PHASE, { ...PHASE, ...over }] });

describe('the verdict on a rolling upgrade', () => {
  it('is good when nothing was given up, lost or left, though some was sent twice', () => {
    assert.deepEqual(found({}), []);
  });

  it('has a finding for an instance that was given up after its repeat', () => {
    const senders = { ...SENT, failed: 1, reasons: { A700: 1 } };
    assert.deepEqual(found({ senders }), ['given up by a sender that repeats a failed instance once']);
  });

  it('has a finding for a step that was not done, and for a phase that shows nothing', () => {
    assert.deepEqual(found(inPhase({ problems: ['nats-2 did not end within 45 s'] })), ['steps that could not be done']);
    assert.deepEqual(found(inPhase({ senders: { ...SENT, accepted: 0 } })), ['phases in which nothing was accepted']);
  });

  it('has a finding for a process that ended by itself, for deliveries that failed, and for a ledger that does not come to rest', () => {
    assert.deepEqual(found({ unordered: [{ name: 'router-1', at: new Date(0), how: 'exit 1' }] }), ['ended without being told to']);
    assert.deepEqual(found({ settled: { ...GOOD.settled, triedAgain: { 'status 500': 2 } } }), ['deliveries that failed']);
    assert.deepEqual(found({ settled: { ...GOOD.settled, atRest: false } }), ['not at rest in the end']);
  });

  it('keeps what the comparison of every instance found', () => {
    const lost = { what: 'acknowledged, and no data set of that UID in the archive', count: 1, examples: ['1.2.3'] };
    assert.deepEqual(rollingFindings({ ...GOOD, verdict: { ...GOOD.verdict, findings: [lost] } }), [lost]);
  });

  it('tells how many needed the repeat, the longest silence, what an operator had to do, and what was found', () => {
    const phases = [{ ...PHASE, interventions: ['the nats-servers restarted in turn'] }];
    const lines = rollingLines({ ...GOOD, phases, findings: [{ what: 'lost', count: 1, examples: ['1.2.3'] }] }).join('\n');
    assert.match(lines, /90 accepted, 3 of them at the repeat after 2 s, 0 given up; longest time that none was accepted 1\.2 s/);
    assert.match(lines, /services upgraded: an operator had to act: the nats-servers restarted in turn/);
    assert.match(lines, /FOUND: 1 x lost\n {2}1\.2\.3/);
  });
});
