// Wrong values are refused before anything is installed, and the refusal says what to change.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse } from 'yaml';
import { z } from 'zod';
import { CHART, type Chart, openChart, type ValueSet, valuesOf } from './chart.ts';

let chart: Chart;
let folder: string;
before(async () => {
  chart = await openChart();
  folder = await mkdtemp(join(tmpdir(), 'causeway-values-'));
});
after(async () => {
  await chart?.remove();
  await rm(folder, { recursive: true });
});

const refused = (set: ValueSet, ...values: string[]): string => chart.refusal({ values: [valuesOf(set)], set: values });

interface Refusal {
  readonly title: string;
  readonly values: readonly string[];
  readonly says: RegExp;
  readonly set?: ValueSet;
}

const BY_SCHEMA: readonly Refusal[] = [
  { title: 'a name that is not known', values: ['services.receiver.replica=3'], says: /\/services\/receiver.*'replica' not allowed/ },
  { title: 'a section that is not known', values: ['recever.replicas=3'], says: /'recever' not allowed/ },
  { title: 'a service that is not known', values: ['services.sender.replicas=3'], says: /'sender' not allowed/ },
  { title: 'no replicas', values: ['services.ledger.replicas=0'], says: /\/services\/ledger\/replicas/ },
  { title: 'text for a number', values: ['services.ledger.replicas=two'], says: /\/services\/ledger\/replicas.*want integer/ },
  { title: 'an even number of stream replicas', values: ['nats.streamReplicas=2'], says: /\/nats\/streamReplicas.*must be one of 1, 3, 5/ },
  { title: 'another way to keep addresses', values: ['dicom.sourceAddress=both'], says: /'local', 'proxyProtocol'/ },
  {
    title: 'a listener on a port that needs root',
    values: ['dicom.ports[0].name=dicom', 'dicom.ports[0].port=104', 'dicom.ports[0].containerPort=104'],
    says: /\/dicom\/ports\/0\/containerPort/,
  },
  {
    title: 'a listener on the ops port',
    values: ['dicom.ports[0].name=dicom', 'dicom.ports[0].port=104', 'dicom.ports[0].containerPort=9464'],
    says: /\/dicom\/ports\/0\/containerPort/,
  },
  {
    title: 'a password in the address of the database',
    values: ['database.url=postgres://causeway:secret@db/causeway'],
    says: /\/database\/url/,
  },
  { title: 'a password in the address of NATS', values: ['nats.url=nats://causeway:secret@nats:4222'], says: /\/nats\/url/ },
  { title: 'half an image digest', values: ['image.digest=sha256:0123'], says: /\/image\/digest/ },
  { title: 'no network', values: ['networkPolicy.dicomFrom[0]=10.0.0.7'], says: /\/networkPolicy\/dicomFrom\/0/ },
  {
    title: 'no quantity',
    values: ['services.receiver.resources.limits.memory=1GB'],
    says: /\/services\/receiver\/resources\/limits\/memory/,
  },
];

