// Puts one destination together: sender, worker, and the queues of its lanes and facilities.
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import { type QueueName, QueuesOnDemand } from '@causeway/shared/bus/queues-on-demand';
import type { SubjectWatch } from '@causeway/shared/bus/subject-watch';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import type { associate } from '@causeway/shared/dicom/dimse/scu';
import { describeError } from '@causeway/shared/errors';
import { type Delivery, deliveryDue } from '@causeway/shared/events/delivery';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import type { AwaitedCommitments } from './awaited-commitments.ts';
import { Batcher } from './batcher.ts';
import type { Clock, FlowState } from './circuit-breaker.ts';
import { Attempts } from './delivery-attempt.ts';
import { destinationFact } from './delivery-facts.ts';
import type { DeliveryRecords } from './delivery-records.ts';
import type { ServeDestination, ServedDestination } from './destination-roster.ts';
import type { DestinationContext, DestinationSettings } from './destination-settings.ts';
import type { DestinationShare } from './destination-share.ts';
import { DestinationWorker, type WaitingParcel } from './destination-worker.ts';
import { GivenBack } from './given-back.ts';
import { IdenticalCopies } from './identical-copies.ts';
import { allotInHand } from './in-hand.ts';
import type { WantedForm } from './object-choice.ts';
import type { Pace } from './pace.ts';
import type { SendLimits } from './send-limits.ts';
import type { Sender } from './sender.ts';
import { traced } from './traced-worker.ts';
import { reportUnreadable, upload } from './upload.ts';
import type { DestinationMetrics, UploadMetrics } from './upload-metrics.ts';
import { type CommitmentServices, waysTo } from './ways-to-destination.ts';

export interface ServeParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly records: DeliveryRecords;
  readonly share: DestinationShare;
  readonly limits: SendLimits;
  /** Of DELIVERIES, by `deliveryKey`. */
  readonly watch: SubjectWatch;
  /** Of a facility, where several compete. */
  readonly weightOf: (facility: string) => number;
  /** The queues of each destination, for metrics. */
  readonly inUse: Set<{ readonly size: number }>;
  readonly readSecret: SecretReader;
  readonly associate: typeof associate;
  readonly commitment: CommitmentServices;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: UploadMetrics;
  readonly log: Logger;
}

/** The delays are carried by the errors, which know the attempts; this is the least one, for what nobody foresaw (a store or broker away). */
const LEAST_RETRY_DELAY_MS = 1_000;
/** Of retry.max: questions for a commitment wait up to a quarter longer. */
const LONGEST_OF_MAX = 1.25;

/** What names the destination in its subjects: so many tokens. */
export const DELIVERY_KEY_TOKENS = 3;
const deliveryKey = (destination: string): string => `delivery.due.${destination}`;

type ServedParts = ServeParts & { readonly givenBack: GivenBack };

export function servingWith(parts: ServeParts): ServeDestination {
  const givenBack = new GivenBack();
  return (settings, context) => serve(settings, context, { ...parts, givenBack });
}

