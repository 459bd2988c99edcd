// Starts the router: three durable consumers of READY, one a lane, so that stat work never waits behind the rest.
import type { Bus, ConsumerPlan } from '@causeway/shared/bus/bus';
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import type { RouteDecision } from '@causeway/shared/config/decide-route';
import { type InstanceReady, instanceReady, type Lane, lanes } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import { runService, type ServiceContext } from '@causeway/shared/run-service';
import { type Parked, quarantine, type RouteParts, route } from './route.ts';
import { createStudyEndpoints, STUDY_ENDPOINTS_BUCKET, STUDY_ENDPOINTS_MAX_AGE_MS } from './study-endpoints.ts';

/** Instances decided at a time; each waits for acknowledgements of JetStream, not for the processor. */
const CONCURRENCY: Record<Lane, number> = { stat: 32, routine: 32, prior: 8 };

await runService('router', async (context) => {
  const { bus, configuration } = context;
  const parts = await buildParts(context);
  const consumptions = await Promise.all(
    lanes.map((lane) => bus.consume(planOf(bus, context.log, lane), (message) => route(parts, message))),
  );
  return {
    checks: {
      configuration: () => {
        if (configuration.current() === undefined) throw new Error('no gateway document has been published yet');
      },
    },
    drain: async () => void (await Promise.all(consumptions.map((consumption) => consumption.stop()))),
  };
});

async function buildParts({ bus, store, configuration, meter }: ServiceContext): Promise<RouteParts> {
  const bucket = await bus.bucket(STUDY_ENDPOINTS_BUCKET, { maxAgeMs: STUDY_ENDPOINTS_MAX_AGE_MS });
  const routed = meter.createCounter('causeway_router_instances', {
    description: 'Instances routed, by outcome: sent, or the reason why they are held',
  });
  const due = meter.createCounter('causeway_router_deliveries', { description: 'Due deliveries published' });
  const parked = meter.createCounter('causeway_router_deliveries_parked', {
    description: 'Due deliveries that no queue had room for, by destination and reason',
  });
  return {
    bus,
    queues: new DeliveryQueues({ bus, document: () => configuration.current()?.document, now: () => performance.now() }),
    store,
    revision: () => configuration.current(),
    studies: createStudyEndpoints(bucket),
    count: ({ held, deliveries }: RouteDecision, notQueued: readonly Parked[]) => {
      routed.add(1, { outcome: held?.reason ?? 'sent' });
      due.add(deliveries.length - notQueued.length);
      for (const { delivery, reason } of notQueued) parked.add(1, { destination: delivery.destination, reason });
    },
  };
}

function planOf(bus: Bus, log: Logger, lane: Lane): ConsumerPlan<InstanceReady> {
  return {
    stream: 'READY',
    name: `router-${lane}`,
    filter: `instance.ready.${lane}.>`,
    schema: instanceReady,
    concurrency: CONCURRENCY[lane],
    onPermanent: async ({ body, error }) => {
      const event = instanceReady.safeParse(body);
      // Without a readable instance there is nothing to tell the ledger: the object is in the store, and reconciliation finds it there.
      if (event.success) await quarantine(bus, event.data, error);
      else
        log.error(
          { issues: event.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`) },
          'a message of READY is not an instance.ready',
        );
    },
  };
}
