// When the ledger reconciles, retains and sweeps: at its start, then at intervals, one after the other, and never twice at a time.
import type { GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { databaseClock, lastDayKnown } from '@causeway/shared/database/deletion-proofs';
import { forgetMonths } from '@causeway/shared/database/forget-months';
import { findDifferingCounts, sampleStudies } from '@causeway/shared/database/kept-counts';
import { makePartitions } from '@causeway/shared/database/month-partitions';
import { countLateReceipts, yesterday } from '@causeway/shared/database/reconciliation-queries';
import { describeError } from '@causeway/shared/errors';
import { type CaughtUp, catchUp } from './catch-up.ts';
import type { ClockGuard } from './clock-guard.ts';
import { adoptCommitments, forgetRecords } from './keep-records.ts';
import type { LedgerMetrics } from './ledger-metrics.ts';
import { QUIET_OPTIONS } from './quiet.ts';
import { dayPrefixes } from './received-objects.ts';
import { type ReconcileParts, reconcile } from './reconcile.ts';
import { type RetainParts, retain } from './retain.ts';
import { sweep } from './sweep.ts';

export interface UpkeepParts extends ReconcileParts, RetainParts {
  readonly configuration: GatewayConfiguration;
  readonly metrics: LedgerMetrics;
  readonly clock: Pick<ClockGuard, 'distrust'>;
  /** How long rows of what is done are kept. */
  readonly rowsKeptMs: number;
  /** `graceMs`: longer than any step takes, acknowledgement wait and first redeliveries included. A lost message costs at most both together. */
  readonly timing: { readonly graceMs: number; readonly everyMs: number };
}

const HOUR_MS = 3_600_000;
/** A round that was cut short (PostgreSQL away, no gateway document yet) is repeated sooner. */
const AGAIN_AFTER_MS = 15_000;
/** Listing every object of a full store takes minutes; new ones are under today's and yesterday's prefix. */
const WHOLE_STORE_EVERY_MS = 6 * HOUR_MS;
const DAY_MS = 24 * HOUR_MS;
const CHECKED_STUDIES = 20;
/** What the time is while the clock cannot be trusted. */
const NOTHING_IS_OLD = new Date(0);

/** What a round leaves for the next. */
interface Memory {
  retainAfter?: string;
  /** The study up to which counts were compared. */
  checkedUpTo?: string;
  /** The day on which late receipts were told. */
  toldOn?: string;
}

export interface Upkeep {
  /** Up to where this process last made sure that the database knows every fact. */
  caughtUp(): CaughtUp['noted'];
  /** Resolves with true once that was made sure of for the first time, with false when it was stopped before. Nothing may be set in motion by what the database says before. */
  readonly caughtUpOnce: Promise<boolean>;
  /** Waits for the round under way. */
  stop(): Promise<void>;
}

/** Resolves at once. */
export function keepUp(parts: UpkeepParts): Upkeep {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let wholeStoreAt = Number.NEGATIVE_INFINITY;
  let noted: CaughtUp['noted'];
  const once = Promise.withResolvers<boolean>();
  const memory: Memory = {};
  const round = async (): Promise<void> => {
    const caughtUp = await caughtUpOrTold(parts, noted);
    noted = caughtUp?.noted ?? noted;
    if (caughtUp !== undefined) once.resolve(true);
    // A database that was exchanged knows nothing of what was judged before.
    const wholeStore = (caughtUp?.told ?? 0) > 0 || performance.now() - wholeStoreAt >= WHOLE_STORE_EVERY_MS;
    const done = caughtUp !== undefined && (await oneRound(parts, memory, wholeStore));
    if (done && wholeStore) wholeStoreAt = performance.now();
    if (!stopped) timer = setTimeout(() => (running = round()), done ? parts.timing.everyMs : AGAIN_AFTER_MS);
  };
  let running = round();
  return {
    caughtUp: () => noted,
    caughtUpOnce: once.promise,
    stop: async () => {
      stopped = true;
      once.resolve(false);
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
async function oneRound(parts: UpkeepParts, memory: Memory, wholeStore: boolean): Promise<boolean> {
  const document = parts.configuration.current()?.document;
  if (!document) return false;
  const now = new Date();
  const olderThan = new Date(now.getTime() - parts.timing.graceMs);
  const prefixesOf = (root: 'received/' | 'commitments/') =>
    wholeStore ? [root] : dayPrefixes(root, new Date(now.getTime() - DAY_MS), now);
  try {
    await keepMonths(parts, now);
    await reconcile(parts, { document, olderThan, prefixes: prefixesOf('received/'), quiet: QUIET_OPTIONS });
    const mayDelete = await isClockTrusted(parts);
    if (mayDelete) memory.retainAfter = (await retain(parts, { document, now, quiet: QUIET_OPTIONS, after: memory.retainAfter })).after;
    await adoptCommitments(parts, { olderThan, now: mayDelete ? now : NOTHING_IS_OLD, prefixes: prefixesOf('commitments/') });
    if (mayDelete) await forgetRecords(parts, now);
    if (wholeStore && mayDelete) await sweep(parts, { olderThan: new Date(now.getTime() - DAY_MS), quiet: QUIET_OPTIONS });
    if (wholeStore && mayDelete) await forgetOldMonths(parts, now);
    await checkCounts(parts, memory);
    await tellLate(parts, memory, now);
    return true;
  } catch (error) {
    parts.log.warn({ reason: describeError(error) }, 'upkeep was cut short; the next round goes on');
    return false;
  }
}

async function isClockTrusted({ clock, database, metrics, log }: UpkeepParts): Promise<boolean> {
  const reason = clock.distrust(await databaseClock(database), await lastDayKnown(database));
  metrics.clockDistrusted(reason !== undefined);
  if (reason !== undefined) log.error({ reason }, 'nothing is deleted: the clock cannot be trusted to say what is old');
  return reason === undefined;
}

async function forgetOldMonths({ database, log, rowsKeptMs }: UpkeepParts, now: Date): Promise<void> {
  const { forgotten, kept } = await forgetMonths(database, new Date(now.getTime() - rowsKeptMs));
  for (const month of forgotten) log.info(month, 'a month of which everything is done has left the ledger');
  for (const month of kept)
    log.warn(month, 'a month that is old enough to be forgotten is kept: something in it is not done, or has its object');
}

/** Some studies in each round, the newest among them; all of them in the course of time. */
async function checkCounts({ database, metrics, log }: UpkeepParts, memory: Memory): Promise<void> {
  const studies = await sampleStudies(database, { most: CHECKED_STUDIES, from: memory.checkedUpTo ?? '' });
  memory.checkedUpTo = studies.length < CHECKED_STUDIES ? undefined : studies.at(-1);
  const differing = await findDifferingCounts(database, studies);
  metrics.miscounted(differing.length);
  if (differing.length > 0)
    log.error(
      { tables: differing.map(({ table }) => table) },
      'counts differ from the rows they count: SELECT recount_ledger() makes them anew',
    );
}

/** Once a day. */
async function tellLate({ database, log }: UpkeepParts, memory: Memory, now: Date): Promise<void> {
  const before = yesterday(now);
  if (memory.toldOn === before) return;
  const late = await countLateReceipts(database, before);
  if (late.receipts > 0) log.warn(late, 'received before yesterday and neither delivered nor discarded: see Days of the page');
  memory.toldOn = before;
}

async function keepMonths({ database, log }: UpkeepParts, now: Date): Promise<void> {
  const made = await makePartitions(database, now);
  if (made.length > 0) log.info({ months: made }, 'partitions made');
}
