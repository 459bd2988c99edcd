// How the services' Node is started: what keeps a process small, measured with a receiver of 200 associations.
import { join } from 'node:path';
import { ROOT } from './settings.ts';

/**
 * V8's nursery may grow to 8 MiB, and one thread clears it. With 2 MiB and several threads an image took 1.14 times the processor time through all services,
 * with traces 1.33 times; memory is the same. Without any threads for collecting (--single-threaded-gc) a receiver takes 70 MB more (measured, Node 24, two cores).
 */
export const NODE_FLAGS: readonly string[] = ['--max-semi-space-size=8', '--no-parallel-scavenge'];

export const NODE_ENVIRONMENT: NodeJS.ProcessEnv = {
  // Compiled code is kept between starts, for all gateways of this checkout: a later start is ready seconds earlier, and needs no compiler in memory (20 MB).
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? join(ROOT, '.cache', 'compiled'),
  // glibc keeps freed memory for each thread otherwise: 10 MB.
  MALLOC_ARENA_MAX: '1',
};
