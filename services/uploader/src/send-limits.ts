// When and how fast each destination and each facility may be sent to, by the gateway document that holds and the clocks of its time zone: rates for the bytes under way, and windows for
// what may begin. Documents, shares of this replica and the minute may change it; whoever asks gets what holds now.
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { WeekSchedule, ZoneClock } from '@causeway/shared/config/week-schedule';
import type { Delivery } from '@causeway/shared/events/delivery';
import type { Lane } from '@causeway/shared/events/instance';
import type { Clock } from './circuit-breaker.ts';
import type { DestinationSettings } from './destination-settings.ts';
import type { DestinationShare } from './destination-share.ts';
import { createPace, type Pace } from './pace.ts';
import { TokenBucket } from './token-bucket.ts';

export interface SendLimitsParts {
  readonly share: DestinationShare;
  /** Wall clock. */
  readonly clock: Clock;
  readonly passed: (destination: string, bytes: number, waitedMs: number) => void;
}

interface DestinationLimits {
  readonly concurrency: number;
  /** undefined: no row, so no limit at any time. */
  readonly bandwidth: WeekSchedule<DestinationSettings['bandwidth'][number]> | undefined;
  /** undefined: always open. */
  readonly window: WeekSchedule<DestinationSettings['window'][number]> | undefined;
}

const MINUTE_MS = 60_000;
const BITS = 8;

export class SendLimits {
  readonly #parts: SendLimitsParts;
  #destinations: ReadonlyMap<string, DestinationLimits> = new Map();
  /** Bytes a second. */
  #facilities: ReadonlyMap<string, number> = new Map();
  readonly #buckets = new Map<string, TokenBucket>();
  readonly #listeners = new Set<() => void>();

  constructor(parts: SendLimitsParts) {
    this.#parts = parts;
    parts.share.onChange(() => this.#tell());
  }

  apply({ document }: Pick<Revision, 'document'>): void {
    const zone = new ZoneClock(document.gateway.timeZone);
    this.#destinations = new Map(document.destinations.map((settings) => [settings.id, limitsOf(settings, zone)]));
    this.#facilities = facilityRates(document);
    for (const id of this.#buckets.keys()) if (!this.#isKnown(id)) this.#buckets.delete(id);
    this.#tell();
  }

  /** For the bytes of one object. */
  paceOf({ destination, facility }: Pick<Delivery, 'destination' | 'facility'>): Pace {
    return createPace({
      clock: this.#parts.clock,
      buckets: () => this.#bucketsOf(destination, facility),
      onChange: (call) => this.onChange(call),
      passed: (bytes, waitedMs) => this.#parts.passed(destination, bytes, waitedMs),
    });
  }

  /** Whether work of the lane may begin now. Stat work always may. */
  isOpen(destination: string, lane: Lane): boolean {
    const window = this.#destinations.get(destination)?.window;
    return lane === 'stat' || window === undefined || window.rowAt(this.#parts.clock.now()) !== undefined;
  }

  /** Whether what is due since `since`, by a clock that this one is `aheadMs` ahead of [0], has had more than `ageMs` of time in which it might have been sent. */
  isOlder(due: { destination: string; lane: Lane; since: number; aheadMs?: number }, ageMs: number): boolean {
    const now = this.#parts.clock.now() - (due.aheadMs ?? 0);
    const window = this.#destinations.get(due.destination)?.window;
    if (now - due.since <= ageMs || window === undefined || due.lane === 'stat') return now - due.since > ageMs;
    return window.heldMs(due.since, now, ageMs + 1) > ageMs;
  }

  /** Destinations that have a window, and whether it is closed now. */
  windows(): { destination: string; closed: boolean }[] {
    const withWindow = [...this.#destinations].filter(([, { window }]) => window !== undefined);
    return withWindow.map(([destination]) => ({ destination, closed: !this.isOpen(destination, 'routine') }));
  }

  /** Calls whenever a rate or a window may have changed for another reason than the time. */
  onChange(call: () => void): { stop(): void } {
    const listener = (): void => call();
    this.#listeners.add(listener);
    return { stop: () => void this.#listeners.delete(listener) };
  }

  /** Calls at every minute, and whenever a window may have changed; until stopped. */
  onWindow(call: () => void): { stop(): void } {
    const { clock } = this.#parts;
    let timer: { cancel(): void } | undefined;
    const next = (): void => {
      timer = clock.after(MINUTE_MS - (clock.now() % MINUTE_MS), () => {
        next();
        call();
      });
    };
    next();
    const following = this.onChange(call);
    return {
      stop: () => {
        timer?.cancel();
        following.stop();
      },
    };
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  #isKnown(id: string): boolean {
    const [kind, name] = id.split(' ') as [string, string];
    return kind === 'facility' ? this.#facilities.has(name) : this.#destinations.has(name);
  }

  #bucketsOf(destination: string, facility: string | undefined): TokenBucket[] {
    const { share, clock } = this.#parts;
    const buckets: TokenBucket[] = [];
    const known = this.#destinations.get(destination);
    if (known?.bandwidth !== undefined) {
      const row = known.bandwidth.rowAt(clock.now());
      // What began before its slot went to another replica goes on as one slot.
      const part = Math.max(1, share.slots(destination, known.concurrency)) / known.concurrency;
      buckets.push(this.#bucket(`destination ${destination}`, row === undefined ? Number.POSITIVE_INFINITY : (row.rate / BITS) * part));
    }
    const rate = facility === undefined ? undefined : this.#facilities.get(facility);
    if (rate !== undefined) buckets.push(this.#bucket(`facility ${facility}`, rate / Math.max(1, share.replicas())));
    return buckets;
  }

  #bucket(id: string, rate: number): TokenBucket {
    const bucket = this.#buckets.get(id) ?? new TokenBucket(this.#parts.clock.now);
    this.#buckets.set(id, bucket);
    bucket.limit(rate);
    return bucket;
  }
}

function limitsOf({ concurrency, bandwidth, window }: DestinationSettings, zone: ZoneClock): DestinationLimits {
  return {
    concurrency,
    bandwidth: bandwidth.length === 0 ? undefined : new WeekSchedule(bandwidth, zone),
    window: window.length === 0 ? undefined : new WeekSchedule(window, zone),
  };
}

const facilityRates = ({ facilities }: GatewayDocument): Map<string, number> =>
  new Map(facilities.flatMap(({ id, quota }) => (quota.bandwidth === undefined ? [] : [[id, quota.bandwidth / BITS] as const])));