const BY_TEMPLATE: readonly Refusal[] = [
  {
    title: 'a drain shorter than the longest association',
    values: ['dicom.longestAssociationSeconds=900'],
    says: /drainSeconds is 660: it has to be longer than dicom\.longestAssociationSeconds \(900\)/,
  },
  {
    title: 'a drain just as long as the longest association',
    values: ['dicom.longestAssociationSeconds=660'],
    says: /longer than dicom\.longestAssociationSeconds/,
  },
  {
    title: 'a kill before the drain is over',
    values: ['services.receiver.terminationGracePeriodSeconds=679'],
    says: /services\.receiver\.terminationGracePeriodSeconds is 679.*at least.*680/,
  },
  {
    title: 'a kill before the drain of another service is over',
    values: ['services.uploader.drainSeconds=600'],
    says: /services\.uploader\.terminationGracePeriodSeconds/,
  },
  { title: 'a notice as long as the drain', values: ['dicom.drainNoticeSeconds=660'], says: /dicom\.drainNoticeSeconds has to be shorter/ },
  { title: 'no NATS', values: ['nats.url='], says: /nats\.url is missing: give the address of yours, or set bundled-nats\.enabled/ },
  { title: 'no object store', values: ['objectStore.endpoint='], says: /objectStore\.endpoint is missing/ },
  { title: 'no database', values: ['database.url='], says: /database\.url is missing/ },
  {
    title: 'two databases',
    values: ['bundled-postgres.enabled=true'],
    says: /database\.url and bundled-postgres\.enabled: only one of them/,
  },
  {
    title: 'a client certificate for NATS without its key',
    set: 'external-tls',
    values: ['nats.tls.key='],
    says: /nats\.tls\.cert and nats\.tls\.key go together/,
  },
  {
    title: 'two gateway documents',
    values: ['gateway.existingConfigMap.name=ours'],
    says: /gateway\.document and gateway\.existingConfigMap: only one/,
  },
  { title: 'a gateway document that is not YAML', values: ['gateway.document=a: [b'], says: /gateway\.document is not YAML/ },
  {
    title: 'listeners without PROXY protocol behind a balancer that sends it',
    set: 'external-tls',
    values: ['gateway.document=listeners: [{ id: lan\\, port: 4104 }]'],
    says: /listener lan of gateway\.document has proxyProtocol: false, but dicom\.sourceAddress is proxyProtocol/,
  },
  {
    title: 'listeners with PROXY protocol where nobody sends it',
    set: 'external-tls',
    values: ['dicom.sourceAddress=local'],
    says: /listener plain of gateway\.document has proxyProtocol: true, but dicom\.sourceAddress is local/,
  },
  {
    title: 'the default listener behind a balancer that sends PROXY protocol',
    set: 'external-tls',
    values: ['gateway.document=facilities: []'],
    says: /gateway\.document needs listeners with proxyProtocol: true/,
  },
  {
    title: 'a listener that nobody reaches',
    values: ['gateway.document=listeners: [{ id: lan\\, port: 4200 }]'],
    says: /listener lan of gateway\.document has port 4200, which no containerPort/,
  },
  {
    title: 'a TLS listener, on its default port, that nobody reaches',
    values: ['gateway.document=listeners: [{ id: secure\\, tls: {} }]'],
    says: /listener secure of gateway\.document has port 2762/,
  },
  {
    title: 'PROXY protocol from anybody',
    set: 'external-tls',
    values: ['networkPolicy.dicomFrom=null'],
    says: /networkPolicy\.dicomFrom has to name the balancer/,
  },
  {
    title: 'a page without TLS',
    set: 'everything',
    values: ['console.ingress.tlsSecret='],
    says: /console\.ingress needs host and tlsSecret/,
  },
  {
    title: 'a page that the ingress controller cannot reach',
    set: 'everything',
    values: ['networkPolicy.consoleFrom=null'],
    says: /networkPolicy\.consoleFrom has to name/,
  },
  {
    title: 'KEDA without Prometheus',
    set: 'everything',
    values: ['autoscaling.prometheusAddress='],
    says: /needs autoscaling\.prometheusAddress/,
  },
  {
    title: 'more replicas at least than at most',
    set: 'everything',
    values: ['autoscaling.receiver.minReplicas=9'],
    says: /autoscaling\.receiver: minReplicas is more than maxReplicas/,
  },
];

describe('refused by the schema', () => {
  for (const { title, values, says, set } of BY_SCHEMA) test(title, () => assert.match(refused(set ?? 'ha', ...values), says));
});

describe('refused because values do not agree', () => {
  for (const { title, values, says, set } of BY_TEMPLATE) test(title, () => assert.match(refused(set ?? 'ha', ...values), says));
});

