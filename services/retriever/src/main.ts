// Starts the retriever: builds the real parts and nothing else.
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { spaceStage } from '@causeway/shared/config/space-stages';
import { describeError } from '@causeway/shared/errors';
import { runService } from '@causeway/shared/run-service';
import { KeyedTurns } from './keyed-turns.ts';
import { createRetrieverMetrics } from './retriever-metrics.ts';
import { servingWith } from './serve-source.ts';
import { SourceRoster } from './source-roster.ts';
import { sweepCache } from './sweep-cache.ts';

const SWEEP_EVERY_MS = 5 * 60_000;
/** A study that is still in a poll's window after so long is fetched and delivered once more. */
const POLLED_MARKS_MS = 90 * 24 * 3_600_000;

await runService('retriever', async ({ bus, store, configuration, meter, log }) => {
  const metrics = createRetrieverMetrics(meter);
  const now = () => new Date();
  const readSecret = createSecretReader(process.env);
  const revision = () => configuration.current();
  const seen = await bus.bucket('retriever-polled', { maxAgeMs: POLLED_MARKS_MS });
  const queues = new DeliveryQueues({ bus, document: () => revision()?.document, now: () => performance.now() });
  const serve = servingWith({ bus, queues, store, log, metrics, revision, readSecret, seen, turns: new KeyedTurns(), now });
  const memory = await bus.bucket('retriever');
  const roster = new SourceRoster({ serve, memory, log, after: (delayMs, call) => setTimeout(call, delayMs).unref() });
  configuration.onChange((changed) => void roster.apply(changed));
  const present = configuration.current();
  if (present !== undefined) void roster.apply(present);

  const sweep = async (): Promise<void> => {
    const document = configuration.current()?.document;
    if (document === undefined) return;
    const { cache } = document.retrieval;
    // What is here can be fetched again: it goes first when the disk runs low.
    const isLow = store.freeBytes !== undefined && spaceStage(await store.freeBytes(), document.admission) !== 'enough';
    const { bytes, objects, deleted } = await sweepCache({ store, bus, now }, { keepMs: cache.keep, maxBytes: isLow ? 0 : cache.size });
    metrics.cached(bytes, objects);
    if (deleted > 0) log.info({ deleted, bytes, objects }, 'cache swept');
  };
  const sweeping = setInterval(() => {
    sweep().catch((error: unknown) => log.warn({ reason: describeError(error) }, 'cache not swept, trying again'));
  }, SWEEP_EVERY_MS);

  return {
    checks: {
      configuration: () => {
        if (configuration.current() === undefined) throw new Error('no gateway document was published yet');
      },
    },
    drain: async () => {
      clearInterval(sweeping);
      await roster.stop();
    },
  };
});
