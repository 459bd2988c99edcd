// A key-value bucket of JetStream that outlives restarts of the broker.
import { setTimeout as delay } from 'node:timers/promises';
import type { JetStreamClient } from '@nats-io/jetstream';
import { type KV, type KvEntry, Kvm } from '@nats-io/kv';
import { describeError, TransientError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { AcknowledgedPublisher } from './acknowledged-publisher.ts';
import { bucketValues } from './bucket-values.ts';
import type { Bucket } from './bus.ts';
import type { RepliedRequests } from './replied-requests.ts';

export interface BucketSettings {
  readonly maxAgeMs?: number;
  readonly replicas: number;
  readonly log: Logger;
}

interface BucketConnection {
  readonly client: JetStreamClient;
  readonly onClose: Set<() => Promise<void> | void>;
  readonly requests: RepliedRequests;
  readonly publisher: AcknowledgedPublisher;
}

const WATCH_AGAIN_AFTER_MS = 1_000;
const ANSWER_TIMEOUT_MS = 5_000;

export async function openBucket(connection: BucketConnection, name: string, settings: BucketSettings): Promise<Bucket> {
  const open = async (): Promise<KV> => {
    try {
      return await new Kvm(connection.client).create(name, { history: 1, ttl: settings.maxAgeMs ?? 0, replicas: settings.replicas });
    } catch (error) {
      throw new TransientError(`bucket ${name} is out of reach`, { cause: error });
    }
  };
  let kv = await open();
  const values = bucketValues(name, { ...connection, timeoutMs: ANSWER_TIMEOUT_MS });
  /** Runs once more on a bucket opened anew: the broker may have lost its data. */
  const tried = async <R>(operation: () => Promise<R>): Promise<R> => {
    try {
      return await operation();
    } catch {
      kv = await open();
    }
    try {
      return await operation();
    } catch (error) {
      throw new TransientError(`bucket ${name} did not answer`, { cause: error });
    }
  };
  return {
    get: (key) => tried(() => values.get(key)),
    put: (key, value) => tried(() => values.put(key, value)),
    delete: (key) => tried(() => kv.delete(key)),
    watch: (key, onValue) =>
      watchKey(
        {
          current: () => kv,
          reopen: async () => {
            kv = await open();
          },
          log: settings.log,
          onClose: connection.onClose,
        },
        key,
        onValue,
      ),
  };
}

interface Watched {
  readonly current: () => KV;
  readonly reopen: () => Promise<void>;
  readonly log: Logger;
  readonly onClose: Set<() => Promise<void> | void>;
}

/** A bucket that was lost and made again counts from 1: the number alone does not tell a value. */
const markOf = ({ revision, created }: KvEntry): string => `${revision} ${created.getTime()}`;

async function watchKey(watched: Watched, key: string, onValue: (value: Uint8Array) => void): Promise<{ stop(): void }> {
  let stopped = false;
  let opening: Promise<{ stop(): void }> | undefined;
  // A watch on several keys is told the present values as its first changes.
  const present = key.includes('*') ? undefined : await watched.current().get(key);
  if (present && present.operation === 'PUT') onValue(present.value);
  const watch = () => {
    const asked = watched.current().watch({ key });
    opening = asked;
    return asked;
  };
  const follow = async (): Promise<void> => {
    let seen = present ? markOf(present) : '';
    while (!stopped) {
      try {
        const changes = await watch();
        for await (const entry of changes) {
          if (markOf(entry) === seen || entry.operation !== 'PUT') continue;
          seen = markOf(entry);
          onValue(entry.value);
        }
      } catch (error) {
        watched.log.warn({ key, reason: describeError(error) }, 'watch ended, trying again');
      }
      if (stopped) return;
      await delay(WATCH_AGAIN_AFTER_MS);
      if (stopped) return;
      await watched.reopen().catch(() => {});
    }
  };
  void follow();
  const end = async (): Promise<void> => {
    stopped = true;
    // A watch that is being opened is ended when it is open: left alone, its heartbeat would keep the process alive.
    (await opening?.catch(() => undefined))?.stop();
  };
  watched.onClose.add(end);
  return {
    stop: () => {
      watched.onClose.delete(end);
      void end();
    },
  };
}
