// While a service starts, a JetStream without a leader is waited for instead of ending the process: who is ended again and again is started later and later by its supervisor (Kubernetes: up to five
// minutes), and by then JetStream has long been back.
import { setTimeout as delay } from 'node:timers/promises';
import { describeError, PermanentError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Bucket, Bus } from './bus.ts';

/** Beside what each question itself may take (5 s): longer than a cluster needs for a leader, also on a busy machine. */
const MOST_TIMES = 60;
const AGAIN_AFTER_MS = 1_000;

export interface PatientStart {
  /** The same bus; `consume`, `bucket` and a bucket's `watch` are patient until `started`. */
  readonly bus: Bus;
  started(): void;
}

interface Surroundings {
  readonly log: Pick<Logger, 'warn'>;
  /** Between two times [1 s]. */
  readonly wait?: () => Promise<unknown>;
}

export function patientStart(bus: Bus, { log, wait = () => delay(AGAIN_AFTER_MS) }: Surroundings): PatientStart {
  let starting = true;
  const patient = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (let times = 1; ; times++) {
      try {
        return await ask();
      } catch (error) {
        if (!starting || error instanceof PermanentError || times >= MOST_TIMES) throw error;
        log.warn({ reason: describeError(error) }, 'JetStream is not ready for this service, trying again');
        await wait();
      }
    }
  };
  const patientBucket = (bucket: Bucket): Bucket => ({
    ...bucket,
    watch: (key, onValue) => patient(() => bucket.watch(key, onValue)),
  });
  const asked: Pick<Bus, 'consume' | 'bucket'> = {
    consume: (plan, handler) => patient(() => bus.consume(plan, handler)),
    bucket: async (name, options) => patientBucket(await patient(() => bus.bucket(name, options))),
  };
  return {
    bus: Object.assign(Object.create(bus) as Bus, asked),
    started: () => {
      starting = false;
    },
  };
}
