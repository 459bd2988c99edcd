// kill -9 of receiver, broker, object store and of everything, round after round under load: the acknowledged (SOP Instance UID, digest) are a subset of the delivered ones.
// CAUSEWAY_ROUNDS=200 for the long run, CAUSEWAY_TEST_SEED for the same moments again.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { afterEach, describe, it } from 'node:test';
import { type S3Server, startS3Server } from '@causeway/shared/object-store/s3-server-for-tests';
import { type CrashReport, describeCrashes, runCrashRounds, type Victim } from '../src/crash-rounds.ts';
import type { GatewayUnderTest } from '../src/gateway-under-test.ts';
import { WHOLE_GATEWAY } from '../src/kill-plan.ts';
import { boundOf, startGatewayToKill } from '../src/kill-run.ts';

const rounds = Number(process.env.CAUSEWAY_ROUNDS ?? 20);
const seed = Number(process.env.CAUSEWAY_TEST_SEED ?? randomInt(1, 1_000));
/** What is killed this often would else be started again after half a minute. */
const AT_ONCE = { CAUSEWAY_RESTART_LONGEST_MS: '500' };

let gateway: GatewayUnderTest | undefined;
let s3: S3Server | undefined;
afterEach(async () => {
  await gateway?.stop();
  await s3?.stop();
  [gateway, s3] = [undefined, undefined];
});

const repeatsOf = (victim: string): number => boundOf([{ victim, afterAccepted: 0, delayMs: 0 }]);

/** Of the gateway; `shares` in a hundred rounds. */
function victimsOf(at: GatewayUnderTest, shares: { receiver: number; nats: number; supervisor: number; everything: number }): Victim[] {
  const service = (name: string, share: number): Victim => ({ name, share, repeats: repeatsOf(name), kill: () => at.killService(name) });
  return [
    service('receiver', shares.receiver),
    service('nats-server', shares.nats),
    {
      name: 'supervisor (its orphans are ended by the next one)',
      share: shares.supervisor,
      repeats: repeatsOf(WHOLE_GATEWAY),
      kill: async () => {
        await at.killSupervisor();
        await at.start();
      },
    },
    {
      name: WHOLE_GATEWAY,
      share: shares.everything,
      repeats: repeatsOf(WHOLE_GATEWAY),
      kill: async () => {
        await at.killAll();
        await at.start();
      },
    },
  ];
}

function assertNothingLost(report: CrashReport): void {
  console.log(describeCrashes(report));
  assert.deepEqual([report.missing, report.altered], [[], []]);
  assert.ok(report.repeats <= report.bound, `${report.repeats} repeats at the archive, ${report.bound} can have been in flight`);
  assert.deepEqual(report.work, { ...report.work, held: 0, quarantined: 0, failed: 0, open: 0 });
}

describe(`${rounds} rounds of kill -9`, () => {
  it('with objects in a folder: nothing acknowledged is missing or altered', async () => {
    gateway = await startGatewayToKill({ images: 'as-received', compression: [], env: AT_ONCE });
    const victims = victimsOf(gateway, { receiver: 46, nats: 46, supervisor: 4, everything: 4 });
    assertNothingLost(await runCrashRounds(gateway, { seed, rounds, victims }));
  });

  it('with objects in S3, whose server is killed too: nothing acknowledged is missing or altered', async () => {
    const server = await startS3Server({ keeps: 'disk' });
    s3 = server;
    gateway = await startGatewayToKill({ images: 'as-received', compression: [], env: { ...AT_ONCE, ...server.environment('crash') } });
    const store = (name: 'rgw' | 'osd'): Victim => ({ name: `S3 server (${name})`, share: 16, repeats: 0, kill: () => server.crash(name) });
    const victims = [...victimsOf(gateway, { receiver: 32, nats: 32, supervisor: 2, everything: 2 }), store('rgw'), store('osd')];
    assertNothingLost(await runCrashRounds(gateway, { seed, rounds, victims }));
  });
});
