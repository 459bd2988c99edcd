// The same bus, its publications and the handling of its messages timed. Probes are not counted.
import type { Histogram } from '@opentelemetry/api';
import { histogram } from '../metrics/instruments.ts';
import type { Meter } from '../telemetry.ts';
import type { Bus } from './bus.ts';

type Seconds = Histogram<{ 'messaging.destination.name'?: string; 'error.type'?: string }>;

export function measuredBus(bus: Bus, meter: Meter): Bus {
  const sending = histogram(meter, 'messaging.client.operation.duration');
  const handling = histogram(meter, 'messaging.process.duration');
  return {
    ...bus,
    publish: (event, options) => timed(sending, wordsOf(options.subject), () => bus.publish(event, options)),
    publishFact: (fact) => timed(sending, wordsOf(fact.type), () => bus.publishFact(fact)),
    consume: (plan, handler) => bus.consume(plan, (message) => timed(handling, plan.stream, () => handler(message))),
  };
}

/** A lane, a facility or a destination is no part of it. */
const wordsOf = (subject: string): string => subject.split('.').slice(0, 2).join('.');

async function timed<T>(seconds: Seconds, name: string, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const took = (): number => (performance.now() - began) / 1_000;
  try {
    const result = await work();
    seconds.record(took(), { 'messaging.destination.name': name });
    return result;
  } catch (error) {
    seconds.record(took(), { 'messaging.destination.name': name, 'error.type': error instanceof Error ? error.name : 'unknown' });
    throw error;
  }
}
