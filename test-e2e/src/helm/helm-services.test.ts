// What the chart gives the services is what they read, finds the things it names, and holds them to as few rights as they need.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
import { readServiceEnvironment, serviceEnvironment } from '@causeway/shared/config/service-environment';
import { z } from 'zod';
import { type Chart, type Manifest, openChart, ROOT, readChartFile, VALUE_SETS, type ValueSet, valuesOf } from './chart.ts';
import { componentOf, deploymentsOf, environmentOf, fits, mainContainer, mountedFiles, namesOf, podsOf, servicesOf } from './workloads.ts';

const SERVICES = ['compressor', 'console', 'ledger', 'receiver', 'retriever', 'router', 'uploader'];

let chart: Chart;
const rendered = new Map<ValueSet, Manifest[]>();
before(async () => {
  chart = await openChart();
  for (const set of VALUE_SETS) rendered.set(set, chart.manifests({ values: [valuesOf(set)] }));
});
after(() => chart?.remove());

const forEachSet = (title: string, check: (manifests: Manifest[], set: ValueSet) => void): void => {
  for (const set of VALUE_SETS) test(`${title} (${set})`, () => check(rendered.get(set)!, set));
};
const deploymentOf = (set: ValueSet, component: string) => deploymentsOf(rendered.get(set)!).find((one) => componentOf(one) === component)!;

describe('the services of the chart', () => {
  forEachSet('are the seven there are, each from its own main.ts', (manifests) => {
    const deployments = deploymentsOf(manifests);
    assert.deepEqual(deployments.map(componentOf).sort(), SERVICES);
    for (const one of deployments) {
      assert.deepEqual(mainContainer(one).args, [componentOf(one)]);
      assert.ok(existsSync(join(ROOT, 'services', componentOf(one), 'src', 'main.ts')));
    }
  });

  test('are started as the image starts them, by its user', () => {
    const launcher = readFileSync(join(ROOT, 'deploy/compose/image/launch.sh'), 'utf8');
    const dockerfile = readFileSync(join(ROOT, 'deploy/compose/Dockerfile'), 'utf8');
    assert.deepEqual(/^ {2}([a-z| ]+)\) main=services\/\$word/m.exec(launcher)![1]!.split(' | ').sort(), SERVICES);
    const { runAsUser, runAsGroup } = deploymentOf('ha', 'receiver').spec.template.spec.securityContext;
    assert.equal(/^USER (.+)$/m.exec(dockerfile)![1], `${runAsUser}:${runAsGroup}`);
    const image = mainContainer(deploymentOf('minimal', 'receiver')).image;
    assert.equal(image, `causeway:${/^ARG VERSION=(.+)$/m.exec(dockerfile)![1]}`);
  });

  forEachSet('get variables that a service reads, none twice', (manifests) => {
    for (const one of deploymentsOf(manifests)) {
      const names = mainContainer(one).env.map(({ name }) => name);
      assert.deepEqual(names.length, new Set(names).size, `${componentOf(one)}: ${names.join(' ')}`);
      const known = Object.keys(serviceEnvironment.shape);
      assert.deepEqual(
        names.filter((name) => !known.includes(name)),
        [],
        componentOf(one),
      );
    }
  });

  forEachSet('get values that they take', (manifests) => {
    for (const one of deploymentsOf(manifests)) {
      const environment = readServiceEnvironment(environmentOf(one));
      assert.equal(environment.CAUSEWAY_OPS_PORT, 9464);
      assert.match(environment.CAUSEWAY_OBJECT_STORE, /^s3:/);
    }
  });

  forEachSet('find every file that their variables name', (manifests) => {
    for (const one of deploymentsOf(manifests)) {
      const named = Object.values(environmentOf(one))
        .map((value) => value.replace(/^file:/, ''))
        .filter((value) => value.startsWith('/etc/'));
      assert.ok(named.length > 0);
      const there = mountedFiles(one);
      assert.deepEqual(
        named.filter((path) => !there.includes(path)),
        [],
        componentOf(one),
      );
    }
  });

  test('have no secret but those they need: only ledger and console know the database, only the console the first password', () => {
    for (const one of deploymentsOf(rendered.get('external-tls')!)) {
      const files = mountedFiles(one).map((path) => path.split('/').at(-1)!);
      const isDatabaseUser = ['ledger', 'console'].includes(componentOf(one));
      assert.equal(files.includes('database-password'), isDatabaseUser, componentOf(one));
      assert.equal(files.includes('first-password'), componentOf(one) === 'console', componentOf(one));
      assert.equal('CAUSEWAY_DATABASE_URL' in environmentOf(one), isDatabaseUser, componentOf(one));
    }
  });

  test('name no password in any variable: Secrets come as files, the access key by reference', () => {
    for (const set of VALUE_SETS)
      for (const one of deploymentsOf(rendered.get(set)!)) {
        const referenced = mainContainer(one)
          .env.filter(({ valueFrom }) => valueFrom)
          .map(({ name }) => name);
        assert.deepEqual(referenced, ['CAUSEWAY_S3_ACCESS_KEY']);
        for (const [name, value] of Object.entries(environmentOf(one))) {
          assert.doesNotMatch(name, /PASSWORD$/);
          if (name.endsWith('_URL')) assert.doesNotMatch(value, /\/\/[^/@]*:[^/@]*@/, name);
        }
      }
  });

  test('mount what the gateway document names as secrets in the services that need it, and nowhere else', () => {
    const where = (name: string) =>
      deploymentsOf(rendered.get('external-tls')!)
        .filter((one) => mountedFiles(one).includes(`/etc/causeway/secrets/${name}/`))
        .map(componentOf)
        .sort();
    assert.deepEqual(where('listener'), ['receiver']);
    assert.deepEqual(where('cloud'), ['retriever', 'uploader']);
  });

  test('start without the Secret of the first password, which is deleted once it was changed', () => {
    const [credentials] = deploymentOf('ha', 'console').spec.template.spec.volumes.filter(({ name }) => name === 'credentials');
    const optional = credentials!.projected!.sources.filter(({ secret }) => secret.optional).map(({ secret }) => secret.name);
    assert.deepEqual(optional, ['causeway-first-password']);
  });
});

