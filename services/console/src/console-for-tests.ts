// A console for tests: real PostgreSQL, a recording bus, requests without a socket.
import { createHash, randomBytes } from 'node:crypto';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { RecordingBus } from '@causeway/shared/bus/recording-bus-for-tests';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { insertSession, insertUser, type UserRights } from '@causeway/shared/database/accounts';
import { type Database, openDatabase } from '@causeway/shared/database/database';
import { migrate } from '@causeway/shared/database/migrate';
import { ObjectMissing } from '@causeway/shared/errors';
import { createLogger } from '@causeway/shared/logger';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { type PostgresForTests, startPostgres } from '../../../test-e2e/src/postgres-for-tests.ts';
import { buildConsole } from './build-console.ts';
import type { ConsoleParts } from './console-parts.ts';
import { hashPassword } from './password-hash.ts';

export const TEST_PASSWORD = 'correct horse battery';
export const log = createLogger('console', 'silent');

export const TEST_DOCUMENT = {
  facilities: [
    { id: 'north', name: 'North Imaging', match: [{}], destinations: ['cloud'] },
    { id: 'ms44', name: 'Medical Site 44', match: [{ calledAe: 'MS44' }], destinations: ['pacs'] },
  ],
  destinations: [
    { id: 'cloud', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' },
    { id: 'pacs', kind: 'dimse', host: '127.0.0.1', port: 1, calledAe: 'PACS' },
  ],
  retrieval: { sources: [{ id: 'archive', url: 'http://127.0.0.1:1/dicom-web' }] },
};

type Request = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown) => Promise<LightMyRequestResponse>;

export interface TestConsole {
  readonly app: FastifyInstance;
  readonly bus: RecordingBus;
  readonly queues: Pick<DeliveryQueues, 'publish'>;
  readonly database: Database;
  readonly postgres: PostgresForTests;
  /** The reply to a request of the signed-in admin, with the header against CSRF. */
  readonly request: Request;
  /** Makes the user, if it is not there, and asks in a session of it. */
  as(name: string, rights: UserRights): Promise<Request>;
  signIn(password?: string, remoteAddress?: string): Promise<LightMyRequestResponse>;
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startTestConsole(overrides: Partial<ConsoleParts> = {}): Promise<TestConsole> {
  const postgres = await startPostgres();
  const database = openDatabase(postgres.url);
  await migrate(database);
  const bus = new RecordingBus();
  const document = parseGatewayDocument(TEST_DOCUMENT);
  const newQueues = () => new DeliveryQueues({ bus, document: () => document, now: () => performance.now() });
  let present = newQueues();
  const queues: TestConsole['queues'] = { publish: (event, messageId) => present.publish(event, messageId) };
  const parts: ConsoleParts = {
    database,
    bus,
    queues,
    log,
    revision: () => ({ revision: 1, document }),
    configurationProblem: () => undefined,
    dicomPort: 4104,
    services: {},
    store: { get: async (key) => Promise.reject(new ObjectMissing(`object ${key} is not in the store`)) },
    ...overrides,
  };
  const app = await buildConsole(parts);
  const hash = await hashPassword(TEST_PASSWORD);
  let cookie: string | undefined;
  const asking =
    (cookie: string): Request =>
    (method, url, body) => {
      const headers = { ...(method === 'GET' ? {} : CHANGING), cookie };
      return app.inject({ method, url, headers, payload: body as object | undefined });
    };
  const signIn: TestConsole['signIn'] = (password = TEST_PASSWORD, remoteAddress = '127.0.0.1') =>
    app.inject({ method: 'POST', url: '/api/session', headers: CHANGING, payload: { user: 'admin', password }, remoteAddress });
  return {
    app,
    bus,
    queues,
    database,
    postgres,
    signIn,
    request: async (method, url, body) => {
      cookie ??= cookieOf(await signIn());
      return asking(cookie)(method, url, body);
    },
    as: async (name, rights) => {
      await insertUser(database, { name, passwordHash: hash, mustChangePassword: false, ...rights });
      const token = randomBytes(32).toString('base64url');
      const tokenHash = createHash('sha256').update(token).digest('hex');
      await insertSession(database, { tokenHash, userName: name, seconds: 3600 });
      return asking(`causeway_session=${token}`);
    },
    clear: async () => {
      // Many small partitions: emptying them takes longer than deleting a few rows.
      for (const table of ['instances', 'deliveries']) await database.query(`DELETE FROM ${table}`);
      await database.query(`TRUNCATE conflicts, facility_studies, commitments, associations, studies, series, retrievals, destination_states, operator_actions,
        configuration_revisions, sessions, api_tokens, sign_in_refusals, users`);
      await insertUser(database, { name: 'admin', passwordHash: hash, mustChangePassword: false, ...ADMINISTRATOR });
      cookie = undefined;
      bus.published.length = 0;
      bus.facts.length = 0;
      bus.queues.clear();
      present = newQueues();
      bus.refusing = false;
    },
    stop: async () => {
      await app.close();
      await database.close();
      await postgres.stop();
    },
  };
}

const CHANGING = { 'x-requested-with': 'causeway' };

export const ADMINISTRATOR = { role: 'administrator', allFacilities: true, facilities: [] } as const;

export const cookieOf = (reply: LightMyRequestResponse): string => String(reply.headers['set-cookie']).split(';')[0]!;
