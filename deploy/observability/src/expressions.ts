// Which metrics, and which of their labels, a PromQL expression asks for: so that dashboards and alerts cannot ask for what nobody tells.
import { METRICS, type MetricName, prometheusName } from '@causeway/shared/metrics/metric-table';
import { FOREIGN_METRICS } from './foreign-metrics.ts';

/** Words of PromQL that may stand in our expressions. */
const WORDS = new Set(
  (
    'sum max min count by on or and unless rate increase delta deriv resets histogram_quantile absent vector label_replace abs sort_desc ' +
    'e inf nan offset'
  ).split(' '),
);
/** Labels that every series of ours has, or that Prometheus adds. */
const EVERYWHERE = ['service_name', 'instance', 'job', 'le'];
const HISTOGRAM_ENDINGS = ['_bucket', '_sum', '_count'];

/** Grafana's variables as Grafana would fill them in. */
export const withoutVariables = (expr: string): string =>
  expr.replaceAll(/\$__(rate_interval|range|interval)\b/g, '5m').replaceAll(/\$\{?\w+\}?/g, 'x');

/** Names by Prometheus, with the labels that may be asked for; undefined: those of a foreign program, unknown to us. */
export function knownMetrics(recorded: readonly string[]): ReadonlyMap<string, readonly string[] | undefined> {
  const known = new Map<string, readonly string[] | undefined>();
  for (const name of Object.keys(METRICS) as MetricName[]) {
    const { kind, labels } = METRICS[name];
    const asked = [...labels.map((label) => label.replaceAll('.', '_')), ...EVERYWHERE];
    for (const ending of kind === 'histogram' ? HISTOGRAM_ENDINGS : ['']) known.set(`${prometheusName(name)}${ending}`, asked);
  }
  for (const name of Object.values(FOREIGN_METRICS).flat())
    for (const ending of ['', ...HISTOGRAM_ENDINGS]) known.set(`${name}${ending}`, undefined);
  for (const name of recorded) known.set(name, []);
  return known;
}

export interface Asked {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** Every word that is neither PromQL's nor a label in braces or after `by`, `on`. */
export function metricsIn(expr: string): Asked[] {
  const bare = withoutVariables(expr)
    .replaceAll(/\b(by|on|ignoring|without)\s*\([^)]*\)/g, '$1')
    .replaceAll(/"[^"]*"(?=\s*[,)])/g, '')
    .replaceAll(/\[[^\]]*\]/g, '');
  return [...bare.matchAll(/([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?/g)]
    .filter(([, word]) => !WORDS.has(word!.toLowerCase()))
    .map(([, metric, matchers = '']) => ({
      metric: metric!,
      labels: [...matchers.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map((match) => match[1]!),
    }));
}
