// Weights follow the document.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { facilityWeights } from './facility-weights.ts';
import { parseGatewayDocument } from './gateway-document.ts';

const documentWith = (weight: number) =>
  parseGatewayDocument({ facilities: [{ id: 'north', model: 'standard', match: [{}], destinations: [], weight }] });

it('says the weight of the document that holds, and 1 for work of no known facility', () => {
  let document: ReturnType<typeof documentWith> | undefined;
  const weightOf = facilityWeights(() => document);
  assert.equal(weightOf('north'), 1);
  document = documentWith(3);
  assert.deepEqual([weightOf('north'), weightOf('none')], [3, 1]);
  document = documentWith(5);
  assert.equal(weightOf('north'), 5);
});
