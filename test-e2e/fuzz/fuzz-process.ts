// One process of a fuzzing run: takes its share from its parent, and tells it everything that happens.
import { type Failure, type MemorySample, runShare, type Share } from './fuzz-inputs.ts';

export type Told =
  | { readonly what: 'progress'; readonly done: number; readonly outcomes: [string, number][] }
  | { readonly what: 'memory'; readonly sample: MemorySample }
  | { readonly what: 'failure'; readonly failure: Failure }
  | { readonly what: 'over' };

// Refusals are thrown by the hundred thousand: long stacks of them would be most of the work.
Error.stackTraceLimit = 4;
const tell = (told: Told): void => void process.send!(told);

// Killed with its parent: `uncaughtException` below would take the broken channel for one more finding, and go on for hours.
process.once('disconnect', () => process.exit());

process.once('message', (share: Share) => {
  const failed = (failure: Failure): void => tell({ what: 'failure', failure });
  const outOfPlace = (how: string) => (error: unknown) =>
    failed({ kind: share.kind, index: -1, message: `${how}: ${error instanceof Error ? error.stack : String(error)}` });
  process.on('unhandledRejection', outOfPlace('unhandled rejection'));
  process.on('uncaughtException', outOfPlace('uncaught exception'));
  const listener = {
    progressed: (done: number, outcomes: ReadonlyMap<string, number>) => tell({ what: 'progress', done, outcomes: [...outcomes] }),
    measured: (sample: MemorySample) => tell({ what: 'memory', sample }),
    failed,
  };
  void runShare(share, listener).then(() => {
    tell({ what: 'over' });
    process.disconnect();
  });
});
