// Whether more can be taken: free space, backlog and the time that storing takes, looked at each second, with hysteresis so that it does not flutter.
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { StoreLatency } from './store-latency.ts';

/** Fields of `admission` in the gateway document. */
export type AdmissionLimit = 'freeSpaceBelow' | 'backlogAbove' | 'storeLatencyAbove';

/** Why nothing is taken: the field that says so, and words with its number for a log or an Error Comment (64 characters). */
export interface Refusal {
  readonly limit: AdmissionLimit;
  readonly comment: string;
}

export interface Admission {
  /** Why nothing is taken now; undefined: taken. */
  refusal(): Refusal | undefined;
  /** Why a data set that is arriving, and needs more space the longer it does, must not go on. */
  spaceRefusal(): Refusal | undefined;
  /** Per limit what is there, as a share of what is allowed: above 1 nothing is taken. */
  loads(): ReadonlyMap<AdmissionLimit, number>;
  look(): Promise<void>;
}

export interface AdmissionParts {
  readonly bus: Pick<Bus, 'backlog'>;
  readonly store: Pick<ObjectStore, 'freeBytes'>;
  readonly latency: StoreLatency;
  readonly document: () => Pick<GatewayDocument, 'admission'> | undefined;
}

/** A closed gate opens again when the load is a tenth below its limit. */
const OPENS_BELOW = 0.9;
const MIB = 1024 ** 2;

export function createAdmission({ bus, store, latency, document }: AdmissionParts): Admission {
  const loads = new Map<AdmissionLimit, number>();
  const closed = new Map<AdmissionLimit, Refusal>();

  function judge(limit: AdmissionLimit, load: number, comment: string): void {
    loads.set(limit, load);
    if (load > 1 || (closed.has(limit) && load >= OPENS_BELOW)) closed.set(limit, { limit, comment });
    else closed.delete(limit);
  }

  async function lookAtSpace({ freeSpaceBelow }: GatewayDocument['admission']): Promise<void> {
    if (!store.freeBytes) return;
    const { free, total } = await store.freeBytes();
    const watermark = Math.max(freeSpaceBelow.bytes, (total * freeSpaceBelow.percent) / 100);
    judge(
      'freeSpaceBelow',
      watermark / Math.max(free, 1),
      `storage is below its free space watermark of ${Math.round(watermark / MIB)} MiB`,
    );
  }

  async function lookAtBacklog({ backlogAbove }: GatewayDocument['admission']): Promise<void> {
    const [received, ready] = await Promise.all([bus.backlog('RECEIVED'), bus.backlog('READY')]);
    judge(
      'backlogAbove',
      (received.messages + ready.messages) / backlogAbove,
      `backlog of work is above its limit of ${backlogAbove} messages`,
    );
  }

  function lookAtLatency({ storeLatencyAbove }: GatewayDocument['admission']): void {
    judge('storeLatencyAbove', latency.meanMs() / storeLatencyAbove, `storing takes longer than its limit of ${storeLatencyAbove} ms`);
  }

  /** One look at a time: a disk that hangs would be asked again each second, and every question keep a thread of the process. */
  let looking: Promise<unknown> | undefined;

  return {
    refusal: () => closed.values().next().value,
    spaceRefusal: () => closed.get('freeSpaceBelow'),
    loads: () => loads,
    look: async () => {
      const admission = document()?.admission;
      if (!admission) return;
      lookAtLatency(admission);
      // A broker that does not answer is no reason here: publishing will tell.
      looking ??= Promise.allSettled([lookAtSpace(admission), lookAtBacklog(admission)]).finally(() => {
        looking = undefined;
      });
      await looking;
    },
  };
}
