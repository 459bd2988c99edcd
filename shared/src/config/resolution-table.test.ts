// The whole table of resolution: which facility, which endpoints, from the association and from the bytes of the data set; and how many rows it has.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideRoute } from './decide-route.ts';
import { encodedCases, encodedDocument } from './encoded-cases-for-tests.ts';
import { decideFromBytes, EXPLICIT } from './encoded-decision-for-tests.ts';
import { explainInstance } from './explain-instance.ts';
import { facilityCases } from './facility-cases-for-tests.ts';
import { routeCases, routeDocument } from './route-cases-for-tests.ts';
import { runawayCases, runawayDocument } from './runaway-cases-for-tests.ts';

describe('the endpoints of a data set whose value is', () => {
  for (const [title, { set, elements, to = 'PLAIN', syntax = EXPLICIT, endpoints }] of encodedCases)
    it(`${title}: ${endpoints === '' ? 'none, it waits' : endpoints}`, async () => {
      const { facilities, held, remember } = await decideFromBytes(encodedDocument, { set, elements, calledAe: to, syntax });
      assert.equal(remember?.endpoints.join(' ') ?? '', endpoints);
      assert.equal(facilities[0]?.id, to.toLowerCase());
      assert.equal(held?.reason, endpoints === '' ? 'unmatched' : undefined);
    });
});

describe('a rule that could run away', () => {
  for (const [title, facts, endpoint] of runawayCases)
    it(title, () => {
      const { facilities } = decideRoute(runawayDocument, facts);
      if (endpoint === undefined)
        assert.deepEqual(
          facilities.map(({ id }) => id),
          ['hub'],
        );
      else assert.ok(facilities.some(({ id }) => id === endpoint));
    });
});

const rows = facilityCases.length + routeCases.length + encodedCases.length + runawayCases.length;

describe('the table of resolution', () => {
  it(`has at least 150 rows: ${rows}`, () => {
    assert.ok(rows >= 150);
    for (const table of [facilityCases, routeCases, encodedCases, runawayCases])
      assert.equal(new Set(table.map(([title]) => title)).size, table.length, 'no row stands there twice');
  });

  it('is explained as it is decided', () => {
    for (const [title, facts] of routeCases)
      assert.deepEqual(explainInstance(routeDocument, { ...facts, sopClassUid: '' }).route, decideRoute(routeDocument, facts), title);
  });
});
