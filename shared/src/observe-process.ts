// What the process itself tells: memory, processor, event loop, garbage collection. Names and units: OpenTelemetry's conventions for processes, Node and V8.
import { constants, monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics } from 'node:v8';
import { histogram, observe, observedCounter, observedUpDownCounter } from './metrics/instruments.ts';
import type { Meter } from './telemetry.ts';

const NANOS_PER_S = 1e9;
/** The event loop is looked at so often, ms: what holds it up for less is seen in its utilization only. */
const RESOLUTION_MS = 50;
const GC_TYPES: Readonly<Record<number, string>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: 'major',
  [constants.NODE_PERFORMANCE_GC_MINOR]: 'minor',
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: 'incremental',
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: 'weakcb',
};

export function observeProcess(meter: Meter): { stop(): void } {
  observedUpDownCounter(meter, 'process.memory.usage').addCallback((result) => result.observe(process.memoryUsage.rss()));
  observe(meter, 'process.uptime', () => process.uptime());
  observedCounter(meter, 'process.cpu.time').addCallback((result) => {
    const { user, system } = process.cpuUsage();
    result.observe(user / 1e6, { 'cpu.mode': 'user' });
    result.observe(system / 1e6, { 'cpu.mode': 'system' });
  });
  observeHeap(meter);
  const ends = [observeEventLoop(meter), observeCollections(meter)];
  return {
    stop: () => {
      for (const end of ends) end();
    },
  };
}

/** The delays are those since the last scrape. */
function observeEventLoop(meter: Meter): () => void {
  let last = performance.eventLoopUtilization();
  observe(meter, 'nodejs.eventloop.utilization', () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  });
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  // The timer itself is part of what is measured.
  const seconds = (nanos: number): number => Math.max(0, nanos / NANOS_PER_S - RESOLUTION_MS / 1_000);
  observe(meter, 'nodejs.eventloop.delay.p50', () => seconds(delays.percentile(50)));
  observe(meter, 'nodejs.eventloop.delay.p99', () => seconds(delays.percentile(99)));
  observe(meter, 'nodejs.eventloop.delay.max', () => {
    const longest = seconds(delays.max);
    delays.reset();
    return longest;
  });
  return () => void delays.disable();
}

function observeHeap(meter: Meter): void {
  const used = observedUpDownCounter(meter, 'v8js.memory.heap.used');
  const limit = observedUpDownCounter(meter, 'v8js.memory.heap.limit');
  meter.addBatchObservableCallback(
    (result) => {
      for (const { space_name, space_used_size, space_size } of getHeapSpaceStatistics()) {
        result.observe(used, space_used_size, { 'v8js.heap.space.name': space_name });
        result.observe(limit, space_size, { 'v8js.heap.space.name': space_name });
      }
    },
    [used, limit],
  );
}

function observeCollections(meter: Meter): () => void {
  const pauses = histogram(meter, 'v8js.gc.duration');
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { kind = -1 } = (entry as { detail?: { kind?: number } }).detail ?? {};
      pauses.record(entry.duration / 1_000, { 'v8js.gc.type': GC_TYPES[kind] ?? 'other' });
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  return () => observer.disconnect();
}
