// The only place where instruments are made, each by its line of the table: a metric that is not in it does not compile.
import type {
  Counter,
  Gauge,
  Histogram,
  Meter,
  MetricOptions,
  ObservableCounter,
  ObservableGauge,
  ObservableUpDownCounter,
} from '@opentelemetry/api';
import { METRICS, type MetricName } from './metric-table.ts';

type NameOf<Kind extends string> = { [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never }[MetricName];
/** A label that does not apply is left out. */
export type LabelsOf<Name extends MetricName> = { [Label in (typeof METRICS)[Name]['labels'][number]]?: string };

export const counter = <Name extends NameOf<'counter'>>(meter: Meter, name: Name): Counter<LabelsOf<Name>> =>
  meter.createCounter(name, optionsOf(name));

export const histogram = <Name extends NameOf<'histogram'>>(meter: Meter, name: Name): Histogram<LabelsOf<Name>> =>
  meter.createHistogram(name, optionsOf(name));

export const gauge = <Name extends NameOf<'gauge'>>(meter: Meter, name: Name): Gauge<LabelsOf<Name>> =>
  meter.createGauge(name, optionsOf(name));

export const observedGauge = <Name extends NameOf<'observed-gauge'>>(meter: Meter, name: Name): ObservableGauge<LabelsOf<Name>> =>
  meter.createObservableGauge(name, optionsOf(name));

export const observedCounter = <Name extends NameOf<'observed-counter'>>(meter: Meter, name: Name): ObservableCounter<LabelsOf<Name>> =>
  meter.createObservableCounter(name, optionsOf(name));

export const observedUpDownCounter = <Name extends NameOf<'observed-up-down-counter'>>(
  meter: Meter,
  name: Name,
): ObservableUpDownCounter<LabelsOf<Name>> => meter.createObservableUpDownCounter(name, optionsOf(name));

/** Asked at each scrape; undefined: nothing can be said now, and the series is absent. */
export function observe(meter: Meter, name: NameOf<'observed-gauge'>, read: () => number | undefined | Promise<number | undefined>): void {
  observedGauge(meter, name).addCallback(async (result) => {
    const value = await read();
    if (value !== undefined) result.observe(value);
  });
}

function optionsOf(name: MetricName): MetricOptions {
  const { says, unit, ...more } = METRICS[name];
  const advice = 'buckets' in more ? { explicitBucketBoundaries: [...more.buckets] } : undefined;
  return { description: says, unit, ...(advice && { advice }) };
}
