// Builds the compressor from its real parts and runs it.
import { availableParallelism } from 'node:os';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { facilityWeights } from '@causeway/shared/config/facility-weights';
import { runService } from '@causeway/shared/run-service';
import { CodecPool } from './codec-pool.ts';
import { startCompressor } from './compress.ts';
import { compressionMeters, observeLimits } from './compression-meters.ts';
import { startDerivations } from './derive-due.ts';
import { PrioritySemaphore } from './priority-semaphore.ts';

const MIB = 1024 * 1024;
const CODEC_THREADS = Math.min(2, availableParallelism());
/** One instance for each codec thread, one that reads or publishes meanwhile, and one kept free for stat. */
const INSTANCES = CODEC_THREADS + 2;
/** Source frames in memory; a larger frame goes alone. */
const FRAME_MEMORY_BYTES = 48 * MIB;

await runService('compressor', async ({ bus, configuration, log, meter, store }) => {
  const pool = new CodecPool({ threads: CODEC_THREADS });
  const weightOf = facilityWeights(() => configuration.current()?.document);
  const instances = new PrioritySemaphore({ capacity: INSTANCES, reserved: 1, weightOf });
  const frameMemory = new PrioritySemaphore({ capacity: FRAME_MEMORY_BYTES });
  const meters = compressionMeters(meter);
  observeLimits(meter, { instances, frameMemory, pool });
  const observeFrame = meters.frame;
  const limits = { instances, frameMemory, lookahead: CODEC_THREADS + 1 };
  const compressor = startCompressor({
    ...{ bus, configuration, log, store, pool, meters, observeFrame },
    ...limits,
    messagesPerQueue: INSTANCES + 1,
  });
  const { countDerivation } = meters;
  const queues = new DeliveryQueues({ bus, document: () => configuration.current()?.document, now: () => performance.now() });
  const derivations = await startDerivations({ bus, queues, log, store, pool, countDerivation, ...limits, messagesPerLane: INSTANCES });
  return {
    checks: {},
    drain: async () => {
      // The first refuses what waits for its turn, so that the second need not wait for it.
      await Promise.all([compressor.stop(), derivations.stop()]);
      await pool.close();
    },
  };
});
