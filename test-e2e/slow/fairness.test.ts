// Facilities that compete for one archive: a flood of one does not stand in front of another's study, weights are kept, and a stat study overtakes.
// CAUSEWAY_INSTANCES sets how many instances the flood has. What counts is how many instances the archive took meanwhile: it is the bottleneck, so they are its time.
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { readFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { runSend } from '../src/run-send.ts';
import { until } from '../src/wait-for-fact.ts';

const FLOOD = Number(process.env.CAUSEWAY_INSTANCES ?? 1_500);
const STUDY = 100;
/** Of the archive, for each instance, one after the other whoever sends it. */
const MS_PER_INSTANCE = 15;
const CONCURRENCY = 2;
const BATCH = 5;
/** In the archive's hands and in the uploader's when a turn of others comes. */
const UNDER_WAY = 2 * CONCURRENCY * BATCH;

/** Calling AE titles, which group 2 of what is delivered names. */
const SENDERS = { flood: 'FLOOD', quiet: 'QUIET', heavy: 'HEAVY', urgent: 'URGENT' } as const;
type Sender = keyof typeof SENDERS;

describe('facilities that compete for an archive', () => {
  let gateway: GatewayUnderTest;
  let archive: SlowArchive;
  const idle: Partial<Record<Sender, Taken>> = {};

  before(async () => {
    archive = await startSlowArchive(await freePort());
    gateway = await startGateway({ config: documentFor(archive.url) });
  });
  after(async () => {
    await gateway?.stop();
    archive?.server.closeAllConnections();
    archive?.server.close();
  });

  /** Everything accepted. */
  async function send(sender: Sender, instances: number): Promise<void> {
    const what = ['--synthetic', `${Math.ceil(instances / 500)}x${Math.min(instances, 500)}`, '--rows', 32, '--columns', 32];
    const run = runSend(['--port', gateway.ports.dicom, '--calling', SENDERS[sender], ...what, '--associations', 4, '--quiet']);
    const { code, output } = await run.ended;
    assert.equal(code, 0, output);
  }

  interface Taken {
    /** Of all senders that the archive took, from the first of the study to its last. */
    readonly instances: number;
    /** From the start of the sender. */
    readonly ms: number;
  }

  async function deliverStudy(sender: Sender): Promise<Taken> {
    const [from, begin] = [archive.arrived.length, performance.now()];
    const ofSender = (): number => archive.arrived.slice(from).filter((who) => who === SENDERS[sender]).length;
    await send(sender, STUDY);
    await until(`${sender}: the study is delivered`, () => ofSender() >= STUDY, 300_000);
    const first = archive.arrived.indexOf(SENDERS[sender], from);
    return { instances: archive.arrived.lastIndexOf(SENDERS[sender]) + 1 - first, ms: performance.now() - begin };
  }

  it('have the archive to themselves while it is idle', async () => {
    for (const sender of ['quiet', 'urgent'] as const) {
      idle[sender] = await deliverStudy(sender);
      assert.equal(idle[sender].instances, STUDY);
    }
  });

  it('wait for no flood of another: a routine study takes three times its idle time at most, a stat study twice', async (t) => {
    archive.hold();
    await send('flood', FLOOD);
    archive.go();
    await until('the flood is being delivered', () => archive.arrived.includes(SENDERS.flood));
    const routine = await deliverStudy('quiet');
    const stat = await deliverStudy('urgent');
    const times = (one: Taken, sender: Sender): string => `${(one.ms / idle[sender]!.ms).toFixed(2)} x ${idle[sender]!.ms.toFixed(0)} ms`;
    t.diagnostic(`flood of ${FLOOD}: routine ${times(routine, 'quiet')}, ${routine.instances} instances taken meanwhile`);
    t.diagnostic(`flood of ${FLOOD}: stat ${times(stat, 'urgent')}, ${stat.instances} instances taken meanwhile`);
    assert.ok(archive.arrived.filter((who) => who === SENDERS.flood).length < FLOOD, 'the flood had ended: it was no flood');
    assert.ok(
      routine.instances <= 2 * STUDY + UNDER_WAY,
      `${routine.instances} instances were taken while a routine study of ${STUDY} was delivered`,
    );
    assert.ok(stat.instances <= STUDY + UNDER_WAY, `${stat.instances} instances were taken while a stat study of ${STUDY} was delivered`);
  });

  it('share by weight while both have work', async (t) => {
    archive.hold();
    await send('heavy', 400);
    await send('flood', 400);
    const from = archive.arrived.length;
    archive.go();
    const window = 300;
    await until('the archive took enough of both', () => archive.arrived.length >= from + UNDER_WAY + window, 300_000);
    // What was in the archive's hands when it was held is no matter of turns.
    const turns = archive.arrived.slice(from + UNDER_WAY, from + UNDER_WAY + window);
    const heavy = turns.filter((who) => who === SENDERS.heavy).length;
    t.diagnostic(`weights 3 and 1: ${heavy} and ${window - heavy} of ${window}`);
    assert.ok(heavy >= window * 0.7 && heavy <= window * 0.8, `weight 3 got ${heavy} of ${window}`);
  });
});

function documentFor(url: string) {
  const facility = (id: string, weight: number) => ({
    ...{ id, model: 'standard', weight, destinations: ['cloud'] },
    match: [{ callingAe: id.toUpperCase() }],
  });
  return {
    facilities: [facility('flood', 1), facility('quiet', 1), facility('heavy', 3), facility('urgent', 1)],
    lanes: [{ when: { callingAe: SENDERS.urgent }, lane: 'stat' }],
    destinations: [{ id: 'cloud', kind: 'stow', url, concurrency: CONCURRENCY, batch: { instances: BATCH, size: '32MiB' } }],
  };
}

interface SlowArchive {
  readonly url: string;
  readonly server: Server;
  /** Who sent each instance, in the order in which the archive took them. */
  readonly arrived: string[];
  /** Takes nothing until told to go on. */
  hold(): void;
  go(): void;
}

async function startSlowArchive(port: number): Promise<SlowArchive> {
  const arrived: string[] = [];
  let gate = Promise.resolve();
  let open: () => void = () => {};
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (senders: readonly string[]): Promise<void> => {
    turn = turn.then(async () => {
      await gate;
      await pause(MS_PER_INSTANCE * senders.length);
      arrived.push(...senders);
    });
    return turn;
  };
  const server = createServer((request, response) => void take(request, response, inTurn).catch(() => response.destroy()));
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${port}/dicom-web`,
    ...{ server, arrived },
    hold: () => {
      const held = Promise.withResolvers<void>();
      gate = held.promise;
      open = held.resolve;
    },
    go: () => open(),
  };
}

async function take(
  request: IncomingMessage,
  response: ServerResponse,
  inTurn: (senders: readonly string[]) => Promise<void>,
): Promise<void> {
  const uids: string[] = [];
  const senders: string[] = [];
  for await (const part of readMultipart(request, request.headers['content-type']!)) {
    const { meta } = await readFileMeta(part.body);
    uids.push(meta.sopInstanceUid);
    senders.push(meta.sourceAe ?? '');
  }
  await inTurn(senders);
  const items = uids.map((uid) => ({ '00081155': { vr: 'UI', Value: [uid] } }));
  response.writeHead(200, { 'content-type': 'application/dicom+json' }).end(JSON.stringify({ '00081199': { vr: 'SQ', Value: items } }));
}
