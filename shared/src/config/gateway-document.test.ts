// The gateway document: what is right is taken, with its defaults; the example says all of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import {
  defaultGatewayDocument,
  type GatewayDocument,
  GatewayDocumentError,
  parseGatewayDocument,
  readGatewayDocument,
} from './gateway-document.ts';

const example = (): GatewayDocument =>
  parseGatewayDocument(readGatewayDocument(readFileSync(new URL('../../../gateway.example.yaml', import.meta.url), 'utf8')));

const MINUTE = 60_000;
const DAY = 86_400_000;
const ALL_DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];

describe('gateway.example.yaml', () => {
  const document = example();

  it('says how the gateway is called and what it takes', () => {
    assert.deepEqual(document.gateway, {
      aeTitle: 'CAUSEWAY',
      calledAeTitles: ['GATEWAY', 'GATEWAY_STAT'],
      callers: [{}],
      timeZone: 'Europe/Berlin',
      settleAfter: 120_000,
    });
    assert.equal(document.listeners[1]?.tls?.clientCert, 'required');
    assert.deepEqual(document.negotiation.callers, [
      {
        callingAe: 'OLD_CT',
        prefer: ['lossless', 'as-proposed'],
        maxPduBytes: 16_384,
        idle: 20 * MINUTE,
        tolerate: ['uid-padding', 'group2-in-dataset', 'uid-mismatch'],
      },
    ]);
    assert.deepEqual(document.negotiation.sopClasses?.at(-1), '1.3.6.1.4.1.5962.301');
    assert.deepEqual(document.limits, {
      associations: 200,
      associationsPerSource: 50,
      maxPduBytes: 131_072,
      idle: 10 * MINUTE,
      artim: 30_000,
      custody: 15_000,
    });
    assert.deepEqual(document.admission, {
      freeSpaceBelow: { bytes: 1024 ** 3, percent: 5 },
      backlogAbove: 500_000,
      storeLatencyAbove: 10_000,
    });
  });

  it('has a standard facility, a hub and an endpoint', () => {
    const [north, hub, ms44] = document.facilities;
    assert.deepEqual(north, {
      id: 'north',
      name: 'North Imaging',
      model: 'standard',
      match: [{ calledAe: 'NORTH' }, { callingAe: 'NORTH_CT1' }, { network: '10.1.0.0/16' }, { tlsSubject: 'CN=north*' }],
      aeTitle: 'NORTH_GW',
      destinations: ['cloud'],
      weight: 1,
      quota: { bandwidth: 50_000_000, queued: 200_000 },
      retention: 7 * DAY,
    });
    assert.ok(hub?.model === 'hub');
    assert.deepEqual([hub.mappingTag, hub.keepsCopy, hub.unmatched, hub.followStudy], ['InstitutionName', true, 'hold', true]);
    assert.ok(ms44?.model === 'endpoint');
    assert.deepEqual(ms44.rules, [{ hub: 'hub', match: 'exact', value: 'MS44' }]);
    assert.equal(ms44.aeTitle, 'CAUSEWAY', 'the default is the AE title of the gateway');
  });

  it('has a DICOMweb destination', () => {
    assert.deepEqual(document.destinations[0], {
      id: 'cloud',
      kind: 'stow',
      url: 'https://archive.example.org/dicom-web',
      auth: { kind: 'oauth2', tokenUrl: 'https://id.example.org/token', clientId: 'gw', clientSecret: 'env:CLOUD_SECRET', scope: 'dicom' },
      tls: { ca: 'file:/etc/causeway/ca.pem', cert: 'file:/etc/causeway/gw.pem', key: 'file:/etc/causeway/gw.key', minVersion: '1.2' },
      proxy: 'http://proxy.example.org:3128',
      images: 'compressed',
      implicitVr: 'send',
      concurrency: 4,
      batch: { instances: 50, size: 32 * 1024 ** 2 },
      bandwidth: [{ from: 420, to: 1140, days: ['mon', 'tue', 'wed', 'thu', 'fri'], rate: 20_000_000 }],
      window: [{ from: 0, to: 1440, days: ALL_DAYS }],
      timeouts: { connect: 10_000, idle: 60_000 },
      retry: { first: 5000, factor: 2, max: 10 * MINUTE, giveUpAfter: 7 * DAY },
      queued: 200_000,
      confirm: 'response',
    });
  });

  it('has a DICOM destination', () => {
    const pacs = document.destinations[1];
    assert.ok(pacs?.kind === 'dimse');
    assert.deepEqual(
      [pacs.host, pacs.port, pacs.calledAe, pacs.callingAe, pacs.images],
      ['pacs.ms44.example.org', 2762, 'MS44_PACS', 'facility', 'as-received'],
    );
    assert.deepEqual(pacs.tls, { ca: 'file:/etc/causeway/ms44-ca.pem', minVersion: '1.2' });
    assert.deepEqual([pacs.window, pacs.bandwidth, pacs.confirm], [[], [], 'response']);
  });

  it('has rules for lanes, compression and coercion', () => {
    assert.deepEqual(document.lanes, [
      { when: { calledAe: ['GATEWAY_STAT'] }, lane: 'stat' },
      { when: { priority: 'high' }, lane: 'stat' },
      { when: { modality: ['CT'], attribute: 'RequestedProcedurePriority', in: ['STAT'] }, lane: 'stat' },
    ]);
    assert.deepEqual(
      document.compression.map((rule) => rule.then),
      [
        { syntax: 'unchanged' },
        { syntax: 'jpeg2000-lossless' },
        { syntax: 'jpeg2000', ratio: 8, lossy: true, minPsnr: 40 },
        { syntax: 'jpeg2000-lossless' },
      ],
    );
    assert.deepEqual(document.lossyAcceptance, { by: '', at: '', text: '' });
    assert.deepEqual(document.coercion[1], {
      when: { facility: ['north'] },
      on: 'deliver',
      destination: 'cloud',
      set: { IssuerOfPatientID: 'NORTH' },
      copy: {},
      remove: ['(0009,1010)'],
      map: {},
      impossible: 'hold',
    });
  });

  it('has the way back, commitment and notifications', () => {
    const [source] = document.retrieval.sources;
    assert.deepEqual(source?.poll, { every: 30_000, filter: { ModalitiesInStudy: 'CT' }, window: 2 * DAY });
    assert.deepEqual(source?.priors?.unmatched, { max: 1, within: 365 * DAY });
    assert.deepEqual(source?.priors?.terms, [{ source: ['chest'], matching: ['thorax', 'lung'] }]);
    assert.deepEqual(document.retrieval.cache, { keep: 4 * 60 * MINUTE, size: 100 * 1024 ** 3 });
    assert.deepEqual(document.retrieval.front?.moveDestinations, { VIEWER1: { host: '10.1.0.7', port: 104 } });
    assert.deepEqual(document.commitment, [{ callingAe: 'NORTH_CT1', host: '10.1.0.21', port: 104, after: 'delivered', deadline: DAY }]);
    assert.deepEqual(document.notifications, [
      { kind: 'webhook', url: 'https://ops.example.org/hook', on: ['held', 'failed', 'oldest-undelivered', 'storage'] },
    ]);
  });
});

