// Publishes due deliveries, unless a queue is full: that of the destination, that of the facility, or the part of the common one that the destination may have. What finds no room
// is parked by whoever publishes (a fact), and queued again by the ledger. So no destination and no facility ever takes the room of another.
import type { GatewayDocument } from '../config/gateway-document.ts';
import { PublicationRefused } from '../errors.ts';
import type { DeliveryDue } from '../events/delivery.ts';
import type { ParkReason } from '../events/facts.ts';
import { deliverySubject, NO_FACILITY } from '../events/flow.ts';
import type { Lane } from '../events/instance.ts';
import type { Bus } from './bus.ts';
import { CountedQueue } from './counted-queue.ts';

export interface DeliveryQueueParts {
  readonly bus: Pick<Bus, 'publish' | 'queued' | 'backlog'>;
  /** The document that holds now. */
  readonly document: () => GatewayDocument | undefined;
  /** ms; only differences count. */
  readonly now: () => number;
}

/** Where a delivery is queued. */
export interface DeliveryPlace {
  readonly destination: string;
  readonly lane: Lane;
  readonly facility?: string | undefined;
}

interface QueueLimit {
  readonly queue: CountedQueue;
  readonly most: number;
  readonly reason: ParkReason;
}

/**
 * Half of the stream is shared out evenly among the destinations, the other half is for whoever needs it. So the sum of what all may have is what the stream holds, and one that
 * works always finds room, whatever lies there for others.
 */
const SHARED_HALF = 1 / 2;
/** Of a delivery.due event, where the stream has too few to tell. */
const USUAL_BYTES = 3_000;
const ENOUGH_TO_TELL = 1_000;
/** Of a limit, what work that becomes due may fill; the rest is for what was parked: else fresh work would keep a full queue full, and the oldest would wait for the night. */
const FRESH_PART = 0.9;
/** Parked work is queued again once a queue is this far below its limit, not one for each that leaves. */
const ROOM_BELOW = 0.95;

export class DeliveryQueues {
  readonly #parts: DeliveryQueueParts;
  readonly #queues = new Map<string, CountedQueue>();
  readonly #all: CountedQueue;
  /** Messages the stream holds at most, as far as is known. */
  #capacity = Number.POSITIVE_INFINITY;
  #known: { document: GatewayDocument; limits: KnownLimits } | undefined;

  constructor(parts: DeliveryQueueParts) {
    this.#parts = parts;
    this.#all = new CountedQueue(() => this.#askAll(), parts.now);
  }

  /** Resolves with undefined when JetStream acknowledged, or with the reason why it must be parked: then nothing is published. Throws as `Bus.publish`. */
  async publish(event: DeliveryDue, messageId: string): Promise<ParkReason | undefined> {
    const { destination, facility, instance } = event.delivery;
    const part = event.wasParked === true ? 1 : FRESH_PART;
    await this.#all.look(this.#capacity * SHARED_HALF * part);
    const limits = this.#limitsOf({ destination, facility, lane: instance.lane });
    await Promise.all(limits.map(({ queue, most }) => queue.look(most * part)));
    // From here to `enter` nothing waits: two publications at a time never take the same room.
    const full = limits.find((limit) => this.#isFull(limit, part));
    if (full !== undefined) return full.reason;
    const ended = [this.#all, ...new Set(limits.map(({ queue }) => queue))].map((queue) => queue.enter());
    let isPublished = false;
    try {
      await this.#parts.bus.publish(event, { subject: deliverySubject(destination, instance.lane, facility), messageId });
      isPublished = true;
      return undefined;
    } catch (error) {
      if (error instanceof PublicationRefused && error.full) return 'queue-full';
      // It may have got there all the same.
      isPublished = !(error instanceof PublicationRefused);
      throw error;
    } finally {
      for (const end of ended) end(isPublished);
    }
  }

  /** True when every queue of the place has fallen well below its limit. */
  async hasRoom(place: DeliveryPlace): Promise<boolean> {
    await this.#all.look(0);
    const limits = this.#limitsOf(place);
    await Promise.all(limits.map(({ queue }) => queue.look(0)));
    return limits.every((limit) => !this.#isFull(limit, ROOM_BELOW));
  }

  #isFull({ queue, most, reason }: QueueLimit, part: number): boolean {
    if (reason === 'shared-queue' && this.#all.count < this.#capacity * SHARED_HALF * part) return false;
    return queue.count >= most * part;
  }

  /** Stat work is counted by itself: it does not wait behind what else is queued for its destination. */
  #limitsOf({ destination, lane, facility = NO_FACILITY }: DeliveryPlace): QueueLimit[] {
    const { queued, facilityQueued, destinations } = this.#knownLimits();
    const own = queued.get(destination);
    const quota = facilityQueued.get(facility);
    const counted = lane === 'stat' ? 'stat' : '*';
    const share = Math.max(1, Math.floor((this.#capacity * SHARED_HALF) / Math.max(1, destinations)));
    const all: QueueLimit = { queue: this.#queue(`delivery.due.${destination}.>`), most: share, reason: 'shared-queue' };
    return [
      ...(own === undefined
        ? []
        : [{ queue: this.#queue(destinationFilter(destination, lane)), most: own, reason: 'destination-queue' } as const]),
      ...(quota === undefined
        ? []
        : [{ queue: this.#queue(`delivery.due.*.${counted}.${facility}`), most: quota, reason: 'facility-queue' } as const]),
      all,
    ];
  }

  #knownLimits(): KnownLimits {
    const document = this.#parts.document();
    if (document === undefined) return NO_LIMITS;
    if (this.#known?.document !== document) this.#known = { document, limits: limitsIn(document) };
    return this.#known.limits;
  }

  #queue(filter: string): CountedQueue {
    const known = this.#queues.get(filter);
    if (known !== undefined) return known;
    const made = new CountedQueue(() => this.#parts.bus.queued('DELIVERIES', filter), this.#parts.now);
    this.#queues.set(filter, made);
    return made;
  }

  async #askAll(): Promise<number> {
    const { messages, bytes, most } = await this.#parts.bus.backlog('DELIVERIES');
    const each = messages < ENOUGH_TO_TELL ? USUAL_BYTES : bytes / messages;
    this.#capacity = Math.min(most.messages, most.bytes / each);
    return messages;
  }
}

const destinationFilter = (destination: string, lane: Lane): string =>
  lane === 'stat' ? `delivery.due.${destination}.stat.>` : `delivery.due.${destination}.>`;

interface KnownLimits {
  readonly queued: ReadonlyMap<string, number>;
  readonly facilityQueued: ReadonlyMap<string, number>;
  readonly destinations: number;
}

const NO_LIMITS: KnownLimits = { queued: new Map(), facilityQueued: new Map(), destinations: 1 };

function limitsIn({ destinations, facilities }: GatewayDocument): KnownLimits {
  return {
    queued: new Map(destinations.map(({ id, queued }) => [id, queued])),
    facilityQueued: new Map(facilities.flatMap(({ id, quota }) => (quota.queued === undefined ? [] : [[id, quota.queued] as const]))),
    destinations: destinations.length,
  };
}
