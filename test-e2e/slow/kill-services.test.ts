// kill -9 of every process of the gateway while studies are sent: what was answered 0000 is in the archive, unaltered, once for each reception
// or at most as often more as was in flight. CAUSEWAY_TEST_SEED repeats a run.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { derivedDigests } from '../src/archived-instances.ts';
import { decodedPixels } from '../src/decoded-pixels.ts';
import type { GatewayUnderTest } from '../src/gateway-under-test.ts';
import { SERVICES, STORES, WHOLE_GATEWAY } from '../src/kill-plan.ts';
import { alteredIn, assertNothingLost, printReport } from '../src/kill-report.ts';
import { type KillableGateway, type KillRunOptions, type KillRunReport, runWithKills, startGatewayToKill } from '../src/kill-run.ts';

const EVERYTHING = [...SERVICES, ...STORES];
const HTJ2K_LOSSLESS = '1.2.840.10008.1.2.4.201';
const AS_RECEIVED: KillableGateway = { images: 'as-received', compression: [] };
// biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
const COMPRESSED: KillableGateway = { images: 'compressed', compression: [{ when: {}, then: { syntax: 'htj2k-lossless' } }] };

const seed = Number(process.env.CAUSEWAY_TEST_SEED ?? randomInt(1, 1_000_000));
const SENDERS = { senders: 2, studies: 20, instances: 50, rows: 192, columns: 192 };

interface Run extends Partial<Omit<KillRunOptions, 'victims' | 'kills'>>, Pick<KillRunOptions, 'victims' | 'kills'> {
  readonly title: string;
  readonly config: KillableGateway;
}

/** CAUSEWAY_TEST_DATA keeps the gateways' data for a look at a failure. */
async function run({ title, config, ...options }: Run, look: (report: KillRunReport, gateway: GatewayUnderTest) => Promise<void> | void) {
  const kept = process.env.CAUSEWAY_TEST_DATA;
  const gateway = await startGatewayToKill({ ...config, dataFolder: kept && join(kept, title.replaceAll(' ', '-')) });
  try {
    console.log(`${title}: seed ${seed}`);
    const report = await runWithKills(gateway, { ...SENDERS, seed, ...options });
    printReport(title, report);
    await look(report, gateway);
  } finally {
    await gateway.stop();
  }
}

describe('kill -9', () => {
  it('of each process in turn, 22 times during 2,000 instances: all are in the archive byte for byte', async () => {
    const options = { title: 'images as received', config: AS_RECEIVED, victims: EVERYTHING, kills: 22 };
    await run(options, (report) => {
      assertNothingLost(report);
      assert.equal(alteredIn(report).length, 0);
    });
  });

  it('of the whole gateway, twice during 600 instances: it goes on when started again, and all are in the archive byte for byte', async () => {
    const options = { title: 'whole gateway', config: AS_RECEIVED, victims: [WHOLE_GATEWAY], kills: 2, studies: 6 };
    await run(options, (report) => {
      assertNothingLost(report);
      assert.equal(alteredIn(report).length, 0);
    });
  });

  it('of each process in turn while images are compressed: all are in the archive and decode to the pixels sent', async () => {
    const options = { title: 'images compressed', config: COMPRESSED, victims: EVERYTHING, kills: 12, studies: 5, rows: 128, columns: 128 };
    await run(options, async (report, gateway) => {
      assertNothingLost(report);
      await assertSamePixels(report, await derivedDigests(gateway.dataFolder));
    });
  });
});

/** Each file of the archive is what was sent, or an object that compression made and that decodes to the pixels sent. */
async function assertSamePixels(report: KillRunReport, derived: Set<string>): Promise<void> {
  const altered = new Set(alteredIn(report));
  const pixels = report.pixels();
  const scratch = await mkdtemp(join(tmpdir(), 'causeway-decode-'));
  let decoded = 0;
  for (const { path, sopInstanceUid, transferSyntaxUid, digest } of report.archived) {
    if (!altered.has(sopInstanceUid)) continue;
    assert.equal(transferSyntaxUid, HTJ2K_LOSSLESS, sopInstanceUid);
    assert.ok(derived.has(digest), `${sopInstanceUid}: no object of the gateway has the digest that arrived`);
    assert.ok(pixels.get(sopInstanceUid)!.equals(await decodedPixels(path, scratch)), `${sopInstanceUid}: other pixels`);
    decoded++;
  }
  await rm(scratch, { recursive: true });
  console.log(`  ${decoded} of ${report.archived.length} files in the archive are compressed; OpenJPEG reads the pixels sent from each`);
  assert.ok(decoded > report.archived.length / 2, 'more than half were compressed');
}
