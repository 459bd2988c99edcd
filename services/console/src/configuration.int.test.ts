// The gateway document: by file, by API, by default; and the health that depends on it.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { followGatewayDocument, type GatewayConfiguration } from '@causeway/shared/bus/gateway-configuration';
import { newestConfiguration } from '@causeway/shared/database/configuration-revisions';
import { type ApplyParts, ConfigurationApplier } from './apply-configuration.ts';
import { buildConsole } from './build-console.ts';
import { log, startTestConsole, TEST_DOCUMENT, type TestConsole } from './console-for-tests.ts';

let page: TestConsole;
let folder: string;
let file: string;
let configuration: GatewayConfiguration;
before(async () => {
  page = await startTestConsole();
  folder = await mkdtemp(path.join(tmpdir(), 'causeway-document-'));
  file = path.join(folder, 'gateway.yaml');
});
after(async () => {
  await page?.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await page.clear();
  await (await page.bus.bucket('configuration')).delete('gateway');
  configuration = await followGatewayDocument(page.bus, () => {});
});

const applier = (parts: Partial<ApplyParts> = {}): ConfigurationApplier =>
  new ConfigurationApplier({ database: page.database, bus: page.bus, log, revision: () => configuration.current(), ...parts });

const documentFor = (facility: string): object => ({
  ...TEST_DOCUMENT,
  facilities: [{ id: facility, match: [{}], destinations: ['cloud'] }],
});
const facilityNow = (): string | undefined => configuration.current()?.document.facilities[0]?.id;

describe('the document at start', () => {
  test('without file and history the default one is applied, once', async () => {
    await applier({ sandboxUrl: 'http://127.0.0.1:8043/dicom-web' }).look();
    await applier({ sandboxUrl: 'http://127.0.0.1:8043/dicom-web' }).look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['main', 1]);
    assert.equal((await newestConfiguration(page.database))?.origin, 'default');
  });

  test('the default follows a sandbox archive that has moved, but takes nothing back that a person applied', async () => {
    await applier({ sandboxUrl: 'http://127.0.0.1:8043/dicom-web' }).look();
    await applier({ sandboxUrl: 'http://127.0.0.1:8044/dicom-web' }).look();
    const [destination] = configuration.current()!.document.destinations;
    assert.deepEqual(
      [destination!.kind === 'stow' && destination.url, configuration.current()?.revision],
      ['http://127.0.0.1:8044/dicom-web', 2],
    );
    await page.request('PUT', '/api/configuration', { document: documentFor('by-api') });
    await applier({ sandboxUrl: 'http://127.0.0.1:8045/dicom-web' }).look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['by-api', 3]);
  });

  test('a file is applied when it is new, and again only when it changes; what the API applied since then stays', async () => {
    await writeFile(file, JSON.stringify(documentFor('north')));
    const applying = applier({ file });
    await applying.look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['north', 1]);
    await page.request('PUT', '/api/configuration', { document: documentFor('by-api') });
    await applying.look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['by-api', 2]);
    await writeFile(file, JSON.stringify(documentFor('changed')));
    await applying.look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['changed', 3]);
  });

  test('a wrong file changes nothing and is named; once put right it is applied without a restart', async () => {
    await writeFile(file, JSON.stringify(documentFor('north')));
    const applying = applier({ file });
    await applying.look();
    await writeFile(file, 'facilities: [{ id: BAD, destinations: [nowhere] }]');
    await applying.look();
    assert.equal(facilityNow(), 'north');
    assert.match(applying.problem ?? '', /CAUSEWAY_CONFIG has \d+ problems/);
    await writeFile(file, JSON.stringify(documentFor('right')));
    await applying.look();
    assert.deepEqual([facilityNow(), applying.problem], ['right', undefined]);
  });

  test('a file that is missing is a problem, and no default takes its place', async () => {
    const applying = applier({ file: path.join(folder, 'nowhere.yaml'), sandboxUrl: 'http://127.0.0.1:1/' });
    await applying.look();
    assert.match(applying.problem ?? '', /ENOENT/);
    assert.equal(configuration.current(), undefined);
  });

  test('a broker that lost the document gets the newest revision again', async () => {
    await writeFile(file, JSON.stringify(documentFor('north')));
    await applier({ file }).look();
    await (await page.bus.bucket('configuration')).delete('gateway');
    configuration = await followGatewayDocument(page.bus, () => {});
    assert.equal(configuration.current(), undefined);
    await applier({ file }).look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['north', 1]);
  });

  test('two consoles that start together apply a file once', async () => {
    await writeFile(file, JSON.stringify(documentFor('north')));
    await Promise.all([applier({ file }).look(), applier({ file }).look()]);
    assert.equal((await newestConfiguration(page.database))?.revision, 1);
  });

  test('a console whose file is not changed yet does not take back what another one applied from its newer one', async () => {
    await writeFile(file, JSON.stringify(documentFor('north')));
    const slow = applier({ file });
    await slow.look();
    const newer = path.join(folder, 'newer.yaml');
    await writeFile(newer, JSON.stringify(documentFor('south')));
    await applier({ file: newer }).look();
    await slow.look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['south', 2]);
    await writeFile(file, JSON.stringify(documentFor('west')));
    await slow.look();
    assert.deepEqual([facilityNow(), configuration.current()?.revision], ['west', 3]);
  });

  test('with PostgreSQL away it is looked at again until it works', async () => {
    await page.postgres.kill();
    const applying = applier({ sandboxUrl: 'http://127.0.0.1:1/' });
    await applying.look();
    assert.match(applying.problem ?? '', /PostgreSQL/);
    await page.postgres.start();
    await applying.look();
    assert.equal(facilityNow(), 'main');
  });
});

