// `npm run send`: files, folders or synthetic studies to the gateway by C-STORE. Exit code 0 only when every instance was accepted.
import { openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { findInstances } from './find-instances.ts';
import { Progress } from './progress.ts';
import { type InstanceToSend, MOST_CONTEXTS, type Outcome, type SendPlan, sendInstances } from './send-instances.ts';
import { readSendOptions, type SendOptions, USAGE, UsageProblem } from './send-options.ts';
import { type SyntheticOptions, syntheticInstances, syntheticSopClass } from './synthetic-study.ts';

interface Batch {
  readonly instances: Iterable<InstanceToSend>;
  readonly contexts: SendPlan['contexts'];
}

try {
  process.exitCode = (await send(readSendOptions(process.argv.slice(2), process.env))) ? 0 : 1;
} catch (error) {
  if (!(error instanceof UsageProblem)) throw error;
  console.error(`${error.message}\n\n${USAGE}`);
  process.exitCode = 2;
}

/** True when all were accepted, and there was something to send. */
async function send(options: SendOptions): Promise<boolean> {
  const { batches, total } = options.synthetic ? syntheticBatch(options.synthetic, options.quiet) : await fileBatches(options.paths);
  if (total === 0) {
    console.error('nothing to send');
    return false;
  }
  const progress = new Progress(total, options.quiet);
  const log = openLog(options.logFile);
  const { associations, retries } = options;
  const onOutcome = (outcome: Outcome): void => {
    log(outcome);
    progress.count(outcome);
  };
  for (const { instances, contexts } of batches)
    await sendInstances(instances, { peer: options, contexts, associations, retries, onOutcome });
  console.log(progress.summary());
  return progress.allAccepted;
}

function syntheticBatch(options: SyntheticOptions, quiet: boolean): { batches: Batch[]; total: number } {
  if (!quiet) console.log(`${options.studies} studies of ${options.instances} instances, --seed ${options.seed}`);
  const contexts = [{ sopClassUid: syntheticSopClass(options), transferSyntaxUid: '1.2.840.10008.1.2.1' }];
  return { batches: [{ instances: syntheticToSend(options), contexts }], total: options.studies * options.instances };
}

function* syntheticToSend(options: SyntheticOptions): Generator<InstanceToSend> {
  for (const instance of syntheticInstances(options))
    yield {
      ...{ sopClassUid: instance.sopClassUid, sopInstanceUid: instance.sopInstanceUid },
      ...{ transferSyntaxUid: instance.transferSyntaxUid, byteLength: instance.byteLength },
      open: async function* () {
        yield* instance.chunks();
      },
    };
}

/** npm runs us in the checkout; INIT_CWD is where the user stands. */
async function fileBatches(paths: readonly string[]): Promise<{ batches: Batch[]; total: number }> {
  const { instances, skipped } = await findInstances(paths.map((path) => resolve(process.env.INIT_CWD ?? '.', path)));
  for (const { path, reason } of skipped) console.error(`skipped ${path}: ${reason}`);
  return { batches: batchesOf(instances), total: instances.length };
}

/** An association has room for 128 contexts: more kinds of instances go one batch after the other. */
function batchesOf(instances: readonly InstanceToSend[]): Batch[] {
  const byKind = Map.groupBy(instances, ({ sopClassUid, transferSyntaxUid }) => `${sopClassUid} ${transferSyntaxUid}`);
  const kinds = [...byKind.values()];
  const batches: Batch[] = [];
  for (let from = 0; from < kinds.length; from += MOST_CONTEXTS) {
    const some = kinds.slice(from, from + MOST_CONTEXTS);
    const contexts = some.map(([{ sopClassUid, transferSyntaxUid }]) => ({ sopClassUid, transferSyntaxUid }));
    batches.push({ instances: some.flat(), contexts });
  }
  return batches;
}

/** A line an instance, written at once, so that it is there whatever happens next. */
function openLog(path: string | undefined): (outcome: Outcome) => void {
  if (path === undefined) return () => {};
  const file = openSync(resolve(process.env.INIT_CWD ?? '.', path), 'a', 0o600);
  return ({ instance, digest, status, accepted, attempts }) => {
    writeSync(file, `${JSON.stringify({ sopInstanceUid: instance.sopInstanceUid, digest, status, accepted, attempts })}\n`);
  };
}
