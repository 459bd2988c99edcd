// IP networks: parsed once, asked per association.
import { isIPv4, isIPv6 } from 'node:net';

/** `value`: the address as a number of `bits` bits (32 or 128); `prefix`: how many leading bits count. */
export interface Network {
  readonly bits: 32 | 128;
  readonly value: bigint;
  readonly prefix: number;
}

/** CIDR (`10.1.0.0/16`, `fd00::/8`) or one address; undefined when it is neither. Host bits are cleared. */
export function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const written = slash < 0 ? String(address.bits) : text.slice(slash + 1);
  const prefix = /^\d{1,3}$/.test(written) ? Number(written) : Number.NaN;
  if (!(prefix <= address.bits)) return undefined;
  const hostBits = BigInt(address.bits - prefix);
  return { bits: address.bits, value: (address.value >> hostBits) << hostBits, prefix };
}

/** Whether the address (as a socket names its peer: IPv4, IPv6, IPv4 mapped into IPv6, with or without zone) lies in the network. */
export function networkContains(network: Network, address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === undefined || parsed.bits !== network.bits) return false;
  const hostBits = BigInt(network.bits - network.prefix);
  return parsed.value >> hostBits === network.value >> hostBits;
}

/** Whether every address of `special` lies in `general`. */
export const networkCovers = (general: Network, special: Network): boolean =>
  general.bits === special.bits && general.prefix <= special.prefix && isPart(general, special);

/** Whether some address lies in both. */
export const networksMeet = (one: Network, other: Network): boolean => networkCovers(one, other) || networkCovers(other, one);

function isPart(general: Network, special: Network): boolean {
  const hostBits = BigInt(general.bits - general.prefix);
  return general.value >> hostBits === special.value >> hostBits;
}

/** One way to write each network. */
export const canonicalNetwork = ({ bits, value, prefix }: Network): string => `${bits}:${value.toString(16)}/${prefix}`;

function parseAddress(text: string): Pick<Network, 'bits' | 'value'> | undefined {
  const plain = text.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  if (isIPv4(plain)) return { bits: 32, value: joined(plain.split('.').map(Number), 8) };
  return isIPv6(plain) ? { bits: 128, value: joined(groupsOf(plain), 16) } : undefined;
}

const joined = (parts: number[], width: number): bigint => parts.reduce((sum, part) => (sum << BigInt(width)) | BigInt(part), 0n);

/** The eight 16-bit groups of an IPv6 address, `::` filled in, an IPv4 tail taken as two groups (RFC 4291 section 2.2). */
function groupsOf(address: string): number[] {
  const [head, tail] = address.split('::').map(groupsOfPart);
  if (tail === undefined) return head!;
  return [...head!, ...new Array<number>(8 - head!.length - tail.length).fill(0), ...tail];
}

function groupsOfPart(part: string): number[] {
  if (part === '') return [];
  return part.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)];
    const [a, b, c, d] = group.split('.').map(Number);
    return [(a! << 8) | b!, (c! << 8) | d!];
  });
}
