// Seeded randomness and the mutations of bytes that every input shares: the same seed makes the same inputs, on any machine.

/** A whole number from 0 to below `limit`. */
export type Below = (limit: number) => number;

/** Mulberry32. */
export function seeded(seed: number): Below {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/** Each input has a seed of its own, so that one alone can be run again. */
export const seedOf = (seed: number, index: number): number => Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) + Math.imul(index + 1, 0xc2b2ae35);

export const pick = <T>(list: readonly T[], below: Below): T => list[below(list.length)]!;

const INTERESTING = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x10, 0x20, 0x30, 0x40, 0x50, 0x5c, 0x7f, 0x80, 0xe0, 0xfe, 0xff];
const MOST_BYTES = 256 * 1024;

type Mutation = (bytes: Buffer, below: Below) => Buffer;

const changed = (bytes: Buffer, change: (copy: Buffer) => void): Buffer => {
  const copy = Buffer.from(bytes);
  change(copy);
  return copy;
};
const range = (bytes: Buffer, below: Below): [from: number, to: number] => {
  const from = below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + below(below(8) === 0 ? 2000 : 20))];
};

const MUTATIONS: readonly Mutation[] = [
  (bytes, below) => changed(bytes, (copy) => copy.fill(pick(INTERESTING, below), ...oneAt(bytes, below))),
  (bytes, below) =>
    changed(bytes, (copy) => {
      copy[below(copy.length)]! ^= 1 << below(8);
    }),
  (bytes, below) => changed(bytes, (copy) => copy.writeUInt8(below(256), below(copy.length))),
  (bytes, below) => {
    const [from, to] = range(bytes, below);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, below) => {
    const [from, to] = range(bytes, below);
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]);
  },
  (bytes, below) => {
    const at = below(bytes.length);
    const inserted = Buffer.from(Array.from({ length: 1 + below(12) }, () => below(256)));
    return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
  },
  (bytes, below) => bytes.subarray(0, below(bytes.length + 1)),
];

function oneAt(bytes: Buffer, below: Below): [number, number] {
  const at = below(bytes.length);
  return [at, at + 1];
}

/** One change of some bytes, of any bytes. */
export function mutatedBytes(bytes: Buffer, below: Below): Buffer {
  if (bytes.length === 0) return bytes;
  return pick(MUTATIONS, below)(bytes, below).subarray(0, MOST_BYTES);
}

/** In chunks as a network might bring them: whole, some, or a few bytes at a time. */
export function* chunksOf(bytes: Buffer, below: Below): Generator<Buffer> {
  const most =
    bytes.length > 4096
      ? pick([bytes.length + 1, bytes.length + 1, 1500, 400], below)
      : pick([bytes.length + 1, bytes.length + 1, 200, 11], below);
  for (let at = 0; at < bytes.length; ) {
    const size = most > bytes.length ? bytes.length : 1 + below(most);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}
