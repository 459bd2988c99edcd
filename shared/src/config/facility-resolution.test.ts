// Facility resolution: the order of precedence, its ties, and who is let in at all.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { acceptedCalledAes, acceptsCalledAe, acceptsCaller, type Peer, resolveFacility } from './facility-resolution.ts';
import { parseGatewayDocument } from './gateway-document.ts';

const document = parseGatewayDocument({
  gateway: { aeTitle: 'CAUSEWAY', calledAeTitles: ['GATEWAY'] },
  facilities: [
    { id: 'rest', match: [{}] },
    { id: 'hub', match: [{ calledAe: 'GATEWAY' }, { calledAe: 'CAUSEWAY' }] },
    { id: 'north', match: [{ calledAe: 'NORTH' }, { callingAe: 'NORTH_CT1' }, { network: '10.1.0.0/16' }, { tlsSubject: 'CN=north*' }] },
    {
      id: 'south',
      match: [{ callingAe: 'SOUTH_CT1' }, { network: '10.0.0.0/8' }, { tlsSubject: 'CN=*ct7' }, { calledAe: 'SHARED', callingAe: 'S1' }],
    },
    { id: 'west', match: [{ network: '10.1.7.0/24' }, { calledAe: 'SHARED' }, { calledAe: 'WEST', network: '10.9.0.0/16' }] },
    { id: 'east', match: [{ callingAe: 'TWIN', network: '192.168.0.0/16' }, { network: 'fd00::/8' }] },
    { id: 'far-east', match: [{ callingAe: 'TWIN', network: '192.168.1.0/24' }] },
  ],
});
const peer = (changes: Partial<Peer>): Peer => ({ callingAe: 'ANY', calledAe: 'OTHER', source: '203.0.113.1', ...changes });

const cases: [title: string, peer: Peer, expected: string | string[] | undefined][] = [
  ['nothing known goes to the catch-all', peer({}), 'rest'],
  ['a called AE title that one facility lists decides', peer({ calledAe: 'NORTH' }), 'north'],
  ['a called AE title is case sensitive', peer({ calledAe: 'north' }), 'rest'],
  ['spaces around AE titles do not count', peer({ calledAe: 'NORTH ', callingAe: ' X ' }), 'north'],
  ['a calling AE title decides', peer({ callingAe: 'NORTH_CT1' }), 'north'],
  ['a called AE title beats a calling one', peer({ calledAe: 'NORTH', callingAe: 'SOUTH_CT1' }), 'north'],
  ['a calling AE title beats a network', peer({ callingAe: 'SOUTH_CT1', source: '10.1.2.3' }), 'south'],
  ['the longest prefix of three wins', peer({ source: '10.1.7.9' }), 'west'],
  ['the longest prefix of two wins', peer({ source: '10.1.2.3' }), 'north'],
  ['the only network wins', peer({ source: '10.200.0.1' }), 'south'],
  ['an address mapped into IPv6 is the IPv4 one', peer({ source: '::ffff:10.200.0.1' }), 'south'],
  ['an IPv6 network decides', peer({ source: 'fd00::7' }), 'east'],
  [
    'a TLS subject beats everything',
    peer({ tlsSubject: 'CN=north-ct,O=N', calledAe: 'WEST', callingAe: 'SOUTH_CT1', source: '10.9.0.1' }),
    'north',
  ],
  ['two TLS subjects that fit are a tie', peer({ tlsSubject: 'CN=north-ct7' }), ['north', 'south']],
  ['a TLS subject row needs a TLS subject', peer({ tlsSubject: undefined }), 'rest'],
  ['the gateway’s own called AE title is the last before the catch-all', peer({ calledAe: 'GATEWAY' }), 'hub'],
  ['a network beats the gateway’s own called AE title', peer({ calledAe: 'GATEWAY', source: '10.200.0.1' }), 'south'],
  ['a calling AE title beats the gateway’s own called AE title', peer({ calledAe: 'CAUSEWAY', callingAe: 'NORTH_CT1' }), 'north'],
  ['a called AE title that two list counts last', peer({ calledAe: 'SHARED', source: '10.1.2.3' }), 'north'],
  ['a called AE title that two list decides where nothing else does', peer({ calledAe: 'SHARED' }), 'west'],
  ['with another field its row counts as that field', peer({ calledAe: 'SHARED', callingAe: 'S1' }), 'south'],
  ['a row needs all its fields', peer({ calledAe: 'WEST', source: '10.200.0.1' }), 'south'],
  ['a row with all its fields counts as the highest', peer({ calledAe: 'WEST', source: '10.9.0.1', callingAe: 'NORTH_CT1' }), 'west'],
  [
    'two rows of one rank are a tie, however many fields they have',
    peer({ callingAe: 'TWIN', source: '192.168.1.5' }),
    ['east', 'far-east'],
  ],
  ['only one of the two fits', peer({ callingAe: 'TWIN', source: '192.168.2.5' }), 'east'],
];

describe('facility resolution', () => {
  for (const [title, known, expected] of cases)
    it(title, () => {
      const resolution = resolveFacility(document, known);
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
    assert.deepEqual(resolveFacility(document, peer({ source: '10.1.2.3' })), {
      facility: 'north',
      rule: 'north: match { network: 10.1.0.0/16 }',
    });
    assert.deepEqual(resolveFacility(document, peer({})), { facility: 'rest', rule: 'rest: match {}' });
  });

  it('is not ambiguous when two rows of one facility fit', () => {
    const twice = parseGatewayDocument({ facilities: [{ id: 'a', match: [{ tlsSubject: 'CN=a*' }, { tlsSubject: 'CN=*1' }] }] });
    assert.equal((resolveFacility(twice, peer({ tlsSubject: 'CN=a1' })) as { facility: string }).facility, 'a');
  });
});

describe('who is let in', () => {
  it('called AE titles of the gateway and of every match row are accepted, others are not', () => {
    assert.deepEqual([...acceptedCalledAes(document)].sort(), ['CAUSEWAY', 'GATEWAY', 'NORTH', 'SHARED', 'WEST']);
    assert.equal(acceptsCalledAe(document, 'NORTH '), true);
    assert.equal(acceptsCalledAe(document, 'North'), false);
  });
  it('"*" accepts any called AE title', () =>
    assert.equal(acceptsCalledAe(parseGatewayDocument({ gateway: { calledAeTitles: ['*'] } }), 'WHATEVER'), true));
  it('anyone may call by default', () => assert.equal(acceptsCaller(document, peer({})), true));
  it('with callers given, one row must fit with all its fields', () => {
    const closed = parseGatewayDocument({ gateway: { callers: [{ callingAe: 'CT1', network: '10.1.0.0/16' }, { tlsSubject: 'CN=ok*' }] } });
    assert.equal(acceptsCaller(closed, peer({ callingAe: 'CT1', source: '10.1.0.9' })), true);
    assert.equal(acceptsCaller(closed, peer({ callingAe: 'CT1', source: '10.2.0.9' })), false);
    assert.equal(acceptsCaller(closed, peer({ tlsSubject: 'CN=ok-1' })), true);
    assert.equal(acceptsCaller(closed, peer({})), false);
  });
});
