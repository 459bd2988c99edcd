// Builds the ledger from its real parts and starts it.
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { openDatabase } from '@causeway/shared/database/database';
import { databaseAddress } from '@causeway/shared/database/database-address';
import { measuredDatabase } from '@causeway/shared/database/measured-database';
import { migrateForEver } from '@causeway/shared/database/migrate';
import { runService } from '@causeway/shared/run-service';
import { account } from './account.ts';
import { ClockGuard } from './clock-guard.ts';
import { keepCommitting, takeCommitments } from './commit.ts';
import { ledgerMetrics } from './ledger-metrics.ts';
import { keepRoom } from './make-room.ts';
import { keepReleasing } from './release.ts';
import { keepFailingRemoved } from './removed-destinations.ts';
import { keepRequeuing } from './requeue.ts';
import { keepSettling } from './settle.ts';
import { keepUp } from './upkeep.ts';

await runService('ledger', async ({ bus, store, log, meter, configuration, environment }) => {
  const address = databaseAddress(environment, 'the ledger writes to PostgreSQL');
  const database = measuredDatabase(openDatabase(address), meter);
  const timing = { graceMs: environment.CAUSEWAY_GRACE_MS, everyMs: environment.CAUSEWAY_UPKEEP_MS };
  const metrics = ledgerMetrics(meter, { bus, database });
  // Not waited for: with PostgreSQL away the service runs, says so in its health, and the facts come back until it is there.
  const stopMigrating = new AbortController();
  let schemaReady = false;
  const migrated = migrateForEver(address, log, stopMigrating.signal).then((done) => {
    schemaReady = done;
    return done;
  });
  const consumption = await account({ bus, database, log, metrics });
  const document = () => configuration.current()?.document;
  const queues = new DeliveryQueues({ bus, document, now: () => performance.now() });
  const clock = new ClockGuard({ now: () => Date.now(), steady: () => performance.now() });
  const rowsKeptMs = environment.CAUSEWAY_LEDGER_DAYS * 86_400_000;
  const upkeep = migrated.then((done) =>
    done ? keepUp({ bus, queues, store, database, log, metrics, configuration, timing, clock, rowsKeptMs }) : undefined,
  );
  // A database restored from an older copy says of delivered work that it is parked, held or due.
  const caughtUp = upkeep.then((up) => up?.caughtUpOnce ?? false);
  const settling = upkeep.then((up) => (up ? keepSettling({ bus, database, document, caughtUp: up.caughtUp, log, metrics }) : undefined));
  const makingRoom = caughtUp.then((done) => (done ? keepRoom({ bus, store, database, log, metrics, document }) : undefined));
  const releasing = caughtUp.then((done) => (done ? keepReleasing({ bus, database, log, configuration }) : undefined));
  const requeuing = caughtUp.then((done) => (done ? keepRequeuing({ bus, queues, database, document, log, metrics }) : undefined));
  const failing = caughtUp.then((done) =>
    done ? keepFailingRemoved({ bus, database, revision: () => configuration.current(), log }) : undefined,
  );
  const commitments = await takeCommitments({ bus, store, database, log, configuration });
  const committing = migrated.then((done) => (done ? keepCommitting({ bus, store, database, log, configuration }) : undefined));
  return {
    checks: {
      database: () => database.probe(),
      schema: () => {
        if (!schemaReady) throw new Error('the database is not migrated yet: see the log');
      },
    },
    drain: async () => {
      stopMigrating.abort();
      await consumption.stop();
      await commitments.stop();
      await (await committing)?.stop();
      await (await upkeep)?.stop();
      await (await settling)?.stop();
      await (await makingRoom)?.stop();
      await (await releasing)?.stop();
      await (await requeuing)?.stop();
      await (await failing)?.stop();
      await database.close();
    },
  };
});
