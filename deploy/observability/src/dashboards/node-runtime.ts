// The processes: memory, processor, event loop, garbage collection, clocks.
import type { Dashboard } from '../dashboard.ts';

const OF = 'service_name=~"$service"';
const PROCESS = '{{service_name}} {{instance}}';

export const nodeRuntime: Dashboard = {
  uid: 'causeway-node-runtime',
  title: 'Causeway: Node runtime',
  says: 'What each process needs.',
  variables: [{ name: 'service', label: 'Service', query: 'label_values(causeway_service_info, service_name)' }],
  panels: [
    {
      ...{ title: 'Resident memory', kind: 'lines', unit: 'bytes', width: 12 },
      says: 'A service is meant to stay under 256 MB.',
      queries: [{ expr: `process_memory_usage{${OF}}`, legend: PROCESS }],
    },
    {
      ...{ title: 'Processor', kind: 'lines', unit: 'percentunit', width: 12 },
      says: 'Share of one core.',
      queries: [{ expr: `sum by (service_name, instance) (rate(process_cpu_time_total{${OF}}[$__rate_interval]))`, legend: PROCESS }],
    },
    {
      ...{ title: 'Event loop delay, 99th percentile', kind: 'lines', unit: 's', width: 8 },
      says: 'How late a timer is.',
      queries: [{ expr: `nodejs_eventloop_delay_p99{${OF}}`, legend: PROCESS }],
    },
    {
      ...{ title: 'Event loop, longest delay', kind: 'lines', unit: 's', width: 8 },
      says: 'Between two scrapes.',
      queries: [{ expr: `nodejs_eventloop_delay_max{${OF}}`, legend: PROCESS }],
    },
    {
      ...{ title: 'Event loop utilization', kind: 'lines', unit: 'percentunit', width: 8 },
      says: 'At 100 % the process can do no more.',
      queries: [{ expr: `nodejs_eventloop_utilization{${OF}}`, legend: PROCESS }],
    },
    {
      ...{ title: 'Heap in use', kind: 'lines', unit: 'bytes', width: 8 },
      says: 'All spaces together.',
      queries: [{ expr: `sum by (service_name, instance) (v8js_memory_heap_used{${OF}})`, legend: PROCESS }],
    },
    {
      ...{ title: 'Garbage collection', kind: 'lines', unit: 'percentunit', width: 8 },
      says: 'Share of time.',
      queries: [{ expr: `sum by (service_name, instance) (rate(v8js_gc_duration_sum{${OF}}[$__rate_interval]))`, legend: PROCESS }],
    },
    {
      ...{ title: 'Clock, from the broker’s', kind: 'lines', unit: 's', width: 8 },
      says: 'Of one machine all are the same; machines should agree within a second.',
      queries: [{ expr: `causeway_clock_offset{${OF}}`, legend: PROCESS }],
    },
    {
      ...{ title: 'Running since', kind: 'lines', unit: 's', width: 12 },
      says: 'Falls to zero at a start.',
      queries: [{ expr: `process_uptime{${OF}}`, legend: PROCESS }],
    },
    {
      ...{ title: 'Versions', kind: 'table', unit: 'short', width: 12 },
      says: 'During an upgrade there are two.',
      queries: [{ expr: `count by (service_name, version) (causeway_service_info{${OF}})`, legend: '' }],
    },
  ],
};
