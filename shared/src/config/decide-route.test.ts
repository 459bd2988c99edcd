// Route decisions: the table, and what decisions tell.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideRoute } from './decide-route.ts';
import { parseGatewayDocument } from './gateway-document.ts';
import { assigned, by, endpoint, routeCases, routeDocument, stow, to } from './route-cases-for-tests.ts';

describe('route decisions', () => {
  for (const [title, facts, { facilities, destinations, held, remember }] of routeCases)
    it(title, () => {
      const decision = decideRoute(routeDocument, facts);
      assert.equal(decision.facilities.map(({ id }) => id).join(' '), facilities);
      assert.equal(decision.deliveries.map(({ destination }) => destination).join(' '), destinations);
      assert.equal(decision.held?.reason, held);
      assert.equal(decision.remember?.endpoints.join(' '), remember);
      assert.ok(decision.deliveries.length > 0 || decision.held !== undefined, 'an instance goes somewhere or is held (invariant 8)');
    });

  it('tell each delivery’s rule as configured, and on whose behalf', () => {
    assert.deepEqual(decideRoute(routeDocument, to('GATEWAY', 'MS44')).deliveries, [
      { destination: 'cloud', facility: 'hub', rule: 'hub: match { calledAe: GATEWAY }' },
      { destination: 'ms44-pacs', facility: 'ms44', rule: 'ms44: at hub hub, InstitutionName exact "MS44"' },
    ]);
  });

  it('tell both rules of a destination that two facilities share', () => {
    const [shared] = decideRoute(routeDocument, to('GATEWAY', 'CLOUDY')).deliveries;
    assert.deepEqual(shared, {
      destination: 'cloud',
      facility: 'hub',
      rule: 'hub: match { calledAe: GATEWAY }; also cloudy: at hub hub, InstitutionName exact "CLOUDY"',
    });
  });

  it('tell who assigned and which study was followed', () => {
    assert.equal(decideRoute(routeDocument, assigned(by({}), ['south'])).deliveries[0]?.rule, 'south: assigned by erika');
    const follower = decideRoute(routeDocument, to('GATEWAY', undefined, { studyEndpoints: ['ms44'] })).deliveries[1];
    assert.equal(follower?.rule, 'ms44: at hub hub, follows its study (no InstitutionName)');
  });

  it('name the candidates of a tie and the hub of what is unmatched', () => {
    assert.deepEqual(decideRoute(routeDocument, by({ tlsSubject: 'CN=ns' })).held?.candidates, ['north', 'south']);
    assert.equal(decideRoute(routeDocument, to('GATEWAY', 'MS99')).held?.facility, 'hub');
  });

  it('never repeat the value of the instance', () => {
    for (const facts of [to('GATEWAY', 'MS46 CANARY'), to('GATEWAY', 'CANARY')])
      assert.ok(!JSON.stringify(decideRoute(routeDocument, facts)).includes('CANARY'));
  });

  it('cut a match row that is longer than a rule may be', () => {
    const subject = `CN=${'x'.repeat(1000)}`;
    const long = parseGatewayDocument({
      facilities: [{ id: 'a', match: [{ tlsSubject: subject }], destinations: ['cloud'] }],
      destinations: [stow('cloud')],
    });
    const { facilities, deliveries } = decideRoute(long, by({ tlsSubject: subject }));
    assert.deepEqual([facilities[0]?.rule.length, deliveries[0]?.rule.length], [300, 300]);
  });

  it('stay within the limits of facts with 2,000 endpoints of long names that all match', () => {
    const many = Array.from({ length: 2000 }, (_, n) =>
      endpoint(`e${n}-${'x'.repeat(50)}`, [{ hub: 'h', match: 'wildcard', value: `*${'?'.repeat(190)}*` }], { destinations: ['cloud'] }),
    );
    const big = parseGatewayDocument({
      facilities: [{ id: 'h', model: 'hub', match: [{}], mappingTag: 'InstitutionName', destinations: ['cloud'] }, ...many],
      destinations: [stow('cloud')],
    });
    const { deliveries, facilities } = decideRoute(big, to('X', 'y'.repeat(190)));
    assert.equal(facilities.length, 2001);
    assert.equal(deliveries.length, 1);
    assert.ok(deliveries[0]!.rule.length <= 300 && facilities.every(({ rule }) => rule.length <= 300));
  });
});