describe('taken', () => {
  test('the values as they are, but for the three addresses, which nobody can guess', () => {
    const text = chart.template({
      set: ['nats.url=nats://nats:4222', 'objectStore.endpoint=http://s3:9000', 'database.url=postgres://causeway@db/causeway'],
    });
    assert.match(text, /kind: Deployment/);
  });

  test('a gateway document from a file of its own', async () => {
    const file = join(folder, 'values.yaml');
    const document = await readFile(join(CHART, '..', 'gateway.example.yaml'), 'utf8');
    const ports = [
      { name: 'dicom', port: 4104, containerPort: 4104 },
      { name: 'dicom-tls', port: 2762, containerPort: 2762 },
    ];
    await writeFile(file, JSON.stringify({ gateway: { document }, dicom: { ports } }));
    const [configMap] = chart.manifests({ values: [valuesOf('minimal'), file] }).filter(({ kind }) => kind === 'ConfigMap');
    assert.deepEqual(configMap!.data, { 'gateway.yaml': document });
  });
});

describe('the notes', () => {
  const NOTHING_YET = /NOTHING IS RECEIVED YET/;
  const PROXY = /PROXY PROTOCOL: the balancer in front of causeway-dicom/;
  const ANYBODY = /Anybody who reaches the nodes may open associations/;
  const notes = (set: ValueSet, ...more: string[]): string => chart.notes({ values: [valuesOf(set)], set: more });

  test('say what is still to be done, and only that', () => {
    const found = (text: string): boolean[] => [NOTHING_YET, PROXY, ANYBODY].map((part) => part.test(text));
    assert.deepEqual(found(notes('minimal')), [true, false, true]);
    assert.deepEqual(found(notes('ha')), [false, false, false]);
    assert.deepEqual(found(notes('external-tls')), [false, true, false]);
  });

  test('say where modalities connect, and where the first password is', () => {
    const text = notes('external-tls');
    assert.match(text, /port 104 \(dicom\) 2762 \(dicom-tls\)/);
    assert.match(text, /get secret causeway-first-password -o jsonpath='\{\.data\.password\}'/);
    assert.match(notes('everything'), /https:\/\/causeway\.example\.org/);
  });

  test('warn of policies that are off', () => {
    assert.match(notes('ha', 'networkPolicy.enabled=false'), /NETWORK POLICIES ARE OFF/);
  });
});

describe('the schema', () => {
  const node = z.looseObject({
    type: z.string().optional(),
    properties: z.record(z.string(), z.unknown()).optional(),
    additionalProperties: z.unknown().optional(),
  });
  const BUNDLED = /^bundled-/;

  /** Paths of objects with named fields that let others pass. */
  function openObjects(schema: unknown, path: string): string[] {
    if (typeof schema !== 'object' || schema === null) return [];
    // A field may be called `type` or `properties`, too.
    const { data } = node.safeParse(schema);
    const isOpen = data?.type === 'object' && data.properties !== undefined && data.additionalProperties !== false;
    const inner = Object.entries(schema).flatMap(([name, part]) => (BUNDLED.test(name) ? [] : openObjects(part, `${path}/${name}`)));
    return isOpen ? [path, ...inner] : inner;
  }

  test('lets no name pass that is not known, but in what goes to other charts', async () => {
    const schema: unknown = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8'));
    assert.deepEqual(openObjects(schema, ''), []);
  });

  test('knows every value of values.yaml, and values.yaml has every value that it knows', async () => {
    const schema: unknown = JSON.parse(await readFile(join(CHART, 'values.schema.json'), 'utf8'));
    const values: unknown = parse(await readFile(join(CHART, 'values.yaml'), 'utf8'));
    const sections = z.looseObject({ properties: z.record(z.string(), node) }).parse(schema).properties;
    const { global: _, ...known } = sections;
    const written = z.record(z.string(), z.unknown()).parse(values);
    assert.deepEqual(Object.keys(known).sort(), Object.keys(written).sort());
    for (const [name, { properties }] of Object.entries(known))
      if (properties !== undefined && !BUNDLED.test(name))
        assert.deepEqual(Object.keys(properties).sort(), Object.keys(z.looseObject({}).parse(written[name])).sort(), name);
  });
});
