// kill -9 once of each process that an image passes, while studies are sent. The long version: slow/kill-services.test.ts. CAUSEWAY_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, test } from 'node:test';
import type { GatewayUnderTest } from './gateway-under-test.ts';
import { alteredIn, assertNothingLost, printReport } from './kill-report.ts';
import { runWithKills, startGatewayToKill } from './kill-run.ts';

const seed = Number(process.env.CAUSEWAY_TEST_SEED ?? randomInt(1, 1_000_000));
const VICTIMS = ['receiver', 'compressor', 'router', 'uploader', 'nats-server'];
const SENDING = { senders: 2, studies: 3, instances: 50, rows: 128, columns: 128 };

let gateway: GatewayUnderTest;

before(async () => {
  gateway = await startGatewayToKill({ images: 'as-received', compression: [] });
});
after(() => gateway?.stop());

test('kill -9 of receiver, compressor, router, uploader and nats-server loses and alters none of 300 instances', async () => {
  const report = await runWithKills(gateway, { ...SENDING, seed, victims: VICTIMS, kills: VICTIMS.length });
  printReport(`kill -9, seed ${seed}`, report);
  assert.equal(new Set(report.sent.map(({ sopInstanceUid }) => sopInstanceUid)).size, 300);
  assertNothingLost(report);
  assert.equal(alteredIn(report).length, 0);
});