async function serve(
  settings: DestinationSettings,
  { titles, coercion }: DestinationContext,
  parts: ServedParts,
): Promise<ServedDestination> {
  const { clock, random, store, weightOf } = parts;
  const metrics = parts.metrics.of(settings.id);
  const form: WantedForm = { ...settings, isCoerced: coercion.rules.length > 0 };
  const waiting = new Batcher<WaitingParcel>(weightOf);
  const slots = (): number => parts.share.slots(settings.id, settings.concurrency);
  const upcoming = (): Delivery[] => waiting.upcoming().map(({ delivery }) => delivery);
  const paceOf = (delivery: Delivery): Pace => parts.limits.paceOf(delivery);
  const attemptsBy = (sender: Sender): Attempts => new Attempts({ form, coercion, store, sender, clock, paceOf });
  const { sender, attempts, commitments } = waysTo(settings, titles, { ...parts, upcoming, slots, attemptsBy });
  const regulate = (): void => (worker.state !== 'paused' && slots() > 0 ? queues.resume() : queues.pause());
  const onFlow = (state: FlowState, reason?: string): void => {
    regulate();
    announce(settings.id, { state, reason }, parts);
  };
  const worker: DestinationWorker = new DestinationWorker({
    ...{ settings, slots, sender, waiting, clock, random, metrics, onFlow },
    mayBegin: (lane) => parts.limits.isOpen(settings.id, lane),
    attempt: (batch) => attempts.send(batch),
  });
  const copies = new IdenticalCopies({ records: parts.records, settings, rules: coercion.rules });
  const queues = queuesOf({ settings, form, worker, metrics, copies, commitments }, parts);
  await parts.bus.publishFact(destinationFact(settings.id, 'open'));
  const sharing = parts.share.onChange(() => {
    regulate();
    worker.slotsChanged();
  });
  const window = parts.limits.onWindow(() => {
    queues.review();
    worker.windowChanged();
  });
  regulate();
  const watching = parts.watch.follow(deliveryKey(settings.id), queues);
  parts.inUse.add(queues);
  return {
    stop: async () => {
      for (const { stop } of [sharing, window, watching]) stop();
      queues.pause();
      await worker.stop();
      await queues.stop();
      parts.inUse.delete(queues);
      metrics.remove();
    },
    abort: () => worker.abort(),
  };
}

interface Serving {
  readonly settings: DestinationSettings;
  readonly form: WantedForm;
  readonly worker: DestinationWorker;
  readonly metrics: DestinationMetrics;
  readonly copies: IdenticalCopies;
  readonly commitments: AwaitedCommitments | undefined;
}

/** A durable consumer for each lane and facility with work. */
function queuesOf(serving: Serving, parts: ServedParts): QueuesOnDemand {
  const { id } = serving.settings;
  const consumerName = ({ lane, facility }: QueueName): string => `uploader_${id}_${lane}_${facility}`;
  return new QueuesOnDemand({
    ...{ bus: parts.bus, log: parts.log, stream: 'DELIVERIES', consumerName },
    mayTake: ({ lane }) => parts.limits.isOpen(id, lane),
    consume: (queue, concurrency) => consumeQueue({ queue, name: consumerName(queue), concurrency }, serving, parts),
    allot: (queues) =>
      allotInHand(
        serving.settings,
        queues.map(({ facility }) => parts.weightOf(facility)),
      ),
  });
}

async function consumeQueue(
  { queue, name, concurrency }: { queue: QueueName; name: string; concurrency: number },
  serving: Serving,
  parts: ServedParts,
): Promise<Consumption> {
  return await parts.bus.consume(
    {
      ...{ stream: 'DELIVERIES', name, concurrency },
      filter: queue.subject,
      // Until 0.1.0 a destination had one for each lane, over all facilities.
      replaces: [`uploader-${serving.settings.id}-${queue.lane}`],
      schema: deliveryDue,
      retryDelayMs: () => LEAST_RETRY_DELAY_MS,
      longestDelayMs: serving.settings.retry.max * LONGEST_OF_MAX,
      onPermanent: (failure) => reportUnreadable(failure, parts),
    },
    (message) => upload(message, { ...parts, ...serving, worker: traced(serving.worker, serving.settings) }),
  );
}

/** Best effort: that a fact about the destination is late or lost must not hold up images. */
function announce(destination: string, flow: { state: FlowState; reason: string | undefined }, { bus, log }: ServeParts): void {
  const { state, reason } = flow;
  log.info({ destination, state, reason }, 'destination changed');
  if (state === 'probing') return;
  void bus.publishFact(destinationFact(destination, state === 'paused' ? 'paused' : 'open', reason)).catch((error) => {
    log.warn({ destination, reason: describeError(error) }, 'the change of the destination could not be published');
  });
}
