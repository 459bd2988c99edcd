// A long queue for one destination, made without sending: objects, their due deliveries in JetStream and in the ledger, as if they had been received and routed.

import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Bus } from '@causeway/shared/bus/bus';
import { connectBus } from '@causeway/shared/bus/nats-bus';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { deliverySubject } from '@causeway/shared/events/flow';
import { createLogger } from '@causeway/shared/logger';
import { memoryStore, newDelivery } from '../../services/uploader/src/deliveries-for-tests.ts';
import type { GatewayUnderTest } from './gateway-under-test.ts';

/** Of the gateway's streams: it has to be started with the same. */
export const STREAM_BYTES = 8_000_000_000;
/** Publications under way. */
const AT_A_TIME = 64;

/** The gateway's own broker, as one of its services sees it. */
export async function busOf(gateway: GatewayUnderTest): Promise<Bus> {
  const ports = JSON.parse(readFileSync(join(gateway.dataFolder, 'run', 'ports.json'), 'utf8')) as { nats: number };
  const password = readFileSync(join(gateway.dataFolder, 'secrets', 'nats-password'), 'utf8').trim();
  const sizing = { replicas: 1, totalBytes: STREAM_BYTES };
  return connectBus({
    name: 'test',
    url: `nats://127.0.0.1:${ports.nats}`,
    user: 'causeway',
    password,
    sizing,
    log: createLogger('test', 'error'),
  });
}

/** Resolves when all are acknowledged. */
export async function queueBacklog(
  gateway: GatewayUnderTest,
  bus: Bus,
  backlog: { destination: string; instances: number },
): Promise<void> {
  let left = backlog.instances;
  const one = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await queueOne(gateway, bus, backlog.destination);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, one));
}

async function queueOne(gateway: GatewayUnderTest, bus: Bus, destination: string): Promise<void> {
  const store = memoryStore();
  const { dataSet: _, ...made } = newDelivery(store, { destination, edge: 8 });
  const delivery = { ...made, facility: 'main' };
  for (const [key, bytes] of store.objects) {
    const file = join(gateway.dataFolder, 'objects', key);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
  }
  const event = { ...newEnvelope(0, 'main'), type: 'delivery.due', delivery } as const;
  await bus.publish(event, { subject: deliverySubject(destination, 'routine', 'main'), messageId: delivery.id, timeoutMs: 60_000 });
  await bus.publishFact({ ...newEnvelope(0, 'main'), type: 'ledger.delivery.due', delivery });
}
