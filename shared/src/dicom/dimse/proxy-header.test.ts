// The PROXY protocol header, byte by byte: what HAProxy sends, what the specification forbids, and what nobody thought of.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProxyHeader, readProxyHeader } from './proxy-header.ts';
import { addresses4, addresses6, LOCAL_HEADER, proxyHeader2, tlv } from './proxy-header-for-tests.ts';

const line = (text: string): Buffer => Buffer.from(`PROXY ${text}\r\n`, 'latin1');
const passes = (bytes: Buffer, address?: string, port?: number): ProxyHeader =>
  address === undefined
    ? { kind: 'complete', bytes: bytes.length }
    : { kind: 'complete', bytes: bytes.length, peer: { address, port: port ?? 0 } };

const GOOD: [name: string, header: Buffer, address?: string, port?: number][] = [
  ['version 1 over IPv4', line('TCP4 203.0.113.9 192.0.2.1 40001 4104'), '203.0.113.9', 40_001],
  ['version 1 over IPv6, in one spelling', line('TCP6 2001:DB8:0:0::9 2001:db8::1 65535 0'), '2001:db8::9', 65_535],
  ['version 1 with IPv4 within IPv6', line('TCP6 ::ffff:203.0.113.9 ::1 1 2'), '203.0.113.9', 1],
  ['version 1 of an unknown connection', line('UNKNOWN')],
  ['version 1 of an unknown connection with what is to be ignored', line('UNKNOWN ffff:f::1 whatever 65535 65535')],
  ['the longest line', line(`UNKNOWN ${'x'.repeat(107 - 16)}`)],
  ['version 2 over IPv4', proxyHeader2(), '203.0.113.9', 40_001],
  ['version 2 over IPv6', proxyHeader2({ family: 0x21, body: addresses6('20010db8000000000000000000000009', 7) }), '2001:db8::9', 7],
  [
    'version 2 with IPv4 within IPv6',
    proxyHeader2({ family: 0x21, body: addresses6('00000000000000000000ffffcb007109', 7) }),
    '203.0.113.9',
    7,
  ],
  [
    'version 2 with TLVs, which are skipped',
    proxyHeader2({ body: Buffer.concat([addresses4('203.0.113.9', 7), tlv(0x03, 4), tlv(0x20, 900)]) }),
    '203.0.113.9',
    7,
  ],
  ['LOCAL, as health checks are', LOCAL_HEADER],
  ['LOCAL with addresses, which mean nothing', proxyHeader2({ command: 0x20 })],
  ['LOCAL of a family nobody knows', proxyHeader2({ command: 0x20, family: 0xff, body: tlv(4, 1) })],
  ['PROXY of an unspecified family', proxyHeader2({ family: 0, body: tlv(4, 20) })],
];

