// What a scrape reads of the process.
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { scrape } from './metrics/scrape-for-tests.ts';
import { observeProcess } from './observe-process.ts';

it('tells memory, processor, heap and event loop in seconds and bytes, and lets the process end', async () => {
  const { meter, text } = scrape();
  const observing = observeProcess(meter);
  try {
    const told = await text();
    const value = (name: string): number => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(told)?.[1]);
    assert.ok(value('process_memory_usage') > 10_000_000);
    assert.ok(value('process_cpu_time_total') > 0 && value('process_cpu_time_total') < 3_600);
    assert.match(told, /^v8js_memory_heap_used\{v8js_heap_space_name="old_space"\} \d{6,}$/m);
    assert.ok(value('nodejs_eventloop_delay_p99') >= 0 && value('nodejs_eventloop_utilization') <= 1);
  } finally {
    observing.stop();
  }
});
