// What the network policies let through is exactly what the services need.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Chart, openChart, type ValueSet, valuesOf } from './chart.ts';
import { networkRules, type Party } from './network-rules.ts';

const SERVICES = ['receiver', 'compressor', 'router', 'uploader', 'retriever', 'ledger', 'console'];
const own = (component: string): Party => ({
  name: component,
  namespace: 'imaging',
  ip: '10.244.1.1',
  labels: { 'app.kubernetes.io/name': 'causeway', 'app.kubernetes.io/instance': 'causeway', 'app.kubernetes.io/component': component },
});
const pod = (name: string, namespace: string, labels: Record<string, string> = {}): Party => ({
  name,
  namespace,
  labels,
  ip: '10.244.2.2',
});

const PODS = [
  ...[...SERVICES, 'test'].map(own),
  ...['nats', 'minio', 'postgres'].map((name) => pod(name, 'data')),
  pod('dns', 'kube-system', { 'k8s-app': 'kube-dns' }),
  pod('prometheus', 'monitoring'),
  pod('ingress', 'ingress-nginx'),
  pod('stranger', 'imaging', { 'app.kubernetes.io/name': 'other' }),
];
const OUTSIDE: Party[] = [
  { name: 'modality', ip: '10.5.0.7' },
  { name: 'archive', ip: '203.0.113.10' },
  { name: 'internet', ip: '8.8.8.8' },
  { name: 'metadata', ip: '169.254.169.254' },
];
const PORTS = [22, 53, 80, 104, 443, 2762, 4104, 4222, 4318, 5432, 6222, 8080, 8222, 9000, 9464];

let chart: Chart;
before(async () => {
  chart = await openChart();
});
after(() => chart?.remove());

/** `from -> to:port`, of all that is allowed and has a pod of ours at one end. */
function allowed(set: ValueSet, more: string[] = []): string[] {
  const passes = networkRules(chart.manifests({ values: [valuesOf(set)], set: more }), 'imaging');
  const parties = [...PODS, ...OUTSIDE];
  const isOurs = ({ labels }: Party): boolean => labels?.['app.kubernetes.io/name'] === 'causeway';
  return parties.flatMap((from) =>
    parties
      .filter((to) => to !== from && (isOurs(from) || isOurs(to)))
      .flatMap((to) => PORTS.filter((port) => passes({ from, to, port })).map((port) => `${from.name} -> ${to.name}:${port}`)),
  );
}

const fromEach = (services: readonly string[], to: string): string[] => services.map((service) => `${service} -> ${to}`);

/** What the services need whatever is around them; data services in a namespace of their own. */
const NEEDED = [
  ...fromEach(SERVICES, 'nats:4222'),
  ...fromEach(SERVICES, 'minio:9000'),
  ...fromEach(['ledger', 'console'], 'postgres:5432'),
  ...fromEach([...SERVICES, 'test'], 'dns:53'),
  ...SERVICES.filter((service) => service !== 'console').map((service) => `console -> ${service}:9464`),
  ...SERVICES.map((service) => `prometheus -> ${service}:9464`),
  'modality -> receiver:4104',
  'test -> console:8080',
  'test -> receiver:4104',
  'uploader -> archive:443',
  'retriever -> archive:443',
];

describe('with every peer named', () => {
  // The namespace `data` is named, not each pod in it: ports tell them apart.
  const otherPodsOfData = (all: string[]): string[] => all.filter((one) => !/(nats|minio|postgres):/.test(one) || NEEDED.includes(one));

  test('exactly what is needed passes', () => {
    const found = otherPodsOfData(allowed('ha'));
    // Pods of the cluster lie in 10.0.0.0/8 too, which may open associations there.
    const isFromPod = (one: string): boolean => PODS.some(({ name }) => one === `${name} -> receiver:4104`) && !NEEDED.includes(one);
    assert.deepEqual(found.filter((one) => !isFromPod(one)).sort(), NEEDED.toSorted());
  });

  test('the data services are reached on their own ports only', () => {
    const ports = allowed('ha')
      .filter((one) => /(nats|minio|postgres):/.test(one))
      .map((one) => Number(one.split(':')[1]));
    assert.deepEqual([...new Set(ports)].sort(), [4222, 5432, 9000]);
  });

  test('the database is reached by ledger and console only', () => {
    const who = allowed('ha')
      .filter((one) => one.endsWith('postgres:5432'))
      .map((one) => one.split(' ')[0]);
    assert.deepEqual(who.sort(), ['console', 'ledger']);
  });
});

describe('whoever may call a receiver', () => {
  const callers = (set: ValueSet, more: string[] = []): string[] =>
    allowed(set, more)
      .filter((one) => one.endsWith('receiver:4104'))
      .map((one) => one.split(' ')[0]!);

  test('is anybody where nobody is named, and with PROXY protocol the balancer alone', () => {
    assert.ok(callers('ha', ['networkPolicy.dicomFrom=null']).includes('internet'));
    assert.deepEqual(callers('external-tls'), ['test']);
    assert.deepEqual(callers('external-tls', ['networkPolicy.dicomFrom[0]=10.5.0.7/32']).sort(), ['modality', 'test']);
  });
});

describe('a service goes nowhere else', () => {
  test('but uploader and retriever anywhere as long as nothing is said, the address of cloud metadata excepted', () => {
    const found = allowed('minimal');
    const outside = (name: string) =>
      found
        .filter((one) => one.endsWith(` -> ${name}:443`))
        .map((one) => one.split(' ')[0])
        .sort();
    assert.deepEqual(outside('internet'), ['retriever', 'uploader']);
    assert.deepEqual(
      found.filter((one) => one.includes('-> metadata:') && /^(uploader|retriever)/.test(one) && !/:(4222|9000|5432)$/.test(one)),
      [],
    );
  });

  test('and the receiver only where storage commitment results go, when that is said', () => {
    const of = (set: ValueSet) => allowed(set).filter((one) => one === 'receiver -> modality:104').length;
    assert.deepEqual([of('ha'), of('external-tls')], [0, 1]);
  });

  test('and traces to their collector, on the port of its address', () => {
    const found = allowed('everything').filter((one) => one.endsWith(':4318') && one.startsWith('router'));
    assert.ok(found.includes('router -> prometheus:4318'));
    assert.equal(
      allowed('minimal').some((one) => one.startsWith('router') && one.endsWith(':4318')),
      false,
    );
  });
});

describe('the page', () => {
  test('is reached by the ingress controller where it is named, and by nobody else', () => {
    const who = (set: ValueSet) =>
      allowed(set)
        .filter((one) => one.endsWith('console:8080'))
        .map((one) => one.split(' ')[0])
        .sort();
    assert.deepEqual([who('ha'), who('everything')], [['test'], ['ingress', 'test']]);
  });
});

describe('without policies', () => {
  test('everything passes', () => {
    const passes = networkRules(chart.manifests({ values: [valuesOf('ha')], set: ['networkPolicy.enabled=false'] }), 'imaging');
    assert.ok(passes({ from: PODS.at(-1)!, to: own('receiver'), port: 9464 }));
  });
});
