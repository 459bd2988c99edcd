// One run: studies are sent while processes are killed; then everything must have arrived, and what arrived is compared with what was sent.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';
import { type ArchivedInstance, archivedInstances } from './archived-instances.ts';
import { arrivalsAt } from './arrivals.ts';
import { type ConsoleClient, signIn } from './console-client.ts';
import { type GatewayOptions, type GatewayUnderTest, startGateway } from './gateway-under-test.ts';
import { type Kill, planKills, WHOLE_GATEWAY } from './kill-plan.ts';
import { Killer } from './killer.ts';
import { lastingPort } from './lasting-port.ts';
import { type SendingPlan, type SentInstance, sendStudies, sentSoFar, studySeeds } from './send-studies.ts';

/** The one destination of these runs. Small batches, so that the bound of repeats is small against what is sent. */
const DESTINATION = { id: 'sandbox', kind: 'stow', concurrency: 4, batch: { instances: 8 }, retry: { first: '1s', max: '10s' } };

/** A gateway with one facility, whose archive is the sandbox. */
export async function startGatewayToKill({ images, compression, env, ...options }: KillableGateway): Promise<GatewayUnderTest> {
  const port = await lastingPort();
  const destination = { ...DESTINATION, images, url: `http://127.0.0.1:${port}/dicom-web` };
  const facilities = [{ id: 'main', match: [{}], destinations: [DESTINATION.id] }];
  const config = { facilities, destinations: [destination], compression };
  return startGateway({ ...options, config, env: { ...env, CAUSEWAY_SANDBOX_PORT: String(port) } });
}

export interface KillableGateway extends Pick<GatewayOptions, 'dataFolder' | 'env'> {
  readonly images: 'as-received' | 'compressed';
  readonly compression: readonly object[];
}

export interface KillRunOptions {
  readonly seed: number;
  readonly victims: readonly string[];
  readonly kills: number;
  readonly senders: number;
  readonly studies: number;
  readonly instances: number;
  readonly rows: number;
  readonly columns: number;
}

export interface KillRunReport {
  readonly kills: readonly Kill[];
  readonly sent: readonly SentInstance[];
  readonly archived: readonly ArchivedInstance[];
  /** Accepted, and not in the archive. */
  readonly missing: string[];
  /** Arrivals at the archive, repeats included. */
  readonly arrivals: number;
  /** Data sets that the gateway received, by its ledger: a sender that had no answer sends again. */
  readonly receipts: number;
  /** Arrivals beyond one for each reception. */
  readonly repeats: number;
  /** Most repeats that these kills can cause. */
  readonly bound: number;
  readonly ledger: LedgerView;
  readonly seconds: { readonly sending: number; readonly total: number };
  /** Pixel bytes as sent, by SOP Instance UID. */
  pixels(): Map<string, Buffer>;
}

export interface LedgerView {
  readonly work: { readonly held: number; readonly quarantined: number; readonly failed: number; readonly open: number };
  readonly instances: number;
  readonly receipts: number;
  readonly moving: number;
  readonly confirmed: number;
}

const LOOK_EVERY_MS = 500;
/** Acknowledgement waits (15 s), restarts with growing delay (30 s) and retries after them, several times over; far below the grace of reconciliation (10 min). */
const ALL_THERE_WITHIN_MS = 240_000;

export async function runWithKills(gateway: GatewayUnderTest, options: KillRunOptions): Promise<KillRunReport> {
  const startedAt = performance.now();
  const total = options.senders * options.studies * options.instances;
  const folder = join(gateway.dataFolder, 'sent');
  await mkdir(folder, { recursive: true });
  const plan = planKills({ ...options, instances: total });
  const sending: SendingPlan = {
    ...options,
    port: gateway.ports.dicom,
    folder,
    mayGoOn: () => killer.caughtUp(),
  };
  const acceptedNow = () => sentSoFar(sending).filter(({ accepted }) => accepted);
  const killer = new Killer(gateway, plan, () => acceptedNow().length);
  await Promise.all([sendStudies(sending), killer.run()]).finally(() => killer.stop());
  const sendingSeconds = seconds(startedAt);
  await gateway.untilReady();
  const ledger = await untilAllConfirmed(gateway, acceptedNow());
  return {
    kills: killer.done,
    sent: sentSoFar(sending),
    ...(await compare(gateway, acceptedNow())),
    receipts: ledger.receipts,
    ...repeatsOf((await arrivalsAt(gateway.sandboxUrl)).length, ledger.receipts, plan),
    ledger,
    seconds: { sending: sendingSeconds, total: seconds(startedAt) },
    pixels: () => pixelsOf(sending),
  };
}