describe('the document over the API', () => {
  test('an invalid one is answered 422 with every problem, and nothing is stored', async () => {
    const reply = await page.request('PUT', '/api/configuration', {
      document: { facilities: [{ id: 'BAD', destinations: ['x'] }], destinations: 3 },
    });
    assert.equal(reply.statusCode, 422);
    const paths = reply.json().problems.map((problem: { path: string }) => problem.path);
    assert.ok(paths.includes('destinations') && paths.includes('facilities[0].id'), paths.join());
    assert.equal(await newestConfiguration(page.database), undefined);
  });

  test('YAML text is taken too; each revision is kept with author and comment; the order of its fields stays', async () => {
    const yaml =
      'facilities: [{ match: [{}], id: north, destinations: [cloud] }]\ndestinations: [{ url: "http://a.example/", kind: stow, id: cloud }]';
    const applied = await page.request('PUT', '/api/configuration', { document: yaml, comment: 'go live' });
    assert.deepEqual(applied.json(), { revision: 1, warnings: [], notActedOn: [] });
    await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT });
    const { revisions } = (await page.request('GET', '/api/configuration/revisions')).json();
    assert.deepEqual(
      revisions.map(({ revision, author, comment }: Record<string, unknown>) => [revision, author, comment]),
      [
        [2, 'admin', ''],
        [1, 'admin', 'go live'],
      ],
    );
    const first = (await page.request('GET', '/api/configuration/revisions/1')).json();
    assert.deepEqual(Object.keys(first.document.facilities[0]), ['match', 'id', 'destinations']);
    assert.equal((await page.request('GET', '/api/configuration')).json().revision, 2);
  });

  test('a change that is not based on the newest revision is refused', async () => {
    await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT });
    assert.equal((await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT, basedOn: 0 })).statusCode, 409);
    assert.equal((await page.request('PUT', '/api/configuration', { document: TEST_DOCUMENT, basedOn: 1 })).statusCode, 200);
  });
});

