// deploy/compose as far as it can be judged without containers: both files are valid, name only what exists, keep every container confined, and the brokers and balancers take their configurations.
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { natsServerProgram } from '@causeway/shared/bus/nats-server-for-tests';
import { parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
import { serviceEnvironment } from '@causeway/shared/config/service-environment';
import { parse } from 'yaml';
import { ROOT } from './gateway-under-test.ts';
import { until } from './wait-for-fact.ts';

interface Container {
  readonly command?: string[];
  readonly environment?: Record<string, string>;
  readonly read_only?: boolean;
  readonly cap_drop?: string[];
  readonly security_opt?: string[];
  readonly secrets?: (string | { source: string })[];
  readonly networks?: Record<string, unknown> | string[];
  readonly healthcheck?: object;
  readonly stop_grace_period?: string;
}

const SERVICES = ['receiver', 'compressor', 'router', 'uploader', 'retriever', 'ledger', 'console'];
const folder = mkdtempSync(join(tmpdir(), 'causeway-compositions-'));

before(() => {
  // Not the secrets and settings of somebody who runs it here.
  cpSync(join(ROOT, 'deploy/compose'), folder, { recursive: true, filter: (path) => !/\/(secrets|\.env)$/.test(path) });
  for (const kind of ['single', 'ha'])
    execFileSync('sh', [join(folder, 'make-secrets.sh'), join(folder, kind, 'secrets'), '127.0.1.1', '127.0.1.2', '127.0.1.3']);
  cpSync(join(folder, 'ha/.env.example'), join(folder, 'ha/.env'));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const read = new Map<string, Record<string, Container>>();

/** As docker-compose understands it, variables filled in. */
function composition(kind: string): Record<string, Container> {
  const known = read.get(kind);
  if (known) return known;
  const text = execFileSync('docker-compose', ['--profile', 'trial', '--profile', 'backup', '--profile', 'watch', 'config'], {
    cwd: join(folder, kind),
    encoding: 'utf8',
  });
  const { services } = parse(text) as { services: Record<string, Container> };
  read.set(kind, services);
  return services;
}

for (const kind of ['single', 'ha'])
  describe(`the composition ${kind}`, () => {
    it('is valid, and runs every service', () => {
      const commands = Object.values(composition(kind)).map(({ command }) => command?.[0]);
      for (const service of SERVICES) assert.ok(commands.includes(service), service);
    });

    it('gives services only variables that there are, with values that they take', () => {
      for (const [name, { command, environment = {} }] of Object.entries(composition(kind))) {
        if (!SERVICES.includes(command?.[0] ?? '')) continue;
        const unknown = Object.keys(environment).filter((key) => !(key in serviceEnvironment.shape));
        assert.deepEqual(unknown, [], name);
        serviceEnvironment.parse(environment);
        const services = environment.CAUSEWAY_SERVICES;
        if (services !== undefined) assert.ok(Object.keys(JSON.parse(services) as object).length >= 6);
      }
    });

    it('takes every password and key from a file, and mounts each that it names', () => {
      for (const [name, { command, environment = {}, secrets = [] }] of Object.entries(composition(kind))) {
        if (!SERVICES.includes(command?.[0] ?? '')) continue;
        const mounted = secrets.map((secret) => (typeof secret === 'string' ? secret : secret.source));
        const named = Object.values(environment).flatMap((value) =>
          [...String(value).matchAll(/\/run\/secrets\/([\w.-]+)/g)].map(([, file]) => file!),
        );
        assert.deepEqual([...new Set(named)].sort(), [...mounted].sort(), name);
      }
      assert.doesNotMatch(readFileSync(join(folder, kind, 'docker-compose.yml'), 'utf8'), /PASSWORD: |SECRET_KEY: (?!file:)/);
    });

    it('confines what runs our image: read-only, without capabilities, no way to more rights, time to drain', () => {
      for (const [name, container] of Object.entries(composition(kind))) {
        if (!SERVICES.includes(container.command?.[0] ?? '')) continue;
        assert.equal(container.read_only, true, name);
        assert.deepEqual(container.cap_drop, ['ALL'], name);
        assert.ok(container.security_opt?.includes('no-new-privileges:true'), name);
        const graceMs =
          Number(
            /^(?:(\d+)m)?(?:(\d+)s)?$/
              .exec(container.stop_grace_period!)!
              .slice(1)
              .reduce((sum, part, at) => sum + Number(part ?? 0) * (at === 0 ? 60 : 1), 0),
          ) * 1000;
        assert.ok(graceMs > Number(container.environment?.CAUSEWAY_DRAIN_MS) + 3_000, `${name}: killed before it has drained`);
      }
    });

    it('mounts no file of the project that is not there', () => {
      const text = readFileSync(join(folder, kind, 'docker-compose.yml'), 'utf8');
      const mounted = [...text.matchAll(/'(\.\.?\/[^:']+):[^']*:ro'/g)]
        .map(([, path]) => path!)
        .filter((path) => !/^\.\/(secrets|certificates)/.test(path));
      assert.ok(mounted.length > 2);
      for (const path of mounted) assert.ok(existsSync(join(ROOT, 'deploy/compose', kind, path)), path);
    });

    it('begins with a gateway document that holds, whose receivers are told who the modality is', () => {
      const document = parseGatewayDocument(readGatewayDocument(readFileSync(join(folder, kind, 'gateway.yaml'), 'utf8')));
      assert.ok(document.listeners.length > 0 && document.listeners.every(({ proxyProtocol }) => proxyProtocol));
    });

    it('has a balancer that takes its configuration', () => {
      const text = readFileSync(join(folder, kind, 'haproxy.cfg'), 'utf8').replaceAll('/run/secrets/', `${join(folder, kind, 'secrets')}/`);
      const file = join(folder, kind, 'haproxy-here.cfg');
      writeFileSync(file, text);
      const env = { ...process.env, FRONT: '*', NODE_ADDRESS: '127.0.1.1', NODE_1: '127.0.1.1', NODE_2: '127.0.1.2', NODE_3: '127.0.1.3' };
      execFileSync('haproxy', ['-c', '-f', file], { env, stdio: 'pipe' });
      assert.match(text, /send-proxy-v2/);
      assert.doesNotMatch(text, /^[^#]*shutdown-sessions/m);
    });
  });

/** nats-server with the file of the composition: paths of a container become paths of a folder, names of machines addresses. */
function startNats(kind: string, name: string, env: Record<string, string>): ChildProcess {
  const place = join(folder, 'nats', name);
  for (const path of ['etc/causeway', 'run', 'data']) mkdirSync(join(place, path), { recursive: true });
  symlinkSync(join(folder, kind, 'secrets'), join(place, 'run/secrets'));
  const text = readFileSync(join(folder, kind, 'nats.conf'), 'utf8')
    .replaceAll('"/run/secrets/', `"${place}/run/secrets/`)
    .replace('"/data"', `"${place}/data"`)
    .replace('"0.0.0.0:4222"', '"127.0.1.4:4222"')
    .replace('"0.0.0.0:8222"', '"127.0.1.4:8222"')
    .replaceAll(/nats-route:\/\/nats-([123])/g, 'nats-route://127.0.1.$1');
  const file = join(place, 'etc/causeway/nats.conf');
  writeFileSync(file, text);
  return spawn(natsServerProgram(), ['--config', file], { cwd: place, env: { ...process.env, ...env }, stdio: 'ignore' });
}

const isHealthy = async (address: string): Promise<boolean> => (await fetch(`http://${address}:8222/healthz`)).ok;

describe('what watches the composition single', () => {
  it('asks every service, and every other container of it that Prometheus knows', () => {
    const { scrape_configs } = parse(readFileSync(join(ROOT, 'deploy/observability/prometheus.yaml'), 'utf8')) as {
      scrape_configs: { dns_sd_configs?: { names: string[]; port: number }[] }[];
    };
    const asked = scrape_configs.flatMap(({ dns_sd_configs = [] }) => dns_sd_configs);
    const names = asked.flatMap(({ names }) => names);
    const containers = composition('single');
    const services = Object.entries(containers).filter(([, { command }]) => SERVICES.includes(command?.[0] ?? ''));
    assert.deepEqual(
      services.map(([name]) => name).filter((name) => !names.includes(name)),
      [],
    );
    assert.deepEqual(
      names.filter((name) => !(name in containers)),
      // The name that several receivers would have together.
      ['receiver'],
    );
    assert.ok(existsSync(join(ROOT, 'deploy/observability/alerts.yaml')));
  });
});

describe('the brokers of the compositions', () => {
  const running: ChildProcess[] = [];
  after(() => {
    for (const child of running) child.kill('SIGKILL');
  });

  it('one: starts with its secrets, encrypted at rest', async () => {
    running.push(startNats('single', 'one', {}));
    await until('it is healthy', () => isHealthy('127.0.1.4'));
    const { config } = (await (await fetch('http://127.0.1.4:8222/jsz')).json()) as { config: { max_storage: number } };
    assert.equal(config.max_storage, 9 * 1024 ** 3);
    assert.equal(((await (await fetch('http://127.0.1.4:8222/varz')).json()) as { auth_required: boolean }).auth_required, true);
  });

  it('three: find each other by TLS with certificates of the cluster, and elect a leader', async () => {
    for (const node of ['1', '2', '3']) {
      const address = `127.0.1.${node}`;
      const listening = { LISTEN_CLIENTS: `${address}:4222`, LISTEN_ROUTES: `${address}:6222`, LISTEN_MONITOR: `${address}:8222` };
      const advertised = { ADVERTISE_CLIENTS: `nats-${node}:4222`, ADVERTISE_ROUTES: `${address}:6222` };
      running.push(
        startNats('ha', `ha-${node}`, { SERVER_NAME: `nats-${node}`, MAX_FILE_STORE: '1000000000', ...listening, ...advertised }),
      );
    }
    for (const node of [1, 2, 3]) await until(`nats-${node} is healthy`, () => isHealthy(`127.0.1.${node}`));
    const { tls_required, cluster } = (await (await fetch('http://127.0.1.1:8222/varz')).json()) as {
      tls_required: boolean;
      cluster: { tls_verify: boolean };
    };
    assert.deepEqual([tls_required, cluster.tls_verify], [true, true]);
  });
});
