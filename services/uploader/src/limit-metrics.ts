// What the limits of time and rate do, by destination.
import type { Meter } from '@causeway/shared/telemetry';
import type { SendLimitsParts } from './send-limits.ts';

export function limitMetrics(meter: Meter, windows: () => { destination: string; closed: boolean }[]): Pick<SendLimitsParts, 'passed'> {
  const bytes = meter.createCounter('causeway_uploader_paced_bytes', { description: 'Bytes sent under a limit of bandwidth', unit: 'By' });
  const seconds = meter.createCounter('causeway_uploader_paced_wait_seconds', {
    description: 'Time that objects under way waited for a limit of bandwidth, all together',
    unit: 's',
  });
  meter
    .createObservableGauge('causeway_uploader_window_closed', { description: '1: only stat work is sent now; destinations with a window' })
    .addCallback((result) => {
      for (const { destination, closed } of windows()) result.observe(closed ? 1 : 0, { destination });
    });
  return {
    passed: (destination, count, waitedMs) => {
      bytes.add(count, { destination });
      if (waitedMs > 0) seconds.add(waitedMs / 1_000, { destination });
    },
  };
}
