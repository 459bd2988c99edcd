// DICOM TLS to an archive whose certificate, and ours, are renewed while the destination is served.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { createScp, type ListenerTls } from '@causeway/shared/dicom/dimse/scp';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { makeCertificate, type TestCertificate } from '@causeway/shared/dicomweb/certificate-for-tests';
import { memoryStore, newDelivery } from './deliveries-for-tests.ts';
import type { DimseSettings } from './destination-settings.ts';
import { createDimseSender } from './dimse-client.ts';
import { openObject } from './outbound-object.ts';
import { systemClock } from './system-clock.ts';

const closers: (() => Promise<unknown>)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

/** Takes nobody but who has the certificate, which is its own too. */
const only = ({ cert, key }: TestCertificate): ListenerTls => ({ cert, key, ca: cert, clientCert: 'required' });

async function startArchive(certificate: TestCertificate) {
  const scp = createScp({
    handlers: {
      associationRequested: ({ contexts }) => ({
        contexts: contexts.map(({ id, transferSyntaxUids }) => ({ id, result: 0, transferSyntaxUid: transferSyntaxUids[0]! })),
      }),
      storeRequested: () => ({ write: () => undefined, end: async () => ({ status: 0 }), abort: () => {} }),
    },
    limits: () => ({ associations: 10, associationsPerSource: 10, maxPduBytes: 131_072, idleMs: 60_000, artimMs: 5_000 }),
    implementation: { classUid: '1.2.3', versionName: 'ARCHIVE' },
    report: () => {},
  });
  const listener = await scp.listen({ id: 'tls', host: '127.0.0.1', port: 0, tls: only(certificate) });
  closers.push(() => scp.drain(0));
  return listener;
}

describe('certificates of a DIMSE destination', () => {
  it('are read anew for each association: renewed on both sides, work goes on without a restart', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dimse-certificates-'));
    closers.push(() => rm(folder, { recursive: true }));
    const [first, second] = [await makeCertificate(folder, { name: 'first' }), await makeCertificate(folder, { name: 'second' })];
    const [cert, key] = [join(folder, 'in-use.pem'), join(folder, 'in-use.key')];
    const use = async ({ certFile, keyFile }: TestCertificate): Promise<void> => {
      await copyFile(certFile, cert);
      await copyFile(keyFile, key);
    };
    await use(first);
    const archive = await startArchive(first);
    const store = memoryStore();
    const settings: DimseSettings = {
      ...{
        id: 'pacs',
        kind: 'dimse',
        host: '127.0.0.1',
        port: archive.port,
        calledAe: 'PACS',
        callingAe: 'CAUSEWAY',
        images: 'as-received',
      },
      ...{ confirm: 'response', concurrency: 1, batch: { instances: 50, size: 1024 ** 2 }, bandwidth: [], window: [], queued: 1000 },
      tls: { ca: `file:${cert}`, cert: `file:${cert}`, key: `file:${key}`, minVersion: '1.2' },
      timeouts: { connect: 2000, idle: 5000, commitment: 3_600_000 },
      retry: { first: 1000, factor: 2, max: 10_000, giveUpAfter: 60_000 },
    };
    const sender = createDimseSender(settings, {
      ...{ store, associate, clock: systemClock, titles: { gateway: 'CAUSEWAY', byFacility: {} } },
      ...{ upcoming: () => [], slots: () => 1, readSecret: createSecretReader({}) },
    });
    closers.push(() => sender.close());
    const send = async () => {
      const delivery = newDelivery(store);
      const object = await openObject(store, delivery.instance, delivery.instance);
      return (await sender.send([{ delivery, object, resend: false }]))[0]!;
    };
    assert.equal((await send()).kind, 'delivered');
    archive.change({ id: 'tls', tls: only(second) });
    assert.equal((await send()).kind, 'delivered', 'the open association goes on');
    // As a pause of the destination does.
    sender.reset();
    const refused = await send();
    assert.ok(refused.kind === 'transient' && refused.fault === 'down', JSON.stringify(refused));
    await use(second);
    assert.equal((await send()).kind, 'delivered');
  });
});
