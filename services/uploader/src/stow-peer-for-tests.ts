// A STOW-RS server that answers as a test tells it to, and a sender towards it.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo, Server, Socket } from 'node:net';
import { after } from 'node:test';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import type { Delivery } from '@causeway/shared/events/delivery';
import { createLogger } from '@causeway/shared/logger';
import { type MemoryStore, memoryStore } from './deliveries-for-tests.ts';
import type { StowSettings } from './destination-settings.ts';
import { openObject } from './outbound-object.ts';
import type { Parcel } from './sender.ts';
import { createStowSender } from './stow-client.ts';
import { systemClock } from './system-clock.ts';

/** Called in reverse order when the tests of the file have ended. */
export const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

/** Its port on loopback. */
export async function listen(server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => open.add(socket.on('close', () => open.delete(socket)).on('error', () => {})));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

export const settingsOf = (url: string, more: Partial<StowSettings> = {}): StowSettings => ({
  ...{ id: 'archive', kind: 'stow', url, auth: { kind: 'none' }, images: 'compressed', implicitVr: 'send', confirm: 'response' },
  ...{ concurrency: 2, batch: { instances: 50, size: 32 * 1024 * 1024 }, bandwidth: [], window: [], queued: 1000 },
  timeouts: { connect: 2000, idle: 2000 },
  retry: { first: 1000, factor: 2, max: 10_000, giveUpAfter: 60_000 },
  ...more,
});

/** One instance as it arrived: its UID by the file, and its bytes. */
export interface Arrived {
  readonly bytes: Buffer;
}

export async function readParts(request: Pick<IncomingMessage, 'headers'> & AsyncIterable<Buffer>): Promise<Arrived[]> {
  const arrived: Arrived[] = [];
  for await (const part of readMultipart(request, request.headers['content-type']!)) {
    arrived.push({ bytes: Buffer.concat(await Array.fromAsync(part.body)) });
  }
  return arrived;
}

export type Listing = { uid: string; reason?: number; warning?: number };
const sequence = (rows: Listing[]) => ({
  vr: 'SQ',
  Value: rows.map(({ uid, reason, warning }) => ({
    '00081155': { vr: 'UI', Value: [uid] },
    ...(reason === undefined ? {} : { '00081197': { vr: 'US', Value: [reason] } }),
    ...(warning === undefined ? {} : { '00081196': { vr: 'US', Value: [warning] } }),
  })),
});

/** Of HTTP/1.1 or HTTP/2. */
export type Answering = { writeHead(status: number, headers: Record<string, string>): unknown; end(text: string): unknown };

/** The Store Instances Response Module with these. */
export function answer(response: Answering, status: number, lists: { referenced?: Listing[]; failed?: Listing[] }): void {
  const body = {
    ...(lists.referenced ? { '00081199': sequence(lists.referenced) } : {}),
    ...(lists.failed ? { '00081198': sequence(lists.failed) } : {}),
  };
  response.writeHead(status, { 'content-type': 'application/dicom+json' });
  response.end(JSON.stringify(body));
}

/** A sender towards a server with this handler. */
export async function towards(handler: RequestListener, more: Partial<StowSettings> = {}) {
  const store = memoryStore();
  const port = await listen(createServer(handler));
  return { store, ...senderOf(store, settingsOf(`http://127.0.0.1:${port}/dicom-web`, more)) };
}

export function senderOf(store: MemoryStore, settings: StowSettings) {
  const sender = createStowSender(settings, {
    ...{ store, upcoming: () => [], slots: () => settings.concurrency, clock: systemClock, log: createLogger('test', 'silent') },
    readSecret: createSecretReader({ TOKEN: 'abc' }),
  });
  closers.push(() => sender.close());
  return { sender };
}

export async function parcelsOf(store: MemoryStore, deliveries: readonly Delivery[]): Promise<Parcel[]> {
  return await Promise.all(
    deliveries.map(async (delivery) => ({
      delivery,
      resend: false,
      object: await openObject(store, delivery.instance, delivery.instance),
    })),
  );
}
export const uidOf = (delivery: Delivery): string => delivery.instance.sopInstanceUid;
