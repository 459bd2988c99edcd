// A whole gateway in containers: NATS with TLS and a password, PostgreSQL, an S3 server, all services and the sandbox archive, as a cluster would run them; secrets are files.
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@causeway/shared/bus/nats-server-for-tests';
import { makeCertificate } from '@causeway/shared/dicomweb/certificate-for-tests';
import { GenericContainer, Network, type StartedNetwork, type StartedTestContainer, Wait } from 'testcontainers';
import { until } from '../src/wait-for-fact.ts';
import { type ForeignImageName, imageFor } from './foreign-images.ts';
import { LABEL, networkPrefix } from './leftovers.ts';

export const SERVICES = ['receiver', 'compressor', 'router', 'uploader', 'retriever', 'ledger', 'console'] as const;
type ServiceName = (typeof SERVICES)[number];
export type ContainerName = ServiceName | 'sandbox' | 'nats' | 'postgres' | 's3';

/** Of one service: what one needs to pass objects of any size through it. */
export const MEMORY_BYTES = 256 * 1024 ** 2;
const USER = 'causeway';
const PASSWORD = 'secret-of-the-test';
const SECRETS = '/run/secrets';
const OBJECTS = { CAUSEWAY_OBJECT_STORE: 's3:gateway', CAUSEWAY_S3_ENDPOINT: 'http://s3:9000', CAUSEWAY_S3_ACCESS_KEY: USER };

const RUN = process.env.CAUSEWAY_TEST_RUN ?? String(process.pid);

/** A container of the gateway's image: not root, nothing of its file system written but /tmp and the volume /spool. */
class GatewayContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.hostConfig.ReadonlyRootfs = true;
    this.hostConfig.Memory = MEMORY_BYTES;
    this.hostConfig.MemorySwap = MEMORY_BYTES;
    this.withTmpFs({ '/tmp': 'rw,size=64m' }).withDroppedCapabilities('ALL').withSecurityOpt('no-new-privileges');
  }
}

export class ContainerizedGateway {
  readonly #folder: string;
  readonly #network: StartedNetwork;
  readonly #containers = new Map<ContainerName, StartedTestContainer>();
  readonly ports: { readonly dicom: number; readonly http: number; readonly sandbox: number };

  private constructor(folder: string, network: StartedNetwork, ports: ContainerizedGateway['ports']) {
    this.#folder = folder;
    this.#network = network;
    this.ports = ports;
  }

