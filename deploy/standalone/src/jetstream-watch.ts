// Restarts a nats-server that runs but takes no publications: after a full disk, 2.9 refuses for ever while its health page says ok.
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { createLogger } from '@causeway/shared/logger';
import { diskSpaceOf } from './data-folder.ts';
import { JetStreamJudge } from './jetstream-judge.ts';
import { NATS_USER } from './nats-server.ts';
import type { Say } from './terminal.ts';

export interface JetStreamWatchOptions {
  readonly url: string;
  readonly password: string;
  readonly streamBytes: number;
  /** Where JetStream keeps its files. */
  readonly folder: string;
  readonly restart: () => Promise<void>;
  readonly say: Say;
}

const PROBE_EVERY_MS = 3_000;
const stop = Symbol('stop');

/** Runs until the signal aborts. */
export async function watchJetStream(options: JetStreamWatchOptions, signal: AbortSignal): Promise<void> {
  const bus = await connectBus({
    name: 'supervisor',
    url: options.url,
    user: NATS_USER,
    password: options.password,
    sizing: { replicas: 1, totalBytes: options.streamBytes },
    log: createLogger('supervisor', 'fatal'),
  });
  const judge = new JetStreamJudge();
  while ((await Promise.race([pause(PROBE_EVERY_MS), aborted(signal)])) !== stop) {
    const failure = await bus.probe().then(
      () => undefined,
      (error: Error) => error,
    );
    const verdict = judge.after(failure === undefined, diskSpaceOf(options.folder).freeBytes, Date.now());
    if (verdict === 'full')
      options.say(`JetStream takes no messages and the disk is full: free some space; nothing acknowledged is lost (${failure?.message})`);
    if (verdict !== 'restart') continue;
    options.say(`nats-server runs but takes no messages (${failure?.message}): restarting it`);
    await options.restart();
  }
  await bus.close().catch(() => {});
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

function aborted(signal: AbortSignal): Promise<typeof stop> {
  if (signal.aborted) return Promise.resolve(stop);
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(stop), { once: true }));
}
