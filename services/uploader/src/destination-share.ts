// How much of a destination this replica may use: its concurrency holds for the whole cluster, so its slots are divided among the living replicas.
import type { Replicas } from '@causeway/shared/bus/replicas';

/**
 * After replicas came or went each goes over to its new share at once, and ends what it has under way: for as long as those requests take, at most
 * `concurrency` more than allowed run for each change; besides, a replica that is cut off from the broker ends its own without being counted.
 */
export interface DestinationShare {
  /** Requests that may run here, 0 to `concurrency`; over all replicas they add up to `concurrency`. */
  slots(destination: string, concurrency: number): number;
  /** How many live, with ourselves. */
  replicas(): number;
  /** Called when shares may have changed, until stopped. */
  onChange(call: () => void): { stop(): void };
}

export function shareAmong(replicas: Pick<Replicas, 'self' | 'living' | 'onChange'>): DestinationShare {
  return {
    slots: (destination, concurrency) => {
      const living = replicas.living();
      return slotsOf({ destination, concurrency }, { place: living.indexOf(replicas.self), of: living.length });
    },
    replicas: () => replicas.living().length,
    onChange: (call) => replicas.onChange(call),
  };
}

/** Slot i belongs to the replica at (hash + i) mod n: every replica finds the same without asking, and single slots spread over the replicas. */
export function slotsOf(of: { destination: string; concurrency: number }, replica: { place: number; of: number }): number {
  const first = (((replica.place - hash(of.destination)) % replica.of) + replica.of) % replica.of;
  return Math.floor((of.concurrency - first + replica.of - 1) / replica.of);
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text, 'utf8')) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}
