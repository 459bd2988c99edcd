// Puts one destination together: sender, worker, and a durable consumer for each lane.
import type { Bus, Consumption } from '@causeway/shared/bus/bus';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import type { associate } from '@causeway/shared/dicom/dimse/scu';
import { describeError } from '@causeway/shared/errors';
import { type Delivery, deliveryDue } from '@causeway/shared/events/delivery';
import { type Lane, lanes } from '@causeway/shared/events/instance';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { Batcher } from './batcher.ts';
import type { Clock, FlowState } from './circuit-breaker.ts';
import { Attempts } from './delivery-attempt.ts';
import { destinationFact } from './delivery-facts.ts';
import type { DeliveryRecords } from './delivery-records.ts';
import type { ServeDestination, ServedDestination } from './destination-roster.ts';
import type { CallingTitles, DestinationContext, DestinationSettings } from './destination-settings.ts';
import type { DestinationShare } from './destination-share.ts';
import { DestinationWorker, type WaitingParcel } from './destination-worker.ts';
import { createDimseSender } from './dimse-client.ts';
import { IdenticalCopies } from './identical-copies.ts';
import type { WantedForm } from './object-choice.ts';
import type { Pace } from './pace.ts';
import type { SendLimits } from './send-limits.ts';
import type { Sender, SenderParts } from './sender.ts';
import { createStowSender } from './stow-client.ts';
import { traced } from './traced-worker.ts';
import { reportUnreadable, upload } from './upload.ts';
import type { DestinationMetrics, UploadMetrics } from './upload-metrics.ts';

export interface ServeParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly records: DeliveryRecords;
  readonly share: DestinationShare;
  readonly limits: SendLimits;
  readonly readSecret: SecretReader;
  readonly associate: typeof associate;
  readonly clock: Clock;
  readonly random: () => number;
  readonly metrics: UploadMetrics;
  readonly log: Logger;
}

/** The delays are carried by the errors, which know the attempts; this is the least one, for what nobody foresaw (a store or broker away). */
const LEAST_RETRY_DELAY_MS = 1_000;
/** Messages in hand for each request that may run: the next batch is there when one ends. */
const BATCHES_IN_HAND = 2;
/** For DIMSE: enough to negotiate the contexts of what comes next in one association. */
const INSTANCES_IN_HAND = 32;
/** Per lane and destination; each is some kilobytes of event. */
const MAX_IN_HAND = 1_000;

export function servingWith(parts: ServeParts): ServeDestination {
  return async (settings, context) => {
    if (settings.confirm === 'storage-commitment') return await leaveUnserved(settings, parts);
    return await serve(settings, context, parts);
  };
}

/** Sending without the proof that was asked for would be less than configured; so nothing is sent, and the reason is shown. */
async function leaveUnserved(settings: DestinationSettings, { bus }: ServeParts): Promise<ServedDestination> {
  await bus.publishFact(destinationFact(settings.id, 'paused', 'confirm: storage-commitment is not available in this release'));
  return { stop: async () => {}, abort: () => {} };
}

async function serve(
  settings: DestinationSettings,
  { titles, coercion }: DestinationContext,
  parts: ServeParts,
): Promise<ServedDestination> {
  const { clock, random, store } = parts;
  const metrics = parts.metrics.of(settings.id);
  const form: WantedForm = { ...settings, isCoerced: coercion.rules.length > 0 };
  const waiting = new Batcher<WaitingParcel>();
  const slots = (): number => parts.share.slots(settings.id, settings.concurrency);
  const sender = createSender(settings, titles, { ...parts, upcoming: () => waiting.upcoming().map(({ delivery }) => delivery), slots });
  const paceOf = (delivery: Delivery): Pace => parts.limits.paceOf(delivery);
  const attempts = new Attempts({ form, coercion, store, sender, clock, paceOf });
  const consumptions: Consumption[] = [];
  const regulate = (): void => {
    const flows = worker.state !== 'paused' && slots() > 0;
    for (const consumption of consumptions) flows ? consumption.resume() : consumption.pause();
  };
  const onFlow = (state: FlowState, reason?: string): void => {
    regulate();
    announce(settings.id, { state, reason }, parts);
  };
  const worker: DestinationWorker = new DestinationWorker({
    ...{ settings, slots, sender, waiting, clock, random, metrics, onFlow },
    attempt: (batch) => attempts.send(batch),
  });
  await parts.bus.publishFact(destinationFact(settings.id, 'open'));
  const following = parts.share.onChange(() => {
    regulate();
    worker.slotsChanged();
  });
  const copies = new IdenticalCopies({ records: parts.records, settings, rules: coercion.rules });
  const served = servedBy({ worker, consumptions, metrics, following });
  try {
    for (const lane of lanes) consumptions.push(await consumeLane(lane, { settings, form, worker, metrics, copies }, parts));
  } catch (error) {
    await served.stop();
    throw error;
  }
  regulate();
  return served;
}

function servedBy(running: {
  worker: DestinationWorker;
  consumptions: readonly Consumption[];
  metrics: DestinationMetrics;
  following: { stop(): void };
}): ServedDestination {
  const { worker, consumptions, metrics, following } = running;
  return {
    stop: async () => {
      following.stop();
      for (const consumption of consumptions) consumption.pause();
      await worker.stop();
      await Promise.all(consumptions.map((consumption) => consumption.stop()));
      metrics.remove();
    },
    abort: () => worker.abort(),
  };
}

function createSender(settings: DestinationSettings, titles: CallingTitles, parts: ServeParts & SenderParts): Sender {
  if (settings.kind === 'stow') return createStowSender(settings, parts);
  return createDimseSender(settings, { ...parts, titles });
}

interface Serving {
  readonly settings: DestinationSettings;
  readonly form: WantedForm;
  readonly worker: DestinationWorker;
  readonly metrics: DestinationMetrics;
  readonly copies: IdenticalCopies;
}

async function consumeLane(lane: Lane, serving: Serving, parts: ServeParts): Promise<Consumption> {
  const { id } = serving.settings;
  return await parts.bus.consume(
    {
      stream: 'DELIVERIES',
      name: `uploader-${id}-${lane}`,
      filter: `delivery.due.${id}.${lane}.>`,
      schema: deliveryDue,
      concurrency: inHand(serving.settings),
      retryDelayMs: () => LEAST_RETRY_DELAY_MS,
      onPermanent: (failure) => reportUnreadable(failure, parts),
    },
    (message) => upload(message, { ...parts, ...serving, worker: traced(serving.worker, serving.settings) }),
  );
}

function inHand(settings: DestinationSettings): number {
  const each = settings.kind === 'stow' ? settings.batch.instances * BATCHES_IN_HAND : INSTANCES_IN_HAND;
  return Math.min(MAX_IN_HAND, settings.concurrency * each);
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
