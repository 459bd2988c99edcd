// When the ledger reconciles, retains and sweeps: at its start, then at intervals, one after the other, and never twice at a time.
import type { GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { makePartitions } from '@causeway/shared/database/month-partitions';
import { describeError } from '@causeway/shared/errors';
import { type CaughtUp, catchUp } from './catch-up.ts';
import { adoptCommitments, forgetRecords } from './keep-records.ts';
import type { LedgerMetrics } from './ledger-metrics.ts';
import { QUIET_OPTIONS } from './quiet.ts';
import { dayPrefixes } from './received-objects.ts';
import { type ReconcileParts, reconcile } from './reconcile.ts';
import { type RetainParts, retain, sweep } from './retain.ts';

export interface UpkeepParts extends ReconcileParts, RetainParts {
  readonly configuration: GatewayConfiguration;
  readonly metrics: LedgerMetrics;
  /** `graceMs`: longer than any step takes, acknowledgement wait and first redeliveries included. A lost message costs at most both together. */
  readonly timing: { readonly graceMs: number; readonly everyMs: number };
}

const HOUR_MS = 3_600_000;
/** A round that was cut short (PostgreSQL away, no gateway document yet) is repeated sooner. */
const AGAIN_AFTER_MS = 15_000;
/** Listing every object of a full store takes minutes; new ones are under today's and yesterday's prefix. */
const WHOLE_STORE_EVERY_MS = 6 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;

/** Resolves at once; `stop` waits for the round under way. */
export function keepUp(parts: UpkeepParts): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let wholeStoreAt = Number.NEGATIVE_INFINITY;
  let noted: CaughtUp['noted'];
  const round = async (): Promise<void> => {
    const caughtUp = await caughtUpOrTold(parts, noted);
    noted = caughtUp?.noted ?? noted;
    // A database that was exchanged knows nothing of what was judged before.
    const wholeStore = (caughtUp?.told ?? 0) > 0 || performance.now() - wholeStoreAt >= WHOLE_STORE_EVERY_MS;
    const done = caughtUp !== undefined && (await oneRound(parts, wholeStore));
    if (done && wholeStore) wholeStoreAt = performance.now();
    if (!stopped) timer = setTimeout(() => (running = round()), done ? parts.timing.everyMs : AGAIN_AFTER_MS);
  };
  let running = round();
  return {
    stop: async () => {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** undefined: it could not be found out; then nothing is judged. */
async function caughtUpOrTold(parts: UpkeepParts, noted: CaughtUp['noted']): Promise<CaughtUp | undefined> {
  try {
    return await catchUp(parts, noted);
  } catch (error) {
    parts.log.warn({ reason: describeError(error) }, 'whether the database knows every fact could not be found out; trying again');
    return undefined;
  }
}

/** False when it was cut short: PostgreSQL, JetStream or the store is away, or there is no gateway document yet. */
async function oneRound(parts: UpkeepParts, wholeStore: boolean): Promise<boolean> {
  const document = parts.configuration.current()?.document;
  if (!document) return false;
  const now = new Date();
  const olderThan = new Date(now.getTime() - parts.timing.graceMs);
  const prefixesOf = (root: 'received/' | 'commitments/') =>
    wholeStore ? [root] : dayPrefixes(root, new Date(now.getTime() - DAY_MS), now);
  try {
    await keepMonths(parts, now);
    await reconcile(parts, { document, olderThan, prefixes: prefixesOf('received/'), quiet: QUIET_OPTIONS });
    await retain(parts, { document, now, quiet: QUIET_OPTIONS });
    await adoptCommitments(parts, { olderThan, now, prefixes: prefixesOf('commitments/') });
    await forgetRecords(parts, now);
    if (wholeStore) await sweep(parts, { olderThan: new Date(now.getTime() - DAY_MS), quiet: QUIET_OPTIONS });
    return true;
  } catch (error) {
    parts.log.warn({ reason: describeError(error) }, 'upkeep was cut short; the next round goes on');
    return false;
  }
}

async function keepMonths({ database, log }: UpkeepParts, now: Date): Promise<void> {
  const made = await makePartitions(database, now);
  if (made.length > 0) log.info({ months: made }, 'partitions made');
}
