// Three receivers behind HAProxy, restarted one after the other while modalities send: none of them fails, and everything is delivered as it was sent.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { readCustodyMeta } from '@causeway/shared/dicom/part10/custody-meta';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { openFolderStore } from '@causeway/shared/object-store/folder';
import { untilArrivedUnchanged } from '../src/arrivals.ts';
import { type GatewayUnderTest, startGateway } from '../src/gateway-under-test.ts';
import { type Haproxy, startHaproxy } from '../src/haproxy.ts';
import { lastingPort } from '../src/lasting-port.ts';
import { type ReceiverUnderTest, startReceiver } from '../src/receiver-under-test.ts';
import { RepeatingSenders } from '../src/repeating-senders.ts';
import { until } from '../src/wait-for-fact.ts';

const RECEIVERS = 3;
const ROUNDS = 2;
/** Everything on 127.0.0.0/8 is this machine: so the address of the balancer can be told from that of the modalities. */
const BALANCER = '127.0.0.9';
const MODALITIES = '127.0.0.1';

const cleanUps: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function startDeliveringGateway(): Promise<GatewayUnderTest> {
  const port = await lastingPort();
  const sandbox = { id: 'sandbox', kind: 'stow', url: `http://127.0.0.1:${port}/dicom-web`, images: 'as-received' };
  const config = {
    listeners: [{ id: 'balanced', proxyProtocol: true }],
    facilities: [{ id: 'main', match: [{ network: `${MODALITIES}/32` }], destinations: ['sandbox'] }],
    destinations: [sandbox],
    compression: [],
  };
  const gateway = await startGateway({ config, env: { CAUSEWAY_SANDBOX_PORT: String(port) } });
  cleanUps.push(() => gateway.stop());
  return gateway;
}

/** On the store, the broker and the document of the gateway. */
async function startFurtherReceiver({ dataFolder }: GatewayUnderTest): Promise<ReceiverUnderTest> {
  const { nats } = JSON.parse(readFileSync(join(dataFolder, 'run', 'ports.json'), 'utf8')) as { nats: number };
  const receiver = await startReceiver({
    ...{ natsUrl: `nats://127.0.0.1:${nats}`, objects: join(dataFolder, 'objects'), document: 'published', streamBytes: 8 * 1024 ** 3 },
    env: {
      CAUSEWAY_NATS_USER: 'causeway',
      CAUSEWAY_NATS_PASSWORD: readFileSync(join(dataFolder, 'secrets', 'nats-password'), 'utf8').trim(),
      CAUSEWAY_DRAIN_MS: '10000',
    },
  });
  cleanUps.push(() => receiver.stop());
  return receiver;
}

async function startBalancer(receivers: readonly ReceiverUnderTest[]): Promise<Haproxy> {
  const servers = receivers.map(({ port, opsUrl }) => ({ port, opsPort: Number(new URL(opsUrl).port) }));
  const haproxy = await startHaproxy(servers, BALANCER);
  cleanUps.push(() => haproxy.stop());
  return haproxy;
}

/** Short associations and long ones, which last over more than one restart. */
function startSenders({ port }: Haproxy): { outcomes: () => number; all: RepeatingSenders[]; stop: () => Promise<void> } {
  const short = new RepeatingSenders({ port, senders: 4, instances: 10, seed: 1 });
  const long = new RepeatingSenders({ port, senders: 2, instances: 300, seed: 2 });
  const all = [short, long];
  const stop = async () => void (await Promise.all(all.map((senders) => senders.stop())));
  cleanUps.push(stop);
  return { all, stop, outcomes: () => all.reduce((sum, { outcomes }) => sum + outcomes.length, 0) };
}

const serversUp = (haproxy: Haproxy, name: string): number => haproxy.output().match(new RegExp(`${name} is UP`, 'g'))?.length ?? 0;

/** Values of a field of the log lines of warnings, how often each. */
function warnings(receiver: ReceiverUnderTest): Map<string, number> {
  const lines = receiver
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":"warn"'));
  const found = new Map<string, number>();
  for (const line of lines) {
    const { kind, because, message } = JSON.parse(line) as { kind?: string; because?: string; message: string };
    const what = [kind, because ?? (kind === 'association-rejected' ? message.split(': ').slice(1).join(': ') : message)].join(' ').trim();
    found.set(what, (found.get(what) ?? 0) + 1);
  }
  return found;
}

async function sourcesOf(objects: string): Promise<Set<string | undefined>> {
  const store = await openFolderStore(objects);
  const sources = new Set<string | undefined>();
  for await (const { key } of store.list('received/')) {
    const bytes = Buffer.concat(await Array.fromAsync(await store.get(key, { start: 0, end: 4_095 })));
    sources.add(readCustodyMeta(parseFileMeta(bytes)!.meta)?.source);
  }
  await store.close();
  return sources;
}

describe('three receivers behind HAProxy', () => {
  it('are restarted one after the other under load without a failure, and every instance is delivered by digest', async () => {
    const gateway = await startDeliveringGateway();
    const receivers: ReceiverUnderTest[] = [];
    for (let number = 0; number < RECEIVERS; number++) receivers.push(await startFurtherReceiver(gateway));
    const haproxy = await startBalancer(receivers);
    const senders = startSenders(haproxy);
    const more = async (count: number) => {
      const before = senders.outcomes();
      await until(`${count} more instances`, () => senders.outcomes() >= before + count);
    };
    await more(200);
    for (let round = 1; round <= ROUNDS; round++)
      for (const [at, receiver] of receivers.entries()) {
        const name = `dicom/receiver-${at + 1}`;
        const ups = serversUp(haproxy, name);
        const beganAt = performance.now();
        assert.equal(await receiver.terminate(), 0);
        const drained = ((performance.now() - beganAt) / 1000).toFixed(1);
        await receiver.start();
        await until(`HAProxy sends to ${name} again`, () => serversUp(haproxy, name) > ups);
        console.log(`round ${round}: ${name} drained in ${drained} s, ${senders.outcomes()} instances so far`);
        await more(200);
      }
    await senders.stop();
    const [sent, repeated, failed] = [
      senders.all.flatMap((all) => all.outcomes),
      senders.all.flatMap((all) => all.repeated),
      senders.all.flatMap((all) => all.failed),
    ];
    console.log(`${sent.length} instances, ${repeated.length} accepted at the repeat after 2 s, ${failed.length} failed`);
    for (const [at, receiver] of receivers.entries()) console.log(`receiver-${at + 1} warned:`, Object.fromEntries(warnings(receiver)));
    assert.deepEqual(failed, []);
    await untilArrivedUnchanged(
      gateway.sandboxUrl,
      senders.all.flatMap(({ accepted }) => accepted),
    );
    assert.deepEqual(await sourcesOf(join(gateway.dataFolder, 'objects')), new Set([MODALITIES]));
    for (const receiver of receivers) for (const what of warnings(receiver).keys()) assert.match(what, /shutting down|does not act on/);
  });
});
