// The same database, its statements timed and its connections counted.
import { histogram, observe, observedUpDownCounter } from '../metrics/instruments.ts';
import type { Meter } from '../telemetry.ts';
import type { Database, Queryable } from './database.ts';

export function measuredDatabase(database: Database, meter: Meter): Database {
  const seconds = histogram(meter, 'db.client.operation.duration');
  const measured = ({ query }: Queryable): Queryable['query'] => {
    return async (text, values) => {
      const began = performance.now();
      const told = { 'db.operation.name': operationOf(text) };
      const took = (): number => (performance.now() - began) / 1_000;
      try {
        const rows = await query<never>(text, values);
        seconds.record(took(), told);
        return rows;
      } catch (error) {
        seconds.record(took(), { ...told, 'error.type': error instanceof Error ? error.name : 'unknown' });
        throw error;
      }
    };
  };
  observeConnections(database, meter);
  return {
    ...database,
    query: measured(database),
    transaction: (work) => database.transaction((inside) => work({ query: measured(inside) })),
  };
}

function observeConnections(database: Database, meter: Meter): void {
  const connections = observedUpDownCounter(meter, 'db.client.connection.count');
  const most = observedUpDownCounter(meter, 'db.client.connection.max');
  const pending = observedUpDownCounter(meter, 'db.client.connection.pending_requests');
  meter.addBatchObservableCallback(
    (result) => {
      const now = database.connections();
      result.observe(connections, now.idle, { 'db.client.connection.state': 'idle' });
      result.observe(connections, now.used, { 'db.client.connection.state': 'used' });
      result.observe(most, now.most);
      result.observe(pending, now.waiting);
    },
    [connections, most, pending],
  );
  observe(meter, 'causeway.database.reachable', () =>
    database.probe().then(
      () => 1,
      () => 0,
    ),
  );
}

/** The first word of a statement of ours. */
const operationOf = (text: string): string => /^\s*([A-Za-z]+)/.exec(text)?.[1]?.toUpperCase() ?? 'OTHER';
