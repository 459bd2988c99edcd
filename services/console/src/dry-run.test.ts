// A dry run leaves others their turn, and ends when its time is over.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import type { Database } from '@causeway/shared/database/database';
import { sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { dryRun } from './dry-run.ts';

/** Some endpoints with expressions, so that the whole takes more than one slice of time. */
const document = parseGatewayDocument({
  facilities: [
    { id: 'hub', model: 'hub', match: [{}], mappingTag: 'InstitutionName' },
    ...Array.from({ length: 20 }, (_, n) => ({
      id: `e${n}`,
      model: 'endpoint',
      rules: [{ hub: 'hub', match: 'regex', value: `[A-Z]*MS${n}` }],
    })),
  ],
});

/** A ledger that answers at once, without a turn of the event loop. */
function ledgerOf(instances: number): Database {
  const rows = Array.from({ length: instances }, (_, n) => {
    const { receiptId, studyInstanceUid, sopClassUid, association, attributes } = sampleInstance(1, n);
    const at = new Date(n);
    return { receiptId, studyInstanceUid, sopClassUid, association, attributes, receivedAt: at, studyBeganAt: at };
  });
  const query = async (sql: string, values: readonly unknown[] = []): Promise<object[]> => {
    if (sql.includes('AS newest')) return rows.slice(0, 1);
    const after = rows.findIndex(({ receiptId }) => receiptId === values[1]);
    return rows.slice(after + 1, after + 1 + Number(values[2]));
  };
  return { query } as unknown as Database;
}

const order = { current: document, draft: document, since: new Date(0), most: 1200, withinMs: 600_000 };

describe('a dry run', () => {
  it('lets others have their turn while it works', async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    const { instances, complete } = await dryRun(ledgerOf(1200), order);
    isOver = true;
    assert.deepEqual([instances, complete], [1200, true]);
    assert.ok(turns > 1, `${turns} turns of the event loop`);
  });

  it('ends when its time is over, and says so', async () => {
    const { instances, complete, until } = await dryRun(ledgerOf(1200), { ...order, withinMs: -1 });
    assert.deepEqual([instances, complete, until], [0, false, null]);
  });

  it('looks at the newest only when there are more than it may', async () => {
    assert.deepEqual((await dryRun(ledgerOf(1200), { ...order, most: 700 })).instances, 700);
  });
});
