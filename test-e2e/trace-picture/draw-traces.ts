// Draws traces as a waterfall, as SVG: a row a span, indented below its parent, as long as it took.
import type { CollectedSpan } from '../src/otlp-trace.ts';

export interface Picture {
  readonly title: string;
  readonly below: string;
  /** One below the other, each with the spans of one trace. */
  readonly traces: readonly { readonly title: string; readonly spans: readonly CollectedSpan[] }[];
}

const WIDTH = 1180;
const ROW = 17;
const NAMES = 400;
const RIGHT = 64;
const COLOURS: Readonly<Record<string, string>> = {
  receiver: '#2563eb',
  compressor: '#7c3aed',
  router: '#0891b2',
  uploader: '#16a34a',
  ledger: '#b45309',
  console: '#be185d',
  retriever: '#475569',
};

interface Row {
  readonly span: CollectedSpan;
  readonly depth: number;
}

export function drawTraces({ title, below, traces }: Picture): string {
  const all = traces.flatMap(({ spans }) => spans);
  const from = Math.min(...all.map(({ startMs }) => startMs));
  const until = Math.max(...all.map(({ endMs }) => endMs));
  const scale = (WIDTH - NAMES - RIGHT) / (until - from);
  const x = (ms: number): number => NAMES + (ms - from) * scale;
  const parts: string[] = [];
  let y = 64;
  for (const { title: heading, spans } of traces) {
    parts.push(text([12, y + 12], heading, 'font-weight="600"'));
    y += ROW + 3;
    for (const row of inOrder(spans)) {
      parts.push(drawRow(row, y, x));
      y += ROW;
    }
    y += 10;
  }
  const height = y + 34;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="11.5" fill="#111827">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    text([12, 24], title, 'font-size="15" font-weight="600"'),
    legend(traces),
    axis({ until: until - from, scale, top: 48, bottom: y }),
    ...parts,
    text([12, height - 12], below, 'fill="#4b5563"'),
    '</svg>',
    '',
  ].join('\n');
}

/** Parents before their children, siblings by their beginning. What has no parent here is at the top. */
function inOrder(spans: readonly CollectedSpan[]): Row[] {
  const known = new Set(spans.map(({ spanId }) => spanId));
  const below = Map.groupBy(spans, ({ parentSpanId }) => (parentSpanId && known.has(parentSpanId) ? parentSpanId : ''));
  const rows = (parent: string, depth: number): Row[] =>
    (below.get(parent) ?? [])
      .toSorted((one, other) => one.startMs - other.startMs)
      .flatMap((span) => [{ span, depth }, ...rows(span.spanId, depth + 1)]);
  return rows('', 0);
}

function drawRow({ span, depth }: Row, y: number, x: (ms: number) => number): string {
  const colour = COLOURS[span.service.replace('causeway-', '')] ?? '#6b7280';
  const [start, end] = [x(span.startMs), x(span.endMs)];
  const width = Math.max(1.5, end - start);
  const took = span.endMs - span.startMs;
  const outcome = span.attributes['http.response.status_code'] ?? span.attributes['dicom.status'] ?? '';
  return [
    text([20 + depth * 11, y + 12], span.name),
    `<rect x="${start.toFixed(1)}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 6}" rx="2" fill="${colour}"${span.failed ? ' stroke="#dc2626" stroke-width="2"' : ''}/>`,
    text(
      [Math.min(start + width + 4, WIDTH - RIGHT + 4), y + 12],
      `${took < 10 ? took.toFixed(1) : took.toFixed(0)} ms${outcome === '' ? '' : `, ${outcome}`}`,
      span.failed ? 'fill="#dc2626"' : 'fill="#6b7280"',
    ),
  ].join('');
}

function legend(traces: Picture['traces']): string {
  const services = [...new Set(traces.flatMap(({ spans }) => spans.map(({ service }) => service.replace('causeway-', ''))))];
  const order = Object.keys(COLOURS).filter((service) => services.includes(service));
  return order
    .map((service, place) => {
      const left = WIDTH - 12 - (order.length - place) * 92;
      return `<rect x="${left}" y="14" width="10" height="10" rx="2" fill="${COLOURS[service]}"/>${text([left + 15, 23], service)}`;
    })
    .join('');
}

function axis({ until, scale, top, bottom }: { until: number; scale: number; top: number; bottom: number }): string {
  const step = [10, 20, 50, 100, 200, 500, 1_000, 2_000].find((one) => until / one <= 10) ?? 5_000;
  const lines: string[] = [];
  for (let ms = 0; ms <= until; ms += step) {
    const at = (NAMES + ms * scale).toFixed(1);
    lines.push(
      `<line x1="${at}" y1="${top}" x2="${at}" y2="${bottom}" stroke="#e5e7eb"/>${text([Number(at) + 2, top + 4], `${ms} ms`, 'fill="#9ca3af" font-size="10"')}`,
    );
  }
  return lines.join('');
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const escaped = (words: string): string => words.replaceAll(/[&<>]/g, (found) => ESCAPES[found]!);
const text = ([x, y]: readonly [number, number], words: string, more = ''): string =>
  `<text x="${x}" y="${y}"${more === '' ? '' : ` ${more}`}>${escaped(words)}</text>`;
