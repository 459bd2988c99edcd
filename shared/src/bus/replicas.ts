// The living replicas of one service: each writes its heartbeat into a bucket and hears everybody's.
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { Attendance } from './attendance.ts';
import type { Bucket, Bus } from './bus.ts';

export interface Replicas {
  readonly self: string;
  /** Ids, sorted, ourselves among them: the same at every replica once a change has come round. */
  living(): readonly string[];
  /** Called after each change of `living`, until stopped. */
  onChange(call: () => void): { stop(): void };
  /** Tells the others that they need not wait for our heartbeats to be missed. */
  leave(): Promise<void>;
}

/** With six missed, a dead replica is taken for dead after 6 to 8 s: before the messages it had come back (15 s). */
const BEAT_EVERY_MS = 1_000;
/** Heartbeats of long ago are no news to a replica that starts. */
const BUCKET_MAX_AGE_MS = 30_000;

const heartbeat = z.object({ replica: z.string(), left: z.boolean() });
type Heartbeat = z.infer<typeof heartbeat>;

/** Resolves when our own heartbeat was heard: what others had said before it is known then. */
export async function joinReplicas({ bus, log }: { bus: Pick<Bus, 'bucket'>; log: Logger }, service: string): Promise<Replicas> {
  const bucket = await bus.bucket(`replicas-${service}`, { maxAgeMs: BUCKET_MAX_AGE_MS });
  const self = randomUUID();
  const attendance = new Attendance(self);
  const listeners = new Set<() => void>();
  const joined = Promise.withResolvers<void>();
  const watch = await bucket.watch('beat.*', (value) => {
    const said = heartbeatIn(value);
    if (said === undefined) return;
    const changed = said.left ? attendance.left(said.replica) : attendance.heard(said.replica);
    if (attendance.hasHeardItself) joined.resolve();
    if (!changed) return;
    log.info({ service, replicas: attendance.present.length }, 'replicas came or went');
    for (const listener of listeners) listener();
  });
  const stopping = new AbortController();
  const beating = beat({ bucket, self, log }, stopping.signal);
  await joined.promise;
  return {
    self,
    living: () => attendance.present,
    onChange: (call) => {
      // Wrapped: one function may be given twice.
      const listener = () => call();
      listeners.add(listener);
      return { stop: () => void listeners.delete(listener) };
    },
    leave: async () => {
      stopping.abort();
      watch.stop();
      await beating;
      await bucket.put(keyOf(self), encoded({ replica: self, left: true })).catch(() => {});
    },
  };
}

async function beat({ bucket, self, log }: { bucket: Bucket; self: string; log: Logger }, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await bucket.put(keyOf(self), encoded({ replica: self, left: false })).catch((error: unknown) => {
      log.debug({ reason: describeError(error) }, 'heartbeat not written');
    });
    await delay(BEAT_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
  }
}

const keyOf = (replica: string): string => `beat.${replica}`;
const encoded = (value: Heartbeat): Uint8Array => Buffer.from(JSON.stringify(value), 'utf8');

function heartbeatIn(value: Uint8Array): Heartbeat | undefined {
  try {
    return heartbeat.safeParse(JSON.parse(Buffer.from(value).toString('utf8'))).data;
  } catch {
    return undefined;
  }
}