const BAD: [name: string, header: Buffer, problem: RegExp][] = [
  ['an A-ASSOCIATE-RQ', Buffer.from('0100000000cd00010000', 'hex'), /^no PROXY protocol header came$/],
  ['a TLS ClientHello', Buffer.from('160301', 'hex'), /^no PROXY protocol header came$/],
  ['a health check of HTTP', Buffer.from('GET / HTTP/1.0\r\n\r\n'), /^no PROXY protocol header came$/],
  ['a signature with one byte wrong', Buffer.from('0d0a0d0a000d0a515549540b', 'hex'), /^no PROXY protocol header came$/],
  ['PROXY in small letters', Buffer.from('proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n'), /^no PROXY protocol header came$/],
  ['a line that never ends', Buffer.from(`PROXY TCP4 ${'1'.repeat(96)}`), /no end within 107 bytes/],
  ['a line of one byte more than the longest', line(`UNKNOWN ${'x'.repeat(107 - 15)}`), /no end within 107 bytes/],
  ['another protocol', line('UDP4 1.2.3.4 1.2.3.4 1 2'), /neither TCP4, TCP6 nor UNKNOWN/],
  ['an empty line', line(''), /neither TCP4, TCP6 nor UNKNOWN/],
  ['IPv6 as TCP4', line('TCP4 ::1 ::1 1 2'), /two addresses and two ports of TCP4/],
  ['IPv4 as TCP6', line('TCP6 1.2.3.4 1.2.3.4 1 2'), /two addresses and two ports of TCP6/],
  ['a zone', line('TCP6 fe80::1%eth0 ::1 1 2'), /two addresses and two ports of TCP6/],
  ['a host name', line('TCP4 localhost 1.2.3.4 1 2'), /two addresses and two ports/],
  ['a port too large', line('TCP4 1.2.3.4 1.2.3.4 65536 2'), /two addresses and two ports/],
  ['a port with a leading zero', line('TCP4 1.2.3.4 1.2.3.4 01 2'), /two addresses and two ports/],
  ['a missing port', line('TCP4 1.2.3.4 1.2.3.4 1'), /two addresses and two ports/],
  ['one word more', line('TCP4 1.2.3.4 1.2.3.4 1 2 3'), /two addresses and two ports/],
  ['two spaces', line('TCP4  1.2.3.4 1.2.3.4 1 2'), /two addresses and two ports/],
  ['version 3', proxyHeader2({ command: 0x31 }), /has version 3/],
  ['a command nobody knows', proxyHeader2({ command: 0x22 }), /has command 2/],
  ['UDP', proxyHeader2({ family: 0x12 }), /family and transport 0x12, not TCP/],
  ['a Unix socket', proxyHeader2({ family: 0x31, body: Buffer.alloc(216) }), /family and transport 0x31, not TCP/],
  ['too few bytes for IPv4', proxyHeader2({ body: Buffer.alloc(11) }), /has 11 bytes for two addresses/],
  ['too few bytes for IPv6', proxyHeader2({ family: 0x21, body: Buffer.alloc(35) }), /has 35 bytes for two addresses/],
  ['a length beyond the limit', proxyHeader2({ body: Buffer.alloc(16_385) }).subarray(0, 16), /16385 bytes long, the limit is 16384/],
];

describe('the PROXY protocol header', () => {
  for (const [name, header, address, port] of GOOD) {
    it(`${name} is read, whatever follows it`, () => {
      assert.deepEqual(readProxyHeader(header), passes(header, address, port));
      const more = readProxyHeader(Buffer.concat([header, Buffer.from('0100\r\nPROXY')]));
      assert.deepEqual(more, passes(header, address, port));
    });
    it(`${name} is incomplete before its last byte, and never wrong`, () => {
      for (let length = 0; length < header.length; length++)
        assert.deepEqual(readProxyHeader(header.subarray(0, length)), { kind: 'incomplete' }, `after ${length} bytes`);
    });
  }
  for (const [name, header, problem] of BAD) {
    it(`${name} is refused`, () => {
      const read = readProxyHeader(header);
      assert.equal(read.kind, 'invalid');
      assert.match(read.kind === 'invalid' ? read.problem : '', problem);
    });
  }
  it('what cannot become a header is refused at its first wrong byte', () => {
    assert.equal(readProxyHeader(Buffer.from([0x01])).kind, 'invalid');
    assert.equal(readProxyHeader(Buffer.from([0x0d, 0x0a, 0x0d, 0x0b])).kind, 'invalid');
  });
});

const FUZZ_ROUNDS = 20_000;

/** Mulberry32: the same mutations at every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe('mutated PROXY protocol headers', () => {
  const random = seeded(8996);
  const upTo = (limit: number): number => Math.floor(random() * limit);
  const mutate = (header: Buffer): Buffer => {
    const bytes = Buffer.concat([header, Buffer.alloc(upTo(8), upTo(256))]);
    for (let change = upTo(4); change > 0; change--) bytes[upTo(bytes.length)] = upTo(256);
    return random() < 0.7 ? bytes : bytes.subarray(0, upTo(bytes.length + 1));
  };
  it('never throw, never claim more bytes than there are, and never name something else than an address', () => {
    const seen = { complete: 0, incomplete: 0, invalid: 0 };
    for (let round = 0; round < FUZZ_ROUNDS; round++) {
      const bytes = mutate(GOOD[round % GOOD.length]![1]);
      const read = readProxyHeader(bytes);
      seen[read.kind]++;
      if (read.kind !== 'complete') continue;
      assert.ok(read.bytes <= bytes.length && read.bytes > 0);
      if (read.peer !== undefined) assert.match(read.peer.address, /^[0-9a-f:.]{2,45}$/);
    }
    assert.ok(Math.min(...Object.values(seen)) > FUZZ_ROUNDS / 20, JSON.stringify(seen));
  });
});
