// `npm run dashboards:render`: writes deploy/observability/dashboards/*.json, which Grafana and the chart read. They are changed here, not there.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dashboard, grafanaDashboard } from './dashboard.ts';
import { destination } from './dashboards/destination.ts';
import { facility } from './dashboards/facility.ts';
import { flow } from './dashboards/flow.ts';
import { jetstream } from './dashboards/jetstream.ts';
import { nodeRuntime } from './dashboards/node-runtime.ts';
import { objectStore } from './dashboards/object-store.ts';
import { postgres } from './dashboards/postgres.ts';

export const DASHBOARDS: readonly Dashboard[] = [flow, facility, destination, jetstream, objectStore, postgres, nodeRuntime];
export const DASHBOARDS_FOLDER = join(import.meta.dirname, '../dashboards');

export const fileNameOf = ({ uid }: Dashboard): string => `${uid.replace('causeway-', '')}.json`;
export const rendered = (dashboard: Dashboard): string => `${JSON.stringify(grafanaDashboard(dashboard), undefined, 2)}\n`;

if (process.argv[1] === import.meta.filename)
  for (const dashboard of DASHBOARDS) writeFileSync(join(DASHBOARDS_FOLDER, fileNameOf(dashboard)), rendered(dashboard));