describe('a pod', () => {
  forEachSet('meets the Pod Security Standard "restricted", has no token, and no variables made of Services', (manifests) => {
    for (const pod of podsOf(manifests)) {
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.enableServiceLinks, false);
      const { runAsNonRoot, runAsUser, seccompProfile } = pod.securityContext;
      assert.deepEqual(
        { runAsNonRoot, runAsUser, seccompProfile },
        { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
      );
      for (const { securityContext } of pod.containers)
        assert.deepEqual(securityContext, {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });

  forEachSet('writes to /tmp and /spool only, both limited', (manifests) => {
    for (const one of deploymentsOf(manifests)) {
      const writable = mainContainer(one).volumeMounts.filter(({ readOnly }) => readOnly !== true);
      assert.deepEqual(
        writable.map(({ mountPath }) => mountPath),
        ['/tmp', '/spool'],
      );
      for (const { name } of writable) {
        const volume = one.spec.template.spec.volumes.find((each) => each.name === name);
        assert.ok(volume?.emptyDir?.sizeLimit !== undefined || volume?.ephemeral !== undefined, `${componentOf(one)} ${name}`);
      }
    }
  });

  forEachSet('is asked on the ops port whether it lives and is ready', (manifests) => {
    for (const one of deploymentsOf(manifests)) {
      const { startupProbe, livenessProbe, readinessProbe, ports } = mainContainer(one);
      const asked = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet);
      const [live, ready] = [
        { path: '/health/live', port: 'ops' },
        { path: '/health/ready', port: 'ops' },
      ];
      assert.deepEqual(asked, [live, live, ready]);
      assert.ok(ports.some(({ name, containerPort }) => name === 'ops' && containerPort === 9464));
    }
  });

  forEachSet('is killed only after it could drain, preStop included', (manifests) => {
    for (const one of deploymentsOf(manifests)) {
      const drainSeconds = Number(environmentOf(one).CAUSEWAY_DRAIN_MS) / 1000;
      const preStopSeconds = mainContainer(one).lifecycle?.preStop.sleep.seconds ?? 0;
      // A process ends itself 3 s after its drain (run-service.ts).
      assert.ok(one.spec.template.spec.terminationGracePeriodSeconds! >= preStopSeconds + drainSeconds + 3, componentOf(one));
    }
  });
});

describe('what refers to something', () => {
  forEachSet('finds it: selectors, ports, accounts, scaled Deployments', (manifests) => {
    const deployments = deploymentsOf(manifests);
    for (const one of deployments) {
      assert.ok(fits(one.spec.selector.matchLabels, one.spec.template.metadata.labels));
      assert.ok(namesOf(manifests, 'ServiceAccount').includes(one.spec.template.spec.serviceAccountName));
      assert.ok(namesOf(manifests, 'PodDisruptionBudget').includes(one.metadata.name));
    }
    for (const service of servicesOf(manifests)) {
      const behind = deployments.filter((one) => fits(service.spec.selector, one.spec.template.metadata.labels));
      assert.equal(behind.length, 1, service.metadata.name);
      const ports = mainContainer(behind[0]!).ports.map(({ name }) => name);
      for (const { targetPort } of service.spec.ports) assert.ok(ports.includes(targetPort), `${service.metadata.name} ${targetPort}`);
    }
  });

  forEachSet('the console asks each other service by an address that is there', (manifests) => {
    const console = deploymentsOf(manifests).find((one) => componentOf(one) === 'console')!;
    const addresses = z.record(z.string(), z.url()).parse(JSON.parse(environmentOf(console).CAUSEWAY_SERVICES!));
    assert.deepEqual(
      Object.keys(addresses).sort(),
      SERVICES.filter((name) => name !== 'console'),
    );
    for (const address of Object.values(addresses)) {
      const { hostname, port } = new URL(address);
      const service = servicesOf(manifests).find(({ metadata }) => metadata.name === hostname);
      assert.ok(
        service?.spec.ports.some((each) => each.port === Number(port)),
        address,
      );
    }
  });

  test('autoscaled services leave their number to the autoscaler, the others have the one of the values', () => {
    const numbers = Object.fromEntries(deploymentsOf(rendered.get('everything')!).map((one) => [componentOf(one), one.spec.replicas]));
    assert.deepEqual(numbers, {
      receiver: undefined,
      compressor: undefined,
      uploader: undefined,
      router: 2,
      retriever: 2,
      ledger: 2,
      console: 2,
    });
    const scaled = rendered.get('everything')!.filter(({ kind }) => /Autoscaler|ScaledObject/.test(kind));
    const target = z.looseObject({ scaleTargetRef: z.looseObject({ name: z.string() }) });
    assert.deepEqual(scaled.map(({ spec }) => target.parse(spec).scaleTargetRef.name).sort(), [
      'causeway-compressor',
      'causeway-receiver',
      'causeway-uploader',
    ]);
  });

  test('the gateway document reaches the console as it was given, and is one', () => {
    const [configMap] = rendered.get('external-tls')!.filter(({ kind }) => kind === 'ConfigMap');
    const text = z.looseObject({ 'gateway.yaml': z.string() }).parse(configMap!.data)['gateway.yaml'];
    const { listeners } = parseGatewayDocument(readGatewayDocument(text));
    assert.deepEqual(
      listeners.map(({ id, proxyProtocol }) => [id, proxyProtocol]),
      [
        ['plain', true],
        ['tls', true],
      ],
    );
    assert.equal(environmentOf(deploymentOf('external-tls', 'console')).CAUSEWAY_CONFIG, '/etc/causeway/gateway/gateway.yaml');
    assert.equal('CAUSEWAY_CONFIG' in environmentOf(deploymentOf('minimal', 'console')), false);
  });
});

describe('the DICOM service', () => {
  const dicomOf = (set: ValueSet, more: string[] = []) =>
    servicesOf(chart.manifests({ values: [valuesOf(set)], set: more })).find(({ metadata }) => metadata.name === 'causeway-dicom')!.spec;

  test('keeps the address of the modality by going to local receivers only, or leaves that to PROXY protocol', () => {
    assert.deepEqual([dicomOf('ha').type, dicomOf('ha').externalTrafficPolicy], ['LoadBalancer', 'Local']);
    assert.equal(dicomOf('external-tls').externalTrafficPolicy, 'Cluster');
    assert.equal(dicomOf('ha', ['dicom.service.type=ClusterIP']).externalTrafficPolicy, undefined);
  });

  test('has the ports that modalities connect to, in front of the listeners', () => {
    assert.deepEqual(dicomOf('external-tls').ports, [
      { name: 'dicom', port: 104, targetPort: 'dicom' },
      { name: 'dicom-tls', port: 2762, targetPort: 'dicom-tls' },
    ]);
  });
});

describe('charts that come along', () => {
  test('are off unless they are wanted, and then the services go to them', async () => {
    const { dependencies } = await readChartFile();
    const bundled = ['causeway-nats', 'causeway-minio', 'causeway-postgres'];
    assert.equal(dependencies.length, bundled.length);
    const standIns = (set: ValueSet) =>
      namesOf(rendered.get(set)!, 'ConfigMap')
        .filter((name) => bundled.includes(name))
        .sort();
    assert.deepEqual(standIns('ha'), []);
    assert.deepEqual(standIns('everything'), bundled.toSorted());
    const { CAUSEWAY_NATS_URL, CAUSEWAY_S3_ENDPOINT, CAUSEWAY_DATABASE_URL } = environmentOf(deploymentOf('everything', 'ledger'));
    assert.deepEqual(
      [CAUSEWAY_NATS_URL, CAUSEWAY_S3_ENDPOINT, CAUSEWAY_DATABASE_URL],
      ['nats://causeway-nats:4222', 'http://causeway-minio:9000', 'postgres://causeway@causeway-postgres-rw:5432/causeway'],
    );
  });

  test('have exact versions', async () => {
    for (const { name, version } of (await readChartFile()).dependencies) assert.match(version, /^\d+\.\d+\.\d+$/, name);
  });

  test('are not chosen by the selectors of the gateway, whatever their release', () => {
    for (const one of deploymentsOf(rendered.get('everything')!))
      assert.equal(one.spec.selector.matchLabels['app.kubernetes.io/name'], 'causeway');
  });
});