async function compare(
  gateway: GatewayUnderTest,
  accepted: readonly SentInstance[],
): Promise<{ archived: ArchivedInstance[]; missing: string[] }> {
  const archived = await archivedInstances(gateway.dataFolder);
  const there = new Set(archived.map(({ sopInstanceUid }) => sopInstanceUid));
  const missing = accepted.map(({ sopInstanceUid }) => sopInstanceUid).filter((uid) => !there.has(uid));
  return { archived, missing };
}

function repeatsOf(arrivals: number, receipts: number, plan: readonly Kill[]): { arrivals: number; repeats: number; bound: number } {
  return { arrivals, repeats: arrivals - receipts, bound: boundOf(plan) };
}

/**
 * What the uploader has in hand when it, the archive or JetStream (which keeps its marks and acknowledgements) is killed: two batches for each
 * request that may run (BATCHES_IN_HAND of services/uploader). The archive's kill repeats at most the requests that it had not answered.
 */
export function boundOf(kills: readonly Kill[]): number {
  const requests = DESTINATION.concurrency * DESTINATION.batch.instances;
  const inHand = 2 * requests;
  const repeated = new Map([
    ['uploader', inHand],
    ['nats-server', inHand],
    ['sandbox', requests],
    [WHOLE_GATEWAY, inHand],
  ]);
  return kills.reduce((sum, { victim }) => sum + (repeated.get(victim) ?? 0), 0);
}

/** Resolves when the ledger shows every accepted instance, and nothing under way; or when that takes too long, with what it shows then. */
export async function untilAllConfirmed(
  gateway: GatewayUnderTest,
  accepted: readonly Pick<SentInstance, 'sopInstanceUid'>[],
): Promise<LedgerView> {
  const client = await signIn(gateway.pageUrl, gateway.firstPassword());
  const uids = new Set(accepted.map(({ sopInstanceUid }) => sopInstanceUid));
  const deadline = performance.now() + ALL_THERE_WITHIN_MS;
  for (;;) {
    const view = await ledgerView(client);
    if (view.instances >= uids.size && view.confirmed >= view.receipts && view.moving === 0 && view.work.open === 0) return view;
    if (performance.now() > deadline) return view;
    await pause(LOOK_EVERY_MS);
  }
}

interface StudyView {
  readonly instances: number;
  readonly receipts: number;
  readonly moving: number;
  readonly deliveries: Record<string, { readonly confirmed?: number }>;
}

async function ledgerView(client: ConsoleClient): Promise<LedgerView> {
  const work = await client.get<LedgerView['work']>('/api/work');
  const { studies } = await client.get<{ studies: StudyView[] }>('/api/studies?limit=200');
  const sum = (value: (study: StudyView) => number): number => studies.reduce((total, study) => total + value(study), 0);
  return {
    work,
    instances: sum(({ instances }) => instances),
    receipts: sum(({ receipts }) => receipts),
    moving: sum(({ moving }) => moving),
    confirmed: sum(({ deliveries }) => deliveries[DESTINATION.id]?.confirmed ?? 0),
  };
}

function pixelsOf(plan: SendingPlan): Map<string, Buffer> {
  const { instances, rows, columns } = plan;
  const bytes = rows * columns * 2;
  return new Map(
    studySeeds(plan).flatMap((seed) =>
      [...syntheticInstances({ studies: 1, instances, rows, columns, seed })].map(
        ({ sopInstanceUid, dataSet }) => [sopInstanceUid, dataSet.subarray(dataSet.length - bytes)] as const,
      ),
    ),
  );
}

const seconds = (since: number): number => Math.round((performance.now() - since) / 100) / 10;