/** Holds, with three things to tell: a facility without destinations, one destination that nobody uses, and a notification. */
const ODD_DOCUMENT = {
  ...TEST_DOCUMENT,
  facilities: [{ id: 'odd', match: [{}] }],
  notifications: [{ kind: 'webhook', url: 'https://ops.example.org/hook', on: ['held'] }],
  destinations: [{ id: 'cloud', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' }],
};
const ODD_PATHS = ['facilities[odd].destinations', 'destinations[cloud]'];
const pathsOf = (list: { path: string }[]): string[] => list.map(({ path }) => path);

describe('what is odd about a document that holds', () => {
  test('is answered when it is applied, which it is', async () => {
    const reply = (await page.request('PUT', '/api/configuration', { document: ODD_DOCUMENT })).json();
    assert.deepEqual([reply.revision, pathsOf(reply.warnings), reply.notActedOn], [1, ODD_PATHS, ['notifications']]);
    assert.match(reply.warnings[0].warning, /all its images are held/);
    assert.equal(facilityNow(), 'odd');
  });

  test('goes to the log when it is applied from a file, a line each, once', async () => {
    const lines: { level: string; path?: string; notActedOn?: string[] }[] = [];
    const tell = (level: string) => (fields: object) => void lines.push({ level, ...fields });
    const logging = { ...log, info: tell('info'), warn: tell('warn'), error: tell('error') } as unknown as ApplyParts['log'];
    await writeFile(file, JSON.stringify(ODD_DOCUMENT));
    const applying = applier({ file, log: logging });
    await applying.look();
    await applying.look();
    const warned = lines.filter(({ level }) => level === 'warn');
    assert.deepEqual(
      warned.map(({ path, notActedOn }) => path ?? notActedOn),
      [...ODD_PATHS, ['notifications']],
    );
    assert.equal(applying.problem, undefined);
  });
});

describe('/health/ready', () => {
  const opsServers: Server[] = [];
  after(() => opsServers.map((server) => server.close().closeAllConnections()));

  async function opsServer(ready: boolean, checks: Record<string, string>): Promise<string> {
    const server = createServer((_, response) =>
      response.writeHead(ready ? 200 : 503).end(JSON.stringify({ service: 'x', ready, checks })),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    opsServers.push(server);
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  async function ask(services: Record<string, string>): Promise<{ status: number; body: { services: Record<string, unknown> } }> {
    const app = await buildConsole({
      ...{
        database: page.database,
        bus: page.bus,
        queues: page.queues,
        log,
        services,
        dicomPort: 4104,
        store: { get: () => Promise.reject(new Error('not asked')) },
      },
      revision: () => configuration.current(),
      configurationProblem: () => undefined,
    });
    const reply = await app.inject({ method: 'GET', url: '/health/ready' });
    await app.close();
    return { status: reply.statusCode, body: reply.json() };
  }

  test('is 200 without a sign-in only when every service is ready and a document is published', async () => {
    const receiver = await opsServer(true, { store: 'ok' });
    assert.equal((await ask({ receiver })).status, 503);
    await applier({ sandboxUrl: 'http://127.0.0.1:1/' }).look();
    assert.deepEqual(await ask({ receiver }), {
      status: 200,
      body: { ready: true, services: { receiver: { ready: true }, configuration: { ready: true } } },
    });
  });

  test('names the service that is not ready and its failing checks, one that does not answer, and one that answers too late', async () => {
    await applier({ sandboxUrl: 'http://127.0.0.1:1/' }).look();
    const slow = createServer(() => {});
    await new Promise<void>((resolve) => slow.listen(0, '127.0.0.1', resolve));
    opsServers.push(slow);
    const ledger = await opsServer(false, { database: 'PostgreSQL did not answer', jetstream: 'ok' });
    const slowUrl = `http://127.0.0.1:${(slow.address() as { port: number }).port}`;
    const { status, body } = await ask({ ledger, router: 'http://127.0.0.1:1', uploader: slowUrl });
    assert.equal(status, 503);
    assert.deepEqual(body.services.ledger, { ready: false, reasons: ['database: PostgreSQL did not answer'] });
    assert.deepEqual(body.services.uploader, { ready: false, reasons: ['no answer within 3500 ms'] });
    assert.equal((body.services.router as { ready: boolean }).ready, false);
  });
});
