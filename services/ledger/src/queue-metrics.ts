// How full the queues of the broker are and how far the ledger is behind, for Prometheus. With JetStream away these are absent.
import type { Bus } from '@causeway/shared/bus/bus';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import { observedGauge } from '@causeway/shared/metrics/instruments';
import type { BatchObservableResult, Meter } from '@causeway/shared/telemetry';

export function observeQueues(meter: Meter, bus: Pick<Bus, 'streams' | 'waitingSince' | 'unacknowledged'>): void {
  observeStreams(meter, bus);
  observeLag(meter, bus);
}

function observeStreams(meter: Meter, bus: Pick<Bus, 'streams'>): void {
  const messages = observedGauge(meter, 'causeway.stream.messages');
  const messageLimit = observedGauge(meter, 'causeway.stream.messages.limit');
  const size = observedGauge(meter, 'causeway.stream.size');
  const sizeLimit = observedGauge(meter, 'causeway.stream.size.limit');
  const replicas = observedGauge(meter, 'causeway.stream.replicas');
  const current = observedGauge(meter, 'causeway.stream.replicas.current');
  const tell = async (result: BatchObservableResult): Promise<void> => {
    for (const { stream, backlog, copies } of await bus.streams()) {
      result.observe(messages, backlog.messages, { stream });
      result.observe(messageLimit, backlog.most.messages, { stream });
      result.observe(size, backlog.bytes, { stream });
      result.observe(sizeLimit, backlog.most.bytes, { stream });
      result.observe(replicas, copies.wanted, { stream });
      result.observe(current, copies.current, { stream });
    }
  };
  meter.addBatchObservableCallback((result) => tell(result).catch(() => {}), [messages, messageLimit, size, sizeLimit, replicas, current]);
}

function observeLag(meter: Meter, bus: Pick<Bus, 'waitingSince' | 'unacknowledged'>): void {
  const behind = observedGauge(meter, 'causeway.ledger.facts_behind');
  const lag = observedGauge(meter, 'causeway.ledger.lag');
  const tell = async (result: BatchObservableResult): Promise<void> => {
    const since = await bus.waitingSince('FACTS', LEDGER_CONSUMER);
    result.observe(behind, await bus.unacknowledged('FACTS', LEDGER_CONSUMER));
    result.observe(lag, since === undefined ? 0 : Math.max(0, (Date.now() - since.getTime()) / 1_000));
  };
  meter.addBatchObservableCallback((result) => tell(result).catch(() => {}), [behind, lag]);
}
