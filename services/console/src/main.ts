// Builds the console from its real parts and starts it.
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { openDatabase } from '@causeway/shared/database/database';
import { databaseAddress } from '@causeway/shared/database/database-address';
import { measuredDatabase } from '@causeway/shared/database/measured-database';
import { migrateForEver } from '@causeway/shared/database/migrate';
import { describeError } from '@causeway/shared/errors';
import { runService } from '@causeway/shared/run-service';
import { z } from 'zod';
import { ConfigurationApplier } from './apply-configuration.ts';
import { buildConsole } from './build-console.ts';
import { createFirstUser } from './first-user.ts';

const AGAIN_AFTER_MS = 2_000;
/** A person waits: with a database that froze the page says so after this and two seconds. */
const STATEMENT_TIMEOUT_MS = 8_000;
const serviceUrls = z.record(z.string(), z.url());

await runService('console', async ({ bus, log, meter, environment, configuration, store }) => {
  const postgres = databaseAddress(environment, 'the console reads from PostgreSQL');
  const services = serviceUrls.parse(JSON.parse(environment.CAUSEWAY_SERVICES ?? '{}'));
  const database = measuredDatabase(openDatabase(postgres, { statementTimeoutMs: STATEMENT_TIMEOUT_MS }), meter);
  const applier = new ConfigurationApplier({
    database,
    bus,
    log,
    revision: () => configuration.current(),
    file: environment.CAUSEWAY_CONFIG,
    sandboxUrl: environment.CAUSEWAY_SANDBOX_URL,
  });
  const stopping = new AbortController();
  let unready: string | undefined = 'the database is not migrated yet: see the log';
  const ready = prepare();
  const app = await buildConsole({
    database,
    bus,
    queues: new DeliveryQueues({ bus, document: () => configuration.current()?.document, now: () => performance.now() }),
    log,
    services,
    trustedProxies: environment.CAUSEWAY_HTTP_TRUSTED_PROXIES,
    store,
    space: store.freeBytes && (() => store.freeBytes!()),
    dicomPort: environment.CAUSEWAY_DICOM_PORT,
    revision: () => configuration.current(),
    configurationProblem: () => applier.problem,
    firstPasswordFile: environment.CAUSEWAY_FIRST_PASSWORD_FILE,
  });
  const address = await app.listen({ host: environment.CAUSEWAY_HTTP_HOST, port: environment.CAUSEWAY_HTTP_PORT });
  log.info({ address }, 'listening');

  // Not waited for: with PostgreSQL away the page is there and says so.
  async function prepare(): Promise<void> {
    const migrated = await migrateForEver(postgres, log, stopping.signal);
    if (!migrated) return;
    const createUser = () => createFirstUser(database, environment.CAUSEWAY_FIRST_PASSWORD_FILE, log).then(() => undefined, describeError);
    // Before the document is applied: whoever sees the gateway ready can sign in.
    unready = await createUser();
    applier.start();
    while (!stopping.signal.aborted && unready !== undefined) {
      log.warn({ reason: unready }, 'no first user yet, trying again');
      await new Promise((resolve) => setTimeout(resolve, AGAIN_AFTER_MS));
      unready = await createUser();
    }
  }

  return {
    checks: {
      database: () => database.probe(),
      prepared: () => {
        if (unready !== undefined) throw new Error(unready);
      },
    },
    drain: async () => {
      stopping.abort();
      await app.close();
      await ready;
      await applier.stop();
      await database.close();
    },
  };
});
