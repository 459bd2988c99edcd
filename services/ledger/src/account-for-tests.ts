// A ledger's account over a real nats-server, and instances that live through everything in it.
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import type { NatsServer } from '@causeway/shared/bus/nats-server-for-tests';
import type { Database } from '@causeway/shared/database/database';
import { confirmedFact, receivedFact, routedFact, sampleDelivery, sampleInstance } from '@causeway/shared/database/facts-for-tests';
import { LEDGER_CONSUMER } from '@causeway/shared/events/flow';
import { createLogger } from '@causeway/shared/logger';
import { until } from '../../../test-e2e/src/wait-for-fact.ts';
import { account } from './account.ts';

export const log = createLogger('ledger', 'silent');

export const connectForTests = (nats: NatsServer): Promise<Bus> =>
  connectBus({ name: 'test', url: nats.url, sizing: { replicas: 1, totalBytes: 256 * 1024 ** 2 }, log });

export const accountForTests = (bus: Bus, database: Database): Promise<Consumption> =>
  account({ bus, database, log, metrics: { written: () => {}, leftBehind: () => {}, conflicting: () => {} } });

/** Received, routed, confirmed; resolves when all is written. */
export async function live(bus: Bus, study: number, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const instance = sampleInstance(study, n);
    await bus.publishFact(receivedFact(instance, n));
    await bus.publishFact(routedFact(instance, n, { to: ['cloud'] }));
    await bus.publishFact(confirmedFact(sampleDelivery(instance, 'cloud'), n));
  }
  await until('all facts are written', async () => (await bus.unacknowledged('FACTS', LEDGER_CONSUMER)) === 0);
}
