// What is said of a metric in the tables of this folder.

/**
 * counter, histogram, gauge: told as it happens. observed-*: asked at each scrape. Labels hold configured names and words of ours only (invariant 10), and are
 * bounded: by lists of ours, by the facilities or destinations of the gateway document that have work, or, in the ledger, by the first so many.
 */
export interface MetricDefinition {
  readonly kind: 'counter' | 'histogram' | 'gauge' | 'observed-counter' | 'observed-gauge' | 'observed-up-down-counter';
  readonly unit: string;
  readonly labels: readonly string[];
  readonly says: string;
  /** Upper bounds, of a histogram. */
  readonly buckets?: readonly number[];
}

/** Seconds. Of a disk, a broker, a database: 1 ms to 10 s. */
export const SHORT = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
/** Of what grows with the object, and with the line: 10 ms to an hour. */
export const LONG = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600] as const;
/** Of frames: a CT slice takes 0.01, a mammogram some seconds. */
export const FRAME = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 150] as const;
/** From receipt to confirmation. The objective of deploy/observability/alerts.yaml counts 300 as in time. */
export const ARCHIVED = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400] as const;
/** Of a process that stands still. */
export const PAUSE = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1] as const;
