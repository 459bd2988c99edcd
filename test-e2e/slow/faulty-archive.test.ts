// Five archives that go wrong in every way known, in turn, while the uploader is killed: everything arrives as it was sent, nothing is confirmed that is not there,
// and nothing is sent again that an archive had acknowledged, but for what a kill or a cut met in flight. CAUSEWAY_INSTANCES sets the size.
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { makeCertificate, type TestCertificate } from '@causeway/shared/dicomweb/certificate-for-tests';
import { type Fault, REQUEST_FAULTS, SERVER_FAULTS } from '../src/archive-faults.ts';
import { type ConsoleClient, signIn } from '../src/console-client.ts';
import { type FaultyArchive, type FaultyArchiveOptions, startFaultyArchive } from '../src/faulty-archive.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { type SendingPlan, type SentInstance, sendStudies, sentSoFar } from '../src/send-studies.ts';
import { until } from '../src/wait-for-fact.ts';

const INSTANCES = Number(process.env.CAUSEWAY_INSTANCES ?? 600);
const STUDY = Math.min(200, INSTANCES / 4);
const SENDERS = 2;
const KILLS = INSTANCES > 5_000 ? 8 : 3;
const CONCURRENCY = 3;
const BATCH = 10;
/** What the uploader has in hand for a destination: two batches for each request that may run (services/uploader/src/serve-destination.ts). */
const IN_HAND = 2 * CONCURRENCY * BATCH;
const WITHIN_MS = 100_000 + 60 * INSTANCES;
const seed = Number(process.env.CAUSEWAY_TEST_SEED ?? randomInt(1, 1_000_000));

const EVERY_FAULT: readonly Fault[] = [...(Object.keys(REQUEST_FAULTS) as Fault[]), ...SERVER_FAULTS];

interface Site {
  readonly id: string;
  readonly options: FaultyArchiveOptions;
  readonly settings: object;
}

interface Study {
  readonly receipts: number;
  readonly deliveries: Record<string, Record<string, number>>;
}

/** A lie cannot be found out without a search, an expired certificate not without TLS. */
function faultsOf(site: { searched: boolean; tls: boolean; tokens: boolean }): Fault[] {
  const without = new Set<Fault>([
    ...(site.searched ? [] : (['lie'] as const)),
    ...(site.tls ? [] : (['expired-certificate'] as const)),
    ...(site.tokens ? [] : (['token-expired'] as const)),
  ]);
  return EVERY_FAULT.filter((fault) => !without.has(fault));
}

