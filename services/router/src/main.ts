// Starts the router: a durable consumer of READY for each lane and facility with work, so that stat work never waits behind the rest, nor a facility behind another's flood.
import { DeliveryQueues } from '@causeway/shared/bus/delivery-queues';
import { consumeByFacility, divideByWeight } from '@causeway/shared/bus/facility-queues';
import type { RouteDecision } from '@causeway/shared/config/decide-route';
import { facilityWeights } from '@causeway/shared/config/facility-weights';
import { instanceReady, type Lane } from '@causeway/shared/events/instance';
import { counter } from '@causeway/shared/metrics/instruments';
import { runService, type ServiceContext } from '@causeway/shared/run-service';
import { type Parked, quarantine, type RouteParts, route } from './route.ts';
import { createStudyEndpoints, STUDY_ENDPOINTS_BUCKET, STUDY_ENDPOINTS_MAX_AGE_MS } from './study-endpoints.ts';

/**
 * Instances decided at a time, those of a lane divided among its facilities by weight; each waits for acknowledgements of JetStream, not for the processor. They are
 * answered in the order in which they were asked for, so that places are shares of what is routed.
 */
const CONCURRENCY: Record<Lane, number> = { stat: 32, routine: 32, prior: 8 };

await runService('router', async (context) => {
  const { configuration } = context;
  const parts = await buildParts(context);
  const weightOf = facilityWeights(() => configuration.current()?.document);
  const consumption = consumeByFacility(
    context,
    {
      ...{ service: 'router', stream: 'READY', prefix: 'instance.ready', schema: instanceReady },
      allot: divideByWeight(CONCURRENCY, weightOf),
      onPermanent: (failure) => reportPermanent(failure, context),
    },
    (message) => route(parts, message),
  );
  return {
    checks: {
      configuration: () => {
        if (configuration.current() === undefined) throw new Error('no gateway document has been published yet');
      },
    },
    drain: () => consumption.stop(),
  };
});

async function buildParts({ bus, store, configuration, meter }: ServiceContext): Promise<RouteParts> {
  const bucket = await bus.bucket(STUDY_ENDPOINTS_BUCKET, { maxAgeMs: STUDY_ENDPOINTS_MAX_AGE_MS });
  const routed = counter(meter, 'causeway.router.instances');
  const due = counter(meter, 'causeway.router.deliveries');
  const parked = counter(meter, 'causeway.router.deliveries_parked');
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

/** Without a readable instance there is nothing to tell the ledger: the object is in the store, and reconciliation finds it there. */
async function reportPermanent({ body, error }: { body: unknown; error: Error }, { bus, log }: ServiceContext): Promise<void> {
  const event = instanceReady.safeParse(body);
  if (event.success) return await quarantine(bus, event.data, error);
  const issues = event.error.issues.map(({ path, code }) => `${path.join('.')}: ${code}`);
  log.error({ issues }, 'a message of READY is not an instance.ready');
}