  /** Resolves when page and API say that every service can do its work. `document`: of the gateway. */
  static async start(document: object): Promise<ContainerizedGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'causeway-containers-'));
    let count = 0;
    const network = await new Network({ nextUuid: () => `${networkPrefix(RUN)}${count++}` }).start();
    // Ports that stay the same when a container is started again.
    const ports = { dicom: await freePort(), http: await freePort(), sandbox: await freePort() };
    const gateway = new ContainerizedGateway(folder, network, ports);
    try {
      await gateway.#writeFiles(document);
      await gateway.#startAll();
      await gateway.untilReady();
    } catch (error) {
      await gateway.stop();
      throw error;
    }
    return gateway;
  }

  get pageUrl(): string {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get sandboxUrl(): string {
    return `http://127.0.0.1:${this.ports.sandbox}/dicom-web`;
  }

  readonly firstPassword = PASSWORD;

  container(name: ContainerName): StartedTestContainer {
    return this.#containers.get(name)!;
  }

  async untilReady(): Promise<void> {
    await until('the gateway is ready', async () => (await fetch(`${this.pageUrl}/health/ready`)).ok, 120_000);
  }

  /** What the service writes to standard output. */
  async logOf(name: ContainerName): Promise<string> {
    const parts: Buffer[] = [];
    const stream = await this.container(name).logs();
    return new Promise((resolve) => {
      stream.on('data', (part: Buffer) => parts.push(Buffer.from(part))).on('end', () => resolve(Buffer.concat(parts).toString()));
    });
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#containers.values()].map((container) => container.stop({ remove: true, removeVolumes: true, timeout: 0 })));
    await this.#network.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #writeFiles(document: object): Promise<void> {
    await chmod(this.#folder, 0o755);
    for (const name of ['nats', 'secrets']) await mkdir(join(this.#folder, name));
    const certificate = await makeCertificate(join(this.#folder, 'nats'), { name: 'server', hosts: ['nats'] });
    // Read by the user of the containers.
    await chmod(certificate.keyFile, 0o644);
    const write = (name: string, text: string | Buffer) => writeFile(join(this.#folder, ...name.split('/')), text);
    const tls = 'tls { cert_file: "/etc/nats/server.pem", key_file: "/etc/nats/server.key" }';
    await write(
      'nats/nats.conf',
      `http: 8222\njetstream { store_dir: "/data" }\n${tls}\nauthorization { user: ${USER}, password: "${PASSWORD}" }\n`,
    );
    await write('secrets/nats-ca.pem', certificate.cert);
    await write('secrets/password', `${PASSWORD}\n`);
    await write('secrets/gateway.json', JSON.stringify(document));
  }

  async #startAll(): Promise<void> {
    await Promise.all([
      this.#start('nats', (container) =>
        container
          .withBindMounts([{ source: join(this.#folder, 'nats'), target: '/etc/nats', mode: 'ro' }])
          .withCommand(['-c', '/etc/nats/nats.conf'])
          .withExposedPorts(8222)
          .withWaitStrategy(Wait.forHttp('/healthz', 8222)),
      ),
      this.#start('postgres', (container) =>
        container.withEnvironment({ POSTGRES_USER: USER, POSTGRES_DB: USER, POSTGRES_PASSWORD_FILE: `${SECRETS}/password` }),
      ),
      this.#start('s3', (container) =>
        container
          .withEnvironment({ MINIO_ROOT_USER: USER, MINIO_ROOT_PASSWORD: PASSWORD })
          .withCommand(['server', '/data'])
          .withExposedPorts(9000)
          .withWaitStrategy(Wait.forHttp('/minio/health/ready', 9000)),
      ),
      this.#start('sandbox', (container) =>
        container.withExposedPorts({ container: 8043, host: this.ports.sandbox }).withCommand(['sandbox']),
      ),
      ...SERVICES.map((name) => this.#start(name, (container) => this.#asService(container, name))),
    ]);
  }

  #asService(container: GenericContainer, name: ServiceName): GenericContainer {
    if (name === 'receiver') container.withExposedPorts({ container: 4104, host: this.ports.dicom });
    if (name === 'console') container.withExposedPorts({ container: 8080, host: this.ports.http }).withEnvironment(consoleEnvironment());
    return container.withCommand([name]).withEnvironment({
      ...OBJECTS,
      CAUSEWAY_S3_SECRET_KEY: `file:${SECRETS}/password`,
      CAUSEWAY_NATS_URL: 'tls://nats:4222',
      CAUSEWAY_NATS_CA: `${SECRETS}/nats-ca.pem`,
      CAUSEWAY_NATS_USER: USER,
      CAUSEWAY_NATS_PASSWORD_FILE: `${SECRETS}/password`,
      CAUSEWAY_DATABASE_URL: `postgres://${USER}@postgres:5432/${USER}`,
      CAUSEWAY_DATABASE_PASSWORD_FILE: `${SECRETS}/password`,
    });
  }

  async #start(name: ContainerName, describe: (container: GenericContainer) => GenericContainer): Promise<void> {
    const container = describe(emptyContainer(name))
      .withNetwork(this.#network)
      .withNetworkAliases(name)
      .withLabels({ [LABEL]: RUN });
    if (name !== 'nats') container.withBindMounts([{ source: join(this.#folder, 'secrets'), target: SECRETS, mode: 'ro' }]);
    this.#containers.set(name, await container.start());
  }
}

const FOREIGN: readonly ContainerName[] = ['nats', 'postgres', 's3'] satisfies ForeignImageName[];

function emptyContainer(name: ContainerName): GenericContainer {
  if (FOREIGN.includes(name)) return new GenericContainer(imageFor(name as ForeignImageName, process.env));
  const image = process.env.CAUSEWAY_IMAGE;
  if (!image) throw new Error('CAUSEWAY_IMAGE names no image: npm run test:containers builds it and runs these tests');
  // Whether it does its work is asked once all are there: some of them wait for others.
  return new GatewayContainer(image).withWaitStrategy(Wait.forLogMessage(/./));
}

/** The others, by the names that they have in the network. */
const consoleEnvironment = (): Record<string, string> => ({
  CAUSEWAY_CONFIG: `${SECRETS}/gateway.json`,
  CAUSEWAY_FIRST_PASSWORD_FILE: `${SECRETS}/password`,
  CAUSEWAY_SANDBOX_URL: 'http://sandbox:8043/dicom-web',
  CAUSEWAY_SERVICES: JSON.stringify(
    Object.fromEntries(SERVICES.filter((name) => name !== 'console').map((name) => [name, `http://${name}:9464`])),
  ),
});
