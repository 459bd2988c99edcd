// How explanations and dry runs are printed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printDryRun } from './print-dry-run.ts';
import { type ExplainedInstance, printExplanation } from './print-explanation.ts';

const rules = [
  { kind: 'facility', rule: 'hub: match calledAe HUB', applied: true, because: 'fits' },
  { kind: 'hub', rule: 'ms44: at hub hub', applied: false, because: 'the value is "MS99"' },
];
const instance: ExplainedInstance = {
  ...{ receiptId: 'r1', revision: 3, state: 'routed', lane: 'routine', compression: 'rule 1', rules, rulesLeftOut: 0, notes: [] },
  facility: { id: 'hub', name: 'Regional hub' },
  deliveries: [{ destination: 'cloud', facility: 'hub', rule: 'hub: own copy', state: 'confirmed' }],
};

describe('an explanation', () => {
  test('tells each rule that was tried, whether it decided and why, under its kind, then deliveries, hold and notes', () => {
    const held = { reason: 'unmatched', detail: 'no endpoint' };
    const text = printExplanation({ instances: [{ ...instance, held, notes: ['not routed yet'], rulesLeftOut: 9 }] });
    assert.deepEqual(text.split('\n'), [
      'Receipt r1 (routed), by the rules of revision 3',
      '  Facility hub (Regional hub); lane routine; compression: rule 1',
      '  Rules: facility',
      '    yes  hub: match calledAe HUB: fits',
      '  Rules: hub',
      '    no   ms44: at hub hub: the value is "MS99"',
      '    9 rules more did not apply',
      '  Deliveries',
      '    cloud for hub, confirmed: hub: own copy',
      '  Held: unmatched: no endpoint',
      '  Note: not routed yet',
    ]);
  });

  test('tells equal instances once, with how many they are, and what is not explained', () => {
    const text = printExplanation({ instances: ['r1', 'r2'].map((receiptId) => ({ ...instance, receiptId })), more: 7 });
    assert.match(text, /^2 instances, for example receipt r1 \(routed\)/);
    assert.equal(text.match(/Facility/g)?.length, 1);
    assert.match(text, /7 instances of the study more/);
  });

  test('says of what was not sent that it was not, and whether a draft decided', () => {
    const described = { ...instance, receiptId: null, state: 'not-sent' };
    assert.match(printExplanation({ instances: [described] }), /^Not sent: what would happen, by the rules of revision 3$/m);
    assert.match(printExplanation({ instances: [{ ...described, revision: null }] }), /^Not sent: what would happen under the draft$/m);
  });

  test('says when no facility or more than one was found', () => {
    assert.match(printExplanation({ instances: [{ ...instance, facility: {}, deliveries: [] }] }), /Facility none;.*Deliveries\n {4}none/s);
    assert.match(printExplanation({ instances: [{ ...instance, facility: { candidates: ['a', 'b'] } }] }), /ambiguous: a, b;/);
    assert.equal(printExplanation({ instances: [] }), 'Nothing of it was received.');
  });
});

describe('a dry run', () => {
  const before = { facilities: ['hub'], destinations: [], compression: 'htj2k', held: 'unmatched' };
  const after = { facilities: ['hub', 'ms44'], destinations: ['pacs'], compression: 'htj2k' };
  const group = { before, after, instances: 3, example: 'r1' };
  const whole = {
    instances: 20,
    changed: 3,
    unknown: 0,
    unknownBecause: [],
    since: '2026-01-05T00:00:00Z',
    complete: true,
    groups: [group],
    moreGroups: 0,
  };

  test('tells what differs in each group, and nothing that stays', () => {
    const lines = printDryRun(whole).split('\n');
    assert.match(lines[0]!, /^3 of 20 instances received since 2026-01-0\d .* would be decided otherwise$/);
    assert.deepEqual(lines.slice(2), [
      '3 instances, for example r1',
      '  facilities: hub -> hub, ms44',
      '  destinations: none -> pacs',
      '  held: unmatched -> none',
    ]);
  });

  test('says of how many nothing can be said and why, when time ran out, and that there are more groups', () => {
    const unknownBecause = [{ because: 'no StationName on record', instances: 4 }];
    const text = printDryRun({ ...whole, unknown: 4, unknownBecause, complete: false, moreGroups: 2 });
    assert.match(text, /^of 4 it cannot be said:\n {2}4: no StationName on record$/m);
    assert.match(text, /time ran out/);
    assert.match(text, /2 groups more/);
  });
});
