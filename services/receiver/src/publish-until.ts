// Publishes what JetStream must have before a peer hears success: again and again while a broker restarts or elects a leader, until custody's time is over.
import { PublicationRefused } from '@causeway/shared/errors';

/** Between two tries. */
const AGAIN_AFTER_MS = 200;
/** Published again after that, under the same message id: what was lost with a leader shall not cost more than its election. */
const ACKNOWLEDGED_WITHIN_MS = 2_000;
/** Even when the store took all the time: a broker that is well answers within milliseconds. */
const LEAST_MS = 500;

/** `unknown`: one of the tries may have been taken, only its acknowledgement did not come. */
export interface NotPublished {
  readonly error: unknown;
  readonly unknown: boolean;
}

/** What is left until `deadline`, as performance.now() tells time; never too little for one try. */
export const msUntil = (deadline: number): number => Math.max(LEAST_MS, deadline - performance.now());

/** undefined: acknowledged. `publish` is given its time limit, and must name the message the same each time. */
export async function publishUntil(deadline: number, publish: (timeoutMs: number) => Promise<void>): Promise<NotPublished | undefined> {
  let unknown = false;
  for (;;) {
    try {
      await publish(Math.min(ACKNOWLEDGED_WITHIN_MS, msUntil(deadline)));
      return undefined;
    } catch (error) {
      unknown ||= !(error instanceof PublicationRefused);
      const hopeless = error instanceof PublicationRefused && error.full;
      if (hopeless || performance.now() + AGAIN_AFTER_MS >= deadline) return { error, unknown };
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
    }
  }
}
