// Facility resolution: the order of precedence, its ties, and who is let in at all.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { facilityCases, facilityDocument, peer } from './facility-cases-for-tests.ts';
import { acceptedCalledAes, acceptsCalledAe, acceptsCaller, resolveFacility } from './facility-resolution.ts';
import { parseGatewayDocument } from './gateway-document.ts';

describe('facility resolution', () => {
  for (const [title, known, expected] of facilityCases)
    it(title, () => {
      const resolution = resolveFacility(facilityDocument, known);
      assert.deepEqual(
        'facility' in resolution ? resolution.facility : 'ambiguous' in resolution ? resolution.ambiguous : undefined,
        expected,
      );
    });

  it('finds nothing without a catch-all', () =>
    assert.deepEqual(resolveFacility(parseGatewayDocument({ facilities: [{ id: 'a', match: [{ calledAe: 'A' }] }] }), peer({})), {
      none: true,
    }));

  it('tells the row that decided, as configured', () => {
    assert.deepEqual(resolveFacility(facilityDocument, peer({ source: '10.1.2.3' })), {
      facility: 'north',
      rule: 'north: match { network: 10.1.0.0/16 }',
    });
    assert.deepEqual(resolveFacility(facilityDocument, peer({})), { facility: 'rest', rule: 'rest: match {}' });
  });

  it('is not ambiguous when two rows of one facility fit', () => {
    const twice = parseGatewayDocument({ facilities: [{ id: 'a', match: [{ tlsSubject: 'CN=a*' }, { tlsSubject: 'CN=*1' }] }] });
    assert.equal((resolveFacility(twice, peer({ tlsSubject: 'CN=a1' })) as { facility: string }).facility, 'a');
  });
});

describe('who is let in', () => {
  it('called AE titles of the gateway and of every match row are accepted, others are not', () => {
    assert.deepEqual([...acceptedCalledAes(facilityDocument)].sort(), ['CAUSEWAY', 'GATEWAY', 'NORTH', 'SHARED', 'WEST']);
    assert.equal(acceptsCalledAe(facilityDocument, 'NORTH '), true);
    assert.equal(acceptsCalledAe(facilityDocument, 'North'), false);
  });
  it('"*" accepts any called AE title', () =>
    assert.equal(acceptsCalledAe(parseGatewayDocument({ gateway: { calledAeTitles: ['*'] } }), 'WHATEVER'), true));
  it('anyone may call by default', () => assert.equal(acceptsCaller(facilityDocument, peer({})), true));
  it('with callers given, one row must fit with all its fields', () => {
    const closed = parseGatewayDocument({ gateway: { callers: [{ callingAe: 'CT1', network: '10.1.0.0/16' }, { tlsSubject: 'CN=ok*' }] } });
    assert.equal(acceptsCaller(closed, peer({ callingAe: 'CT1', source: '10.1.0.9' })), true);
    assert.equal(acceptsCaller(closed, peer({ callingAe: 'CT1', source: '10.2.0.9' })), false);
    assert.equal(acceptsCaller(closed, peer({ tlsSubject: 'CN=ok-1' })), true);
    assert.equal(acceptsCaller(closed, peer({})), false);
  });
});
