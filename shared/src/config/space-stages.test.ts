// The stages of a disk that fills up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultGatewayDocument, parseGatewayDocument } from './gateway-document.ts';
import { isAtLeast, refusedBelow, type SpaceStage, spaceStage } from './space-stages.ts';

const GIB = 1024 ** 3;
const { admission } = parseGatewayDocument(defaultGatewayDocument('http://127.0.0.1:1/dicom-web'));

const CASES: readonly [free: number, total: number, stage: SpaceStage][] = [
  [15, 100, 'enough'],
  [14.9, 100, 'cache'],
  [10, 100, 'cache'],
  [9.9, 100, 'delivered'],
  [5, 100, 'delivered'],
  [4.9, 100, 'refusing'],
  // Of a small disk the watermark is 1 GiB.
  [3, 10, 'enough'],
  [2.9, 10, 'cache'],
  [1.9, 10, 'delivered'],
  [0.9, 10, 'refusing'],
];

for (const [free, total, stage] of CASES)
  test(`${free} GiB free of ${total} are the stage ${stage}`, () => {
    assert.equal(spaceStage({ free: free * GIB, total: total * GIB }, admission), stage);
  });

test('nothing is received below the watermark of the gateway document, and stages follow each other', () => {
  assert.equal(refusedBelow({ free: 0, total: 100 * GIB }, admission), 5 * GIB);
  assert.deepEqual([isAtLeast('refusing', 'delivered'), isAtLeast('cache', 'delivered')], [true, false]);
});
