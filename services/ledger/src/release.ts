// Held work is decided again when the gateway document changed: a rule that was added later may fit it. What fits nothing is held again.
import type { Bus } from '@causeway/shared/bus/bus';
import type { GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { routeAgain } from '@causeway/shared/bus/set-in-motion';
import type { Database } from '@causeway/shared/database/database';
import { findHeldInstances } from '@causeway/shared/database/stored-work';
import { describeError } from '@causeway/shared/errors';
import type { Logger } from '@causeway/shared/logger';

export interface ReleaseParts {
  readonly bus: Bus;
  readonly database: Database;
  readonly log: Logger;
}

const PAGE = 500;
/** A router may have decided once more by the document it had: looked at again until nothing is held by an older one. */
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 5 * 60_000;

/** Sends to the rules again what is held by an older revision; resolves with how many instances. Twice is harmless: the message id is the same. */
export async function releaseHeld({ bus, database, log }: ReleaseParts, revision: number): Promise<number> {
  let count = 0;
  let afterReceiptId: string | undefined;
  for (;;) {
    const page = await findHeldInstances(database, { revision, afterReceiptId, limit: PAGE });
    if (page.length === 0) break;
    // Held by the router, so it had been compressed or passed through.
    for (const { instance, compression, facility, generation, destinations: onRecord } of page)
      if (compression) await routeAgain(bus, { instance, compression, onRecord }, { generation: generation + 1, facility });
    count += page.length;
    afterReceiptId = page.at(-1)!.instance.receiptId;
  }
  if (count > 0) log.info({ instances: count, revision }, 'held instances are decided again: the gateway document changed');
  return count;
}

/** Resolves at once; goes on until `stop`, which waits for what is under way. */
export function keepReleasing(parts: ReleaseParts & { configuration: GatewayConfiguration }): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running = Promise.resolve();
  let waitMs = FIRST_WAIT_MS;
  let stopped = false;
  const look = async (): Promise<void> => {
    clearTimeout(timer);
    const revision = parts.configuration.current()?.revision;
    if (stopped || revision === undefined) return;
    const released = await releaseHeld(parts, revision).catch((error: unknown) => {
      parts.log.warn({ reason: describeError(error) }, 'held instances could not be looked at, trying again');
      return undefined;
    });
    if (stopped || released === 0) return;
    timer = setTimeout(next, waitMs);
    waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2);
  };
  const next = (): void => {
    running = running.then(look);
  };
  parts.configuration.onChange(() => {
    waitMs = FIRST_WAIT_MS;
    next();
  });
  next();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