describe('defaults', () => {
  const document = parseGatewayDocument({
    facilities: [{ id: 'a', match: [{}] }],
    destinations: [
      { id: 's', kind: 'stow', url: 'http://127.0.0.1:8042/dicom-web' },
      { id: 'd', kind: 'dimse', host: '::1', port: 104, calledAe: 'PACS' },
    ],
  });

  it('fill in what is not written', () => {
    assert.equal(document.gateway.aeTitle, 'CAUSEWAY');
    assert.deepEqual(document.gateway.callers, [{}]);
    assert.equal(document.gateway.timeZone, Intl.DateTimeFormat().resolvedOptions().timeZone);
    assert.deepEqual(document.listeners, []);
    assert.equal(document.negotiation.prefer[0], 'explicit-little');
    assert.equal(document.limits.artim, 30_000);
    assert.equal(document.facilities[0]?.model, 'standard');
    assert.equal(document.facilities[0]?.name, 'a');
    assert.equal(document.facilities[0]?.retention, 7 * DAY);
    assert.deepEqual(document.compression, []);
  });

  it('of destinations are those of the example', () => {
    const [stow, dimse] = document.destinations;
    assert.ok(stow?.kind === 'stow' && dimse?.kind === 'dimse');
    assert.deepEqual(stow.auth, { kind: 'none' });
    assert.deepEqual([stow.images, stow.implicitVr, stow.concurrency, stow.queued], ['compressed', 'send', 4, 200_000]);
    assert.deepEqual(stow.batch, { instances: 50, size: 32 * 1024 ** 2 });
    assert.deepEqual(stow.retry, { first: 5000, factor: 2, max: 10 * MINUTE, giveUpAfter: 7 * DAY });
    assert.equal(dimse.callingAe, 'CAUSEWAY');
  });

  it('an empty document is one that holds everything', () => assert.deepEqual(parseGatewayDocument({}).facilities, []));

  it('the document without a file sends everything to the sandbox, compressed without loss', () => {
    const sandbox = parseGatewayDocument(defaultGatewayDocument('http://127.0.0.1:8043/dicom-web'));
    assert.deepEqual(
      sandbox.facilities.map(({ id, model, match, destinations }) => ({ id, model, match, destinations })),
      [{ id: 'main', model: 'standard', match: [{}], destinations: ['sandbox'] }],
    );
    const [destination] = sandbox.destinations;
    assert.ok(destination?.kind === 'stow');
    assert.deepEqual([destination.id, destination.url, destination.images], ['sandbox', 'http://127.0.0.1:8043/dicom-web', 'compressed']);
    assert.deepEqual(
      sandbox.compression.map((rule) => [rule.when, rule.then]),
      [[{}, { syntax: 'htj2k-lossless' }]],
    );
  });
});

describe('text of a document', () => {
  it('may be JSON', () => assert.deepEqual(readGatewayDocument('{"facilities": []}'), { facilities: [] }));

  it('may use anchors', () => assert.deepEqual(readGatewayDocument('a: &x [1]\nb: *x'), { a: [1], b: [1] }));

  it('is refused with line and column, and never repeated: it may hold a secret', () => {
    assert.throws(
      () => readGatewayDocument('gateway:\n  aeTitle: A\n  password: "hunter2'),
      (error) => error instanceof GatewayDocumentError && /line 3, column \d+/.test(error.message) && !error.message.includes('hunter2'),
    );
  });

  it('is refused when a field stands twice', () =>
    assert.throws(() => readGatewayDocument('gateway: {}\ngateway: {}'), /line 2, column 1 \(DUPLICATE_KEY\)/));

  it('is refused when its aliases multiply', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let at = 1; at < 9; at++) lines.push(`a${at}: &a${at} [${new Array(10).fill(`*a${at - 1}`).join(', ')}]`);
    assert.throws(() => readGatewayDocument(lines.join('\n')), /too many or unknown aliases/);
  });

  it('is refused when it is longer than 8 Mi characters', () =>
    assert.throws(() => readGatewayDocument(' '.repeat(8 * 1024 ** 2 + 1)), /at most 8388608/));
});
