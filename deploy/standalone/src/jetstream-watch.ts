// Restarts a nats-server that runs but takes no publications: after a full disk, 2.9 refuses for ever while its health page says ok.
import { setTimeout as pause } from 'node:timers/promises';
import type { Bus } from '@causeway/shared/bus/bus';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { describeError } from '@causeway/shared/errors';
import { FLOW, type StreamName } from '@causeway/shared/events/flow';
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
  while (!signal.aborted) {
    const failure = await failureOf(bus);
    const verdict = judge.after(failure === undefined, diskSpaceOf(options.folder).freeBytes, Date.now());
    if (verdict === 'full')
      options.say(`JetStream takes no messages and the disk is full: free some space; nothing acknowledged is lost (${failure})`);
    if (verdict === 'restart') {
      options.say(`nats-server runs but does not do its work (${failure}): restarting it`);
      await options.restart();
    }
    await pause(PROBE_EVERY_MS, undefined, { signal }).catch(() => {});
  }
  await bus.close().catch(() => {});
}

/**
 * A publication, and a question about each stream: on a full disk 2.9 was seen to acknowledge the small probe while every question about streams
 * and consumers stayed without an answer.
 */
async function failureOf(bus: Bus): Promise<string | undefined> {
  const questions = [bus.probe(), ...(Object.keys(FLOW) as StreamName[]).map((stream) => bus.backlog(stream))];
  const failed = (await Promise.allSettled(questions)).find((answer) => answer.status === 'rejected');
  return failed === undefined ? undefined : describeError(failed.reason);
}
