// How the bus reaches a NATS server that wants TLS, a certificate of the client and a password, and stays there when all of them change: a real nats-server.
import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { makeCertificate } from '../dicomweb/certificate-for-tests.ts';
import { createLogger, type Logger } from '../logger.ts';
import type { Bus } from './bus.ts';
import { accessOptions, type NatsAccess } from './nats-access.ts';
import { connectBus } from './nats-bus.ts';
import { type NatsServer, startNatsServer } from './nats-server-for-tests.ts';

const log = createLogger('test', 'fatal');

describe('a NATS server with TLS, client certificates and a password', () => {
  let folder: string;
  let server: NatsServer;
  const at = (name: string): string => join(folder, name);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'causeway-nats-access-'));
    await issue('first');
    server = await startNatsServer({ folder: at('jetstream'), configurationFile: at('nats.conf') });
  });
  after(async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Server and client get new certificates and a new password; each trusts only the other's newest. */
  async function issue(name: string, { password } = { password: true }): Promise<void> {
    const [ofServer, ofClient] = await Promise.all(['server', 'client'].map((who) => makeCertificate(folder, { name: `${who}-${name}` })));
    if (password) await writeFile(at('password'), `password-${name}\n`);
    await copyFile(ofServer!.certFile, at('ca.pem'));
    await copyFile(ofClient!.certFile, at('client.pem'));
    await copyFile(ofClient!.keyFile, at('client.key'));
    await writeFile(
      at('nats.conf'),
      `tls { cert_file: "${ofServer!.certFile}", key_file: "${ofServer!.keyFile}", ca_file: "${ofClient!.certFile}", verify: true }
       authorization { user: causeway, password: "password-${name}" }`,
    );
  }
  const access = (): NatsAccess => ({
    url: server.url.replace('nats://127.0.0.1', 'tls://localhost'),
    user: 'causeway',
    passwordFile: at('password'),
    caFile: at('ca.pem'),
    certFile: at('client.pem'),
    keyFile: at('client.key'),
  });
  const joinBus = (onWarning: (message: string) => void = () => {}): Promise<Bus> => {
    const warn = (...said: unknown[]): void => onWarning(String(said.at(-1)));
    const heard = { ...log, info: () => {}, warn } as unknown as Logger;
    return connectBus({ ...access(), name: 'test', sizing: { replicas: 1, totalBytes: 1e8 }, log: heard });
  };
  const publish = (bus: Bus, n: number) => bus.publish({ n }, { subject: 'instance.ready.routine.none', messageId: `${n}` });

  it('takes publications, and again after certificates and password were changed while it was away', async () => {
    const bus = await joinBus();
    await publish(bus, 1);
    await server.kill();
    await issue('second');
    await server.start();
    await untilPublished(() => publish(bus, 2));
    assert.equal((await bus.backlog('READY')).messages, 2);
    await bus.close();
  });

  it('is reached again once password and certificates, away while it was started anew, are there again', async () => {
    const missed = Promise.withResolvers<void>();
    const bus = await joinBus((message) => message.includes('password file') && missed.resolve());
    await rm(at('password'));
    await server.kill();
    await issue('third', { password: false });
    await server.start();
    await missed.promise;
    await rm(at('ca.pem'));
    await server.kill();
    await server.start();
    await issue('fourth');
    await server.kill();
    await server.start();
    await untilPublished(() => publish(bus, 3));
    await bus.close();
  });

  it('is not reached by somebody without a certificate, with another password, or who trusts somebody else', async () => {
    const refused = async (own: Partial<NatsAccess>, reason: RegExp) =>
      assert.rejects(connect({ ...accessOptions({ ...access(), ...own }, log), timeout: 2_000 }), reason);
    // With TLS 1.3 a client learns only afterwards that its certificate is missed: this one waits.
    await refused({ certFile: undefined, keyFile: undefined }, /timeout|certificate|closed/i);
    await refused({ passwordFile: undefined, password: 'password-first' }, /Authorization Violation/i);
    await refused({ caFile: at('client.pem') }, /certificate/i);
  });

  it('is the only kind that a client told to use TLS speaks to: a server without TLS gets no password', async () => {
    const plain = await startNatsServer();
    const url = plain.url.replace('nats:', 'tls:');
    await assert.rejects(connect(accessOptions({ url, user: 'causeway', password: 'secret' }, log)), /does not support 'tls'/);
    await plain.stop();
  });
});

/** A publication that was refused because the connection is not there yet is tried again. */
async function untilPublished(publish: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await publish();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
