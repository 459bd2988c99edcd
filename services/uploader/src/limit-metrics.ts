// What the limits of time and rate do, by destination.
import { counter, observedGauge } from '@causeway/shared/metrics/instruments';
import type { Meter } from '@causeway/shared/telemetry';
import type { SendLimitsParts } from './send-limits.ts';

export function limitMetrics(meter: Meter, windows: () => { destination: string; closed: boolean }[]): Pick<SendLimitsParts, 'passed'> {
  const bytes = counter(meter, 'causeway.uploader.paced.bytes');
  const seconds = counter(meter, 'causeway.uploader.paced.wait');
  observedGauge(meter, 'causeway.uploader.window.closed').addCallback((result) => {
    for (const { destination, closed } of windows()) result.observe(closed ? 1 : 0, { destination });
  });
  return {
    passed: (destination, count, waitedMs) => {
      bytes.add(count, { destination });
      if (waitedMs > 0) seconds.add(waitedMs / 1_000, { destination });
    },
  };
}
