// Senders side by side, each a process of its own that repeats what was not accepted; what each says was accepted stands in its log.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSend } from './run-send.ts';

export interface SendingPlan {
  readonly port: number;
  /** For the logs. */
  readonly folder: string;
  readonly seed: number;
  readonly senders: number;
  /** Of each sender, one after the other. */
  readonly studies: number;
  /** Of each study. */
  readonly instances: number;
  readonly rows: number;
  readonly columns: number;
  /** Resolves when the next study may be sent. */
  readonly mayGoOn: () => Promise<void>;
}

/** A line of a sender's log. `digest`: SHA-256 of the data set as sent, hexadecimal. `attempts`: 1 when it was accepted at once. */
export interface SentInstance {
  readonly sopInstanceUid: string;
  readonly digest: string;
  readonly accepted: boolean;
  readonly status: string;
  readonly attempts: number;
}

/** Repeats are 2 s apart; a service that was killed often is started again after up to 30 s. */
const RETRIES = 60;
const ASSOCIATIONS = 2;

/** Seeds of the studies, by which `syntheticInstances` makes them again. */
export const studySeeds = ({ seed, senders, studies }: SendingPlan): number[] =>
  Array.from({ length: senders * studies }, (_, at) => seed * 1_000 + at);

/** Resolves when everything was sent. Rejects with the output of a sender of which not all was accepted. */
export async function sendStudies(plan: SendingPlan): Promise<void> {
  const seeds = studySeeds(plan);
  await Promise.all(
    Array.from({ length: plan.senders }, (_, at) => sendOneByOne(plan, seeds.slice(at * plan.studies, (at + 1) * plan.studies))),
  );
}

async function sendOneByOne(plan: SendingPlan, seeds: readonly number[]): Promise<void> {
  for (const seed of seeds) {
    await plan.mayGoOn();
    const shape = ['--synthetic', `1x${plan.instances}`, '--rows', plan.rows, '--columns', plan.columns, '--seed', seed];
    const manner = ['--port', plan.port, '--associations', ASSOCIATIONS, '--retries', RETRIES, '--log', logFile(plan, seed), '--quiet'];
    const { code, output } = await runSend([...shape, ...manner]).ended;
    if (code !== 0) throw new Error(`the sender of study ${seed} ended with ${code}:\n${output}`);
  }
}

const logFile = ({ folder }: SendingPlan, seed: number): string => join(folder, `sent-${seed}.ndjson`);

/** What all logs of the plan hold by now. */
export function sentSoFar(plan: SendingPlan): SentInstance[] {
  return studySeeds(plan).flatMap((seed) => readLog(logFile(plan, seed)));
}

function readLog(path: string): SentInstance[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as SentInstance);
}
