// The port to a destination, whatever protocol it speaks.
import type { Delivery } from '@causeway/shared/events/delivery';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { Context } from '@causeway/shared/spans';
import type { Outcome } from './delivery-outcome.ts';
import type { OutboundObject } from './outbound-object.ts';

/** One object to be sent for one delivery. `resend`: it may have arrived before. */
export interface Parcel {
  readonly delivery: Delivery;
  readonly object: OutboundObject;
  readonly resend: boolean;
  /** Of the delivery: requests are sent for several at once. */
  readonly trace?: Context | undefined;
}

export interface Sender {
  /** Parcels one request may carry. */
  readonly batch: { readonly instances: number; readonly size: number };
  /** Requests that may begin although all connections are taken: they read their object and wait for the next free one. */
  readonly ahead: number;
  /** One outcome for each parcel, in their order. Never rejects for what the destination or the network did. */
  send(parcels: readonly Parcel[]): Promise<Outcome[]>;
  /** Lets go of idle connections; the next request reads certificates and secrets anew. Requests under way go on. */
  reset(): void;
  /** Releases connections in good order once nothing is under way. */
  close(): Promise<void>;
  /** Cuts what is under way: outcomes become transient. */
  abort(): void;
}

/** What every sender needs. `upcoming`: deliveries that wait, most urgent first. */
export interface SenderParts {
  readonly store: ObjectStore;
  readonly upcoming: () => readonly Delivery[];
  /** Connections that this process may have now, at most the concurrency of the destination. */
  readonly slots: () => number;
}
