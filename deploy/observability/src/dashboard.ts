// What a dashboard is to us, and how it becomes Grafana's JSON (schema version 39: Grafana 10 and newer).

export interface Query {
  readonly expr: string;
  /** Of a line, with labels in braces: `{{destination}}`. */
  readonly legend: string;
  /** Shows points that lead to traces. */
  readonly exemplars?: boolean;
}

export interface Panel {
  readonly title: string;
  /** What it says, and when to worry. */
  readonly says: string;
  readonly kind: 'number' | 'lines' | 'stacked' | 'table';
  /** Grafana's name of the unit. */
  readonly unit: 'short' | 's' | 'bytes' | 'Bps' | 'ops' | 'percentunit';
  /** Of 24. */
  readonly width: number;
  readonly queries: readonly Query[];
  /** A number turns red from here on, or below when `worseBelow`. */
  readonly red?: number;
  readonly worseBelow?: boolean;
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  /** `label_values(metric, label)` */
  readonly query: string;
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly says: string;
  readonly variables?: readonly Variable[];
  readonly panels: readonly Panel[];
}

const SCHEMA_VERSION = 39;
const COLUMNS = 24;
const HEIGHT: Readonly<Record<Panel['kind'], number>> = { number: 4, lines: 8, stacked: 8, table: 8 };
const DATASOURCE = { type: 'prometheus', uid: '$datasource' };
const TYPES: Readonly<Record<Panel['kind'], string>> = { number: 'stat', lines: 'timeseries', stacked: 'timeseries', table: 'table' };

export function grafanaDashboard({ uid, title, says, variables = [], panels }: Dashboard): object {
  return {
    uid,
    title,
    description: says,
    tags: ['causeway'],
    timezone: 'browser',
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    links: [{ type: 'dashboards', tags: ['causeway'], title: 'Causeway', asDropdown: true, includeVars: false, keepTime: true }],
    templating: {
      list: [{ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' }, ...variables.map(grafanaVariable)],
    },
    panels: placed(panels).map(({ panel, at }, place) => grafanaPanel(panel, at, place + 1)),
  };
}

const grafanaVariable = ({ name, label, query }: Variable): object => ({
  ...{ name, label, type: 'query', datasource: DATASOURCE, definition: query },
  query: { query, refId: name },
  ...{ refresh: 2, sort: 1, multi: true, includeAll: true, allValue: '.*' },
});

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** From left to right; what does not fit begins a new row, below the highest of the one before. */
function placed(panels: readonly Panel[]): { panel: Panel; at: Place }[] {
  let [x, y, rowHeight] = [0, 0, 0];
  return panels.map((panel) => {
    const h = HEIGHT[panel.kind];
    if (x + panel.width > COLUMNS) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const at = { x, y, w: panel.width, h };
    x += panel.width;
    rowHeight = Math.max(rowHeight, h);
    return { panel, at };
  });
}

function grafanaPanel(panel: Panel, gridPos: Place, id: number): object {
  const { title, says, kind, unit } = panel;
  return {
    ...{ id, title, description: says, type: TYPES[kind], datasource: DATASOURCE, gridPos },
    targets: panel.queries.map(({ expr, legend, exemplars = false }, place) => ({
      ...{ refId: String.fromCharCode(65 + place), datasource: DATASOURCE, expr, legendFormat: legend },
      ...(kind === 'table' ? { instant: true, format: 'table' } : {}),
      ...(exemplars ? { exemplar: true } : {}),
    })),
    fieldConfig: {
      defaults: { unit, ...(unit === 'percentunit' ? { min: 0 } : {}), thresholds: thresholdsOf(panel), custom: customOf(kind) },
      overrides: [],
    },
    options: optionsOf(kind),
  };
}

function thresholdsOf({ red, worseBelow = false }: Panel): object {
  if (red === undefined) return { mode: 'absolute', steps: [{ color: 'text', value: null }] };
  const [first, then] = worseBelow ? ['red', 'green'] : ['green', 'red'];
  const steps = [
    { color: first, value: null },
    { color: then, value: red },
  ];
  return { mode: 'absolute', steps };
}

function customOf(kind: Panel['kind']): object {
  if (kind === 'lines') return { drawStyle: 'line', lineWidth: 1, fillOpacity: 10, showPoints: 'never' };
  if (kind === 'stacked')
    return { drawStyle: 'line', lineWidth: 1, fillOpacity: 40, showPoints: 'never', stacking: { mode: 'normal', group: 'A' } };
  return {};
}

function optionsOf(kind: Panel['kind']): object {
  if (kind === 'number') return { reduceOptions: { calcs: ['lastNotNull'] }, colorMode: 'value', graphMode: 'area' };
  if (kind === 'table') return { showHeader: true };
  return { legend: { displayMode: 'list', placement: 'bottom', showLegend: true }, tooltip: { mode: 'multi', sort: 'desc' } };
}