describe(`${INSTANCES} instances to five archives that go wrong in turn`, () => {
  let scratch: string;
  let gateway: GatewayUnderTest;
  let client: ConsoleClient;
  const archives = new Map<string, FaultyArchive>();
  let certificates: { valid: TestCertificate; expired: TestCertificate };

  const newSite = (id: string, what: { searched: boolean; tls: boolean; tokens: boolean }): Site => ({
    id,
    options: {
      faults: faultsOf(what),
      tls: what.tls ? certificates : undefined,
      tokens: what.tokens,
      wellBetween: Math.max(5, Math.floor(INSTANCES / 600)),
      firstFault: archives.size * 3,
    },
    settings: { confirm: what.searched ? 'qido' : 'response' },
  });

  async function destinationOf({ id, options, settings }: Site): Promise<object> {
    const archive = await startFaultyArchive(options);
    archives.set(id, archive);
    const secret = `file:${join(scratch, 'secret')}`;
    return {
      ...{ id, kind: 'stow', url: archive.url, images: 'as-received', concurrency: CONCURRENCY, batch: { instances: BATCH }, ...settings },
      ...(options.tls === undefined ? {} : { tls: { ca: `file:${join(scratch, 'authorities.pem')}` } }),
      ...(options.tokens ? { auth: { kind: 'oauth2', tokenUrl: archive.tokenUrl, clientId: 'gw', clientSecret: secret } } : {}),
      timeouts: { connect: '2s', idle: '5s' },
      retry: { first: '200ms', factor: 1.5, max: '2s' },
    };
  }

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'faulty-archive-'));
    const [valid, expired] = await Promise.all([
      makeCertificate(scratch, { name: 'valid' }),
      makeCertificate(scratch, { name: 'expired', expired: true }),
    ]);
    certificates = { valid, expired };
    await writeFile(join(scratch, 'authorities.pem'), `${valid.cert}${expired.cert}`);
    await writeFile(join(scratch, 'secret'), 'not guessed');
    const destinations: object[] = [];
    const none = { searched: false, tls: false, tokens: false };
    destinations.push(await destinationOf(newSite('plain', none)));
    destinations.push(await destinationOf(newSite('searched', { ...none, searched: true })));
    destinations.push(await destinationOf(newSite('secure', { ...none, searched: true, tls: true })));
    destinations.push(await destinationOf(newSite('tokens', { ...none, tokens: true })));
    destinations.push(await destinationOf(newSite('everything', { searched: true, tls: true, tokens: true })));
    const facilities = [{ id: 'main', match: [{}], destinations: [...archives.keys()] }];
    gateway = await startGateway({ config: { facilities, destinations, compression: [] } });
    client = await signIn(gateway.pageUrl, gateway.firstPassword());
  });
  after(async () => {
    await gateway?.stop();
    for (const archive of archives.values()) await archive.close();
    await rm(scratch, { recursive: true });
  });

  const studies = async (): Promise<Study[]> => (await client.get<{ studies: Study[] }>('/api/studies?limit=200')).studies;
  const sum = (all: readonly Study[], of: (study: Study) => number | undefined): number =>
    all.reduce((total, study) => total + (of(study) ?? 0), 0);
  let looks = 0;

  /** What the ledger calls confirmed was in the archive before it was asked. */
  async function assertNothingAhead(): Promise<Study[]> {
    const all = await studies();
    for (const [id, archive] of archives) {
      const confirmed = sum(all, ({ deliveries }) => deliveries[id]?.confirmed);
      assert.ok(confirmed <= archive.stored, `${id}: ${confirmed} confirmed, ${archive.stored} in the archive`);
    }
    looks += 1;
    return all;
  }

  async function killInTurn(): Promise<void> {
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const share = (kill / (KILLS + 1)) * INSTANCES * archives.size;
      await until(
        `${share} instances in the archives`,
        () => [...archives.values()].reduce((n, { stored }) => n + stored, 0) >= share,
        WITHIN_MS,
      );
      await gateway.killService('uploader');
    }
  }

  const allConfirmed = (all: readonly Study[]): boolean =>
    sum(all, ({ receipts }) => receipts) >= INSTANCES &&
    [...archives.keys()].every((id) => sum(all, ({ deliveries }) => deliveries[id]?.confirmed) === sum(all, ({ receipts }) => receipts));

  function report(seconds: number): void {
    console.log(
      `seed ${seed}: ${INSTANCES} instances x ${archives.size} archives in ${seconds} s, ${KILLS} kills, ${looks} looks at the ledger`,
    );
    for (const [id, { records, met }] of archives) {
      const arrivals = [...records.values()].map((record) => record.arrivals);
      const total = arrivals.reduce((one, other) => one + other, 0);
      const most = arrivals.reduce((one, other) => Math.max(one, other), 0);
      const again = [...records.values()].reduce((n, { acknowledged }) => n + Math.max(0, acknowledged - 1), 0);
      const faults = [...met].map(([fault, times]) => `${fault} ${times}`).join(', ');
      console.log(
        `  ${id}: ${(total / records.size).toFixed(2)} arrivals an instance, at most ${most}; ${again} acknowledged twice; ${faults}`,
      );
    }
  }

  function assertArchived(sent: readonly SentInstance[]): void {
    for (const [id, { records, stored }] of archives) {
      assert.equal(stored, INSTANCES, id);
      for (const { sopInstanceUid, digest } of sent)
        assert.deepEqual(new Set(records.get(sopInstanceUid)?.digests), new Set([digest]), `${id}: ${sopInstanceUid}`);
    }
  }

  /** What is acknowledged is sent again only when a kill, or a server that went away under the answer, met it in flight. */
  function assertBounded(): void {
    for (const [id, { records, met }] of archives) {
      const cuts = SERVER_FAULTS.reduce((n, fault) => n + (met.get(fault) ?? 0), 0);
      const again = [...records.values()].map(({ acknowledged }) => Math.max(0, acknowledged - 1));
      const total = again.reduce((one, other) => one + other, 0);
      const bound = KILLS * IN_HAND + cuts * CONCURRENCY * BATCH;
      assert.ok(total <= bound, `${id}: ${total} acknowledged instances were sent again, ${bound} can have been in flight`);
      const most = again.reduce((one, other) => Math.max(one, other), 0);
      assert.ok(most <= KILLS + cuts, `${id}: one was acknowledged ${most + 1} times`);
    }
  }

  it('all are in all archives as they were sent, and confirmed; nothing is confirmed before it is there; repeats are bounded', async () => {
    const startedAt = performance.now();
    const folder = join(scratch, 'sent');
    await mkdir(folder);
    const perSender = INSTANCES / STUDY / SENDERS;
    const plan: SendingPlan = {
      ...{ port: gateway.ports.dicom, folder, seed, senders: SENDERS, studies: perSender, instances: STUDY, rows: 8, columns: 8 },
      mayGoOn: async () => {},
    };
    const sending = Promise.all([sendStudies(plan), killInTurn()]);
    await until('every delivery is confirmed', async () => allConfirmed(await assertNothingAhead()), WITHIN_MS);
    await sending;
    report(Math.round((performance.now() - startedAt) / 1000));
    const sent = sentSoFar(plan);
    assert.equal(sent.filter(({ accepted }) => accepted).length, INSTANCES);
    assertArchived(sent);
    assertBounded();
    for (const [id, { met }] of archives) assert.ok(met.size >= 8, `${id} met ${[...met.keys()].join(', ')}`);
    assert.deepEqual(new Set([...archives.values()].flatMap(({ met }) => [...met.keys()])), new Set(EVERY_FAULT));
    const { failed, open } = await client.get<{ failed: number; open: number }>('/api/work');
    assert.deepEqual({ failed, open }, { failed: 0, open: 0 });
  });
});
