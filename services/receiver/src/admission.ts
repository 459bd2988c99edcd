// Whether more can be taken: free space and backlog, looked at each second, with hysteresis so that it does not flutter.
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';

export interface Admission {
  /** Why nothing is taken now; undefined: taken. In words for a log or an Error Comment (64 characters). */
  refusal(): string | undefined;
  look(): Promise<void>;
}

/** Admission opens again when space is 10 % above the watermark, or the backlog 10 % below its limit. */
const HYSTERESIS = 0.1;

export function createAdmission(parts: { bus: Bus; store: ObjectStore; document: () => GatewayDocument | undefined }): Admission {
  let space: string | undefined;
  let backlog: string | undefined;

  async function lookAtSpace(admission: GatewayDocument['admission']): Promise<void> {
    if (!parts.store.freeBytes) return;
    const { free, total } = await parts.store.freeBytes();
    const watermark = Math.max(admission.freeSpaceBelow.bytes ?? 0, (total * (admission.freeSpaceBelow.percent ?? 0)) / 100);
    const limit = space ? watermark * (1 + HYSTERESIS) : watermark;
    space = free < limit ? 'storage is below its free space watermark' : undefined;
  }

  async function lookAtBacklog(admission: GatewayDocument['admission']): Promise<void> {
    const [received, ready] = await Promise.all([parts.bus.backlog('RECEIVED'), parts.bus.backlog('READY')]);
    const messages = received.messages + ready.messages;
    const limit = backlog ? admission.backlogAbove * (1 - HYSTERESIS) : admission.backlogAbove;
    backlog = messages > limit ? 'backlog of work is above its limit' : undefined;
  }

  return {
    refusal: () => space ?? backlog,
    look: async () => {
      const admission = parts.document()?.admission;
      if (!admission) return;
      // A broker that does not answer is no reason here: publishing will tell.
      await Promise.allSettled([lookAtSpace(admission), lookAtBacklog(admission)]);
    },
  };
}
