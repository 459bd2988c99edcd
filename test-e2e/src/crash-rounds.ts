// Crashes without end: a load that never tires, and in each round one process killed at a random moment; the next round begins when instances are accepted again. Then
// everything that was ever answered 0000 must have been delivered, unaltered.
import { setTimeout as pause } from 'node:timers/promises';
import { seededRandom } from '../../deploy/standalone/src/send/synthetic-image.ts';
import { type Arrival, arrivalsAt } from './arrivals.ts';
import type { GatewayUnderTest } from './gateway-under-test.ts';
import { type LedgerView, untilAllConfirmed } from './kill-run.ts';
import type { AcceptedInstance } from './run-send.ts';
import { SteadyLoad } from './steady-load.ts';
import { until } from './wait-for-fact.ts';

export interface Victim {
  readonly name: string;
  /** Rounds of a hundred. */
  readonly share: number;
  /** Arrivals at the archive that its kill can repeat. */
  readonly repeats: number;
  /** SIGKILL; resolves when it is gone, or runs again. */
  readonly kill: () => Promise<void>;
}

export interface CrashOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly victims: readonly Victim[];
}

export interface CrashReport {
  readonly seed: number;
  readonly kills: Map<string, number>;
  readonly acknowledged: readonly AcceptedInstance[];
  /** Answers other than 0000, and associations lost. */
  readonly refused: number;
  readonly arrivals: readonly Arrival[];
  /** Acknowledged, and no data set of that UID in the archive. */
  readonly missing: string[];
  /** Acknowledged, and only other data sets of that UID in the archive. */
  readonly altered: string[];
  readonly receipts: number;
  readonly repeats: number;
  readonly bound: number;
  readonly work: LedgerView['work'];
  readonly seconds: { readonly rounds: number; readonly total: number };
}

const MOST_DELAY_MS = 700;
/** Accepted after a kill: custody works again. */
const ENOUGH = 8;
/** A supervisor that starts everything again on a loaded machine. */
const AGAIN_WITHIN_MS = 120_000;
/** Some 60 a second: the way behind the receiver keeps up. */
const LOAD = { associations: 4, pauseMs: 60 };

export async function runCrashRounds(gateway: GatewayUnderTest, options: CrashOptions): Promise<CrashReport> {
  const began = performance.now();
  const load = new SteadyLoad({ ...LOAD, port: gateway.ports.dicom, seed: options.seed });
  const plan = planRounds(options);
  try {
    await accepts(load);
    for (const { victim, delayMs } of plan) {
      await pause(delayMs);
      await victim.kill();
      await accepts(load);
    }
  } finally {
    await load.stop();
  }
  const roundsMs = performance.now() - began;
  await gateway.untilReady();
  const ledger = await untilAllConfirmed(gateway, load.accepted);
  const arrivals = await arrivalsAt(gateway.sandboxUrl);
  return {
    seed: options.seed,
    kills: new Map([...Map.groupBy(plan, ({ victim }) => victim.name)].map(([name, rounds]) => [name, rounds.length])),
    acknowledged: load.accepted,
    refused: load.refused.length,
    arrivals,
    ...compare(load.accepted, arrivals),
    receipts: ledger.receipts,
    repeats: arrivals.length - ledger.receipts,
    bound: plan.reduce((sum, { victim }) => sum + victim.repeats, 0),
    work: ledger.work,
    seconds: { rounds: roundsMs / 1_000, total: (performance.now() - began) / 1_000 },
  };
}

/** Drawn from the seed: in each hundred rounds every victim has its share, at moments of its own. */
function planRounds({ seed, rounds, victims }: CrashOptions): { victim: Victim; delayMs: number }[] {
  const random = seededRandom(seed);
  const sum = victims.reduce((total, { share }) => total + share, 0);
  // Evenly over the shares, so that a short run has everybody too; then shuffled.
  const chosen = Array.from({ length: rounds }, (_, at) => victimAt(victims, ((at + 0.5) / rounds) * sum));
  const keyed = chosen.map((victim) => ({ victim, key: random(), delayMs: random() * MOST_DELAY_MS }));
  return keyed.sort((one, other) => one.key - other.key);
}

function victimAt(victims: readonly Victim[], place: number): Victim {
  let end = 0;
  return victims.find(({ share }) => {
    end += share;
    return place < end;
  })!;
}

async function accepts({ accepted }: SteadyLoad): Promise<void> {
  const before = accepted.length;
  await until(`${ENOUGH} more instances are accepted`, () => accepted.length >= before + ENOUGH, AGAIN_WITHIN_MS);
}

function compare(acknowledged: readonly AcceptedInstance[], arrivals: readonly Arrival[]): { missing: string[]; altered: string[] } {
  const uids = new Set(arrivals.map(({ sopInstanceUid }) => sopInstanceUid));
  const there = new Set(arrivals.map(({ sopInstanceUid, digest }) => `${sopInstanceUid} ${digest}`));
  const missing = acknowledged.filter(({ sopInstanceUid }) => !uids.has(sopInstanceUid));
  const altered = acknowledged.filter(
    ({ sopInstanceUid, digest }) => uids.has(sopInstanceUid) && !there.has(`${sopInstanceUid} ${digest}`),
  );
  return { missing: missing.map(({ sopInstanceUid }) => sopInstanceUid), altered: altered.map(({ sopInstanceUid }) => sopInstanceUid) };
}

export function describeCrashes(report: CrashReport): string {
  const { kills, acknowledged, refused, arrivals, missing, altered, receipts, repeats, bound, work, seconds, seed } = report;
  const rounds = [...kills.values()].reduce((sum, count) => sum + count, 0);
  return (
    `${rounds} rounds of kill -9 (seed ${seed}): ${[...kills].map(([name, count]) => `${name} ${count}`).join(', ')}; ` +
    `${acknowledged.length} acknowledged, ${refused} not at once; ${receipts} received, ${arrivals.length} arrivals; ` +
    `${missing.length} missing, ${altered.length} altered, ${repeats} repeats (bound ${bound}); ledger ${JSON.stringify(work)}; ` +
    `${seconds.rounds.toFixed(0)} s of rounds, ${seconds.total.toFixed(0)} s in all`
  );
}
