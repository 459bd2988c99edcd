// What PostgreSQL does for a question: which tables it reads as a whole, and how many pages it touches.
import type { Database, Queryable } from '@causeway/shared/database/database';

interface Plan {
  readonly 'Node Type': string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Loops': number;
  readonly 'Shared Hit Blocks': number;
  readonly 'Shared Read Blocks': number;
  readonly Plans?: readonly Plan[];
}

export interface Cost {
  /** Pages of 8 KB, from memory or disk. */
  pages: number;
  /** Tables of more than 4,000 pages (32 MB) that were read as a whole; a smaller one may be cheaper to read than through its index. */
  readonly wholeTables: Set<string>;
}

const LARGE_PAGES = 4_000;

/** Asks as always, and has each statement explained and run once more. */
export async function costOf(database: Database, ask: (target: Queryable) => Promise<unknown>): Promise<Cost> {
  const large = await largeTables(database);
  const cost: Cost = { pages: 0, wholeTables: new Set() };
  await ask({
    query: async <Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]> => {
      const [row] = await database.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${text}`, values);
      const { Plan: plan } = row!['QUERY PLAN'][0];
      cost.pages += plan['Shared Hit Blocks'] + plan['Shared Read Blocks'];
      for (const table of readWhole(plan)) if (large.has(table)) cost.wholeTables.add(table);
      return database.query<Row>(text, values);
    },
  });
  return cost;
}

/** A part of the plan that was never run reads nothing. */
function readWhole(plan: Plan): string[] {
  const own = plan['Node Type'] === 'Seq Scan' && plan['Actual Loops'] > 0 ? [plan['Relation Name']!] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(readWhole)];
}

async function largeTables(database: Database): Promise<Set<string>> {
  const rows = await database.query<{ relname: string }>(`SELECT relname FROM pg_class WHERE relkind = 'r' AND relpages > ${LARGE_PAGES}`);
  return new Set(rows.map(({ relname }) => relname));
}
