// Networks: prefixes of both families, addresses as sockets write them.
import assert from 'node:assert/strict';
import { BlockList } from 'node:net';
import { describe, it } from 'node:test';
import { canonicalNetwork, networkContains, parseNetwork } from './network.ts';

const contains: [network: string, address: string, expected: boolean][] = [
  ['10.1.0.0/16', '10.1.255.255', true],
  ['10.1.0.0/16', '10.2.0.0', false],
  ['10.1.0.0/16', '::ffff:10.1.2.3', true],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.3', '10.1.2.4', false],
  ['0.0.0.0/0', '203.0.113.9', true],
  ['0.0.0.0/0', '2001:db8::1', false],
  ['fd00::/8', 'fdff::1', true],
  ['fd00::/8', 'fe80::1%eth0', false],
  ['fe80::/10', 'fe80::1%eth0', true],
  ['::1', '::1', true],
  ['2001:db8::/33', '2001:db8:8000::', false],
  ['64:ff9b::10.1.0.0/112', '64:ff9b::a01:5', true],
  ['10.0.0.0/8', 'not an address', false],
  ['10.0.0.0/8', '', false],
];

describe('networks', () => {
  for (const [network, address, expected] of contains)
    it(`${network} ${expected ? 'contains' : 'does not contain'} ${JSON.stringify(address)}`, () =>
      assert.equal(networkContains(parseNetwork(network)!, address), expected));

  for (const text of [
    '10.1.0.0/33',
    '10.1.0/16',
    '10.1.0.0/',
    '10.1.0.0/-1',
    '10.1.0.0/1e1',
    'north',
    '',
    '::/129',
    '1::2::3',
    '10.1.0.0/16/8',
  ])
    it(`${JSON.stringify(text)} is no network`, () => assert.equal(parseNetwork(text), undefined));

  it('host bits do not make another network', () =>
    assert.equal(canonicalNetwork(parseNetwork('10.1.2.3/16')!), canonicalNetwork(parseNetwork('10.1.0.0/16')!)));

  it('agrees with the list of the runtime on 5,000 seeded cases of both families', () => {
    const random = seeded(7);
    const byte = () => random() % 256;
    for (let at = 0; at < 5000; at++) {
      const six = random() % 2 === 0;
      const address = () =>
        six ? Array.from({ length: 8 }, () => (random() % 3).toString(16)).join(':') : [10, byte() % 2, byte() % 4, byte()].join('.');
      const [base, prefix, peer] = [address(), random() % (six ? 129 : 33), address()];
      const list = new BlockList();
      list.addSubnet(base, prefix, six ? 'ipv6' : 'ipv4');
      assert.equal(
        networkContains(parseNetwork(`${base}/${prefix}`)!, peer),
        list.check(peer, six ? 'ipv6' : 'ipv4'),
        `${base}/${prefix} ${peer}`,
      );
    }
  });
});

/** Numerical Recipes' linear congruential generator; the upper bits. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 8;
  };
}
