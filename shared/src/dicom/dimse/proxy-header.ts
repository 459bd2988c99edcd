// The header of the PROXY protocol, version 1 and 2, that a balancer sends before the peer's own bytes (HAProxy's proxy-protocol.txt, sections 2.1 and 2.2).
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

/** Who connected to the balancer. */
export interface ProxiedPeer {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: 'incomplete' }
  /** `bytes`: its length. Without `peer` the connection is the balancer's own (LOCAL), or the balancer does not know (UNKNOWN, UNSPEC). */
  | { readonly kind: 'complete'; readonly bytes: number; readonly peer?: ProxiedPeer }
  | { readonly kind: 'invalid'; readonly problem: string };

const SIGNATURE_2 = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');
const SIGNATURE_1 = Buffer.from('PROXY ');
/** Section 2.1: the longest line, with its CR LF. */
const MOST_BYTES_1 = 107;
const FIXED_BYTES_2 = 16;
/** What follows the fixed part: addresses, and TLVs, of which a client certificate is the largest met. */
const MOST_MORE_BYTES_2 = 16_384;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };
const NO_HEADER = 'no PROXY protocol header came';

/** Looks at the first bytes of a connection; says `invalid` as soon as no header can begin like this. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (begins(bytes, SIGNATURE_2)) return bytes.length < FIXED_BYTES_2 ? INCOMPLETE : readVersion2(bytes);
  if (begins(bytes, SIGNATURE_1)) return bytes.length < SIGNATURE_1.length ? INCOMPLETE : readVersion1(bytes);
  return invalid(NO_HEADER);
}

function begins(bytes: Buffer, signature: Buffer): boolean {
  const length = Math.min(bytes.length, signature.length);
  return bytes.compare(signature, 0, length, 0, length) === 0;
}

function readVersion1(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, MOST_BYTES_1).indexOf('\r\n');
  if (end < 0) return bytes.length < MOST_BYTES_1 ? INCOMPLETE : invalid(`a PROXY line has no end within ${MOST_BYTES_1} bytes`);
  const length = end + 2;
  const [protocol, source, destination, sourcePort, destinationPort, ...more] = bytes
    .toString('latin1', SIGNATURE_1.length, end)
    .split(' ');
  // What follows UNKNOWN is to be ignored.
  if (protocol === 'UNKNOWN') return { kind: 'complete', bytes: length };
  const isAddress = protocol === 'TCP4' ? isIPv4 : protocol === 'TCP6' ? isUnzoned : undefined;
  if (isAddress === undefined) return invalid('a PROXY line names neither TCP4, TCP6 nor UNKNOWN');
  const [from, to] = [portOf(sourcePort), portOf(destinationPort)];
  if (more.length > 0 || from === undefined || to === undefined || !isAddress(source ?? '') || !isAddress(destination ?? ''))
    return invalid(`a PROXY line does not hold two addresses and two ports of ${protocol}`);
  return { kind: 'complete', bytes: length, peer: { address: canonical(source ?? ''), port: from } };
}

const isUnzoned = (text: string): boolean => isIPv6(text) && !text.includes('%');

function portOf(text = ''): number | undefined {
  return /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 0xffff ? Number(text) : undefined;
}

const LOCAL = 0;
const PROXY = 1;
/** Address family and transport, to the bytes of both addresses and ports, and of one address. */
const ADDRESSES: Readonly<Record<number, { readonly bytes: number; readonly address: 4 | 16 }>> = {
  17: { bytes: 12, address: 4 },
  33: { bytes: 36, address: 16 },
};
const UNSPECIFIED = 0x00;

/**
 * Section 2.2: 12 bytes signature, 1 version and command, 1 family and transport, 2 length of the rest, then source and destination address, source
 * and destination port, TLVs. TLVs are skipped.
 */
function readVersion2(bytes: Buffer): ProxyHeader {
  const [version, command] = [bytes[12]! >> 4, bytes[12]! & 0x0f];
  const more = bytes.readUInt16BE(14);
  if (version !== 2) return invalid(`a PROXY header has version ${version}`);
  if (command !== LOCAL && command !== PROXY) return invalid(`a PROXY header has command ${command}`);
  if (more > MOST_MORE_BYTES_2) return invalid(`a PROXY header is ${more} bytes long, the limit is ${MOST_MORE_BYTES_2}`);
  const family = bytes[13]!;
  const expected = ADDRESSES[family];
  const isProxied = command === PROXY && family !== UNSPECIFIED;
  if (isProxied && expected === undefined) return invalid(`a PROXY header is for family and transport 0x${hex(family)}, not TCP`);
  if (isProxied && more < expected!.bytes) return invalid(`a PROXY header has ${more} bytes for two addresses`);
  const length = FIXED_BYTES_2 + more;
  if (bytes.length < length) return INCOMPLETE;
  return isProxied ? { kind: 'complete', bytes: length, peer: peerIn(bytes, expected!.address) } : { kind: 'complete', bytes: length };
}

function peerIn(bytes: Buffer, size: 4 | 16): ProxiedPeer {
  const address = bytes.subarray(FIXED_BYTES_2, FIXED_BYTES_2 + size);
  const port = bytes.readUInt16BE(FIXED_BYTES_2 + 2 * size);
  if (size === 4) return { address: [...address].join('.'), port };
  const groups = Array.from({ length: 8 }, (_, at) => address.readUInt16BE(2 * at).toString(16));
  return { address: canonical(groups.join(':')), port };
}

/** One spelling for each address, that of sockets: limits are counted by it. IPv4 within IPv6 is IPv4. */
function canonical(address: string): string {
  if (isIPv4(address)) return address;
  const { address: spelled } = new SocketAddress({ address, family: 'ipv6' });
  return spelled.replace(/^::ffff:(?=\d+\.)/, '');
}

const hex = (byte: number): string => byte.toString(16).padStart(2, '0');

const invalid = (problem: string): ProxyHeader => ({ kind: 'invalid', problem });
