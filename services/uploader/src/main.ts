// Starts the uploader: builds the real parts and nothing else.

import { openAskedCommitments } from '@causeway/shared/bus/asked-commitments';
import { removeForgottenConsumers } from '@causeway/shared/bus/forgotten-consumers';
import type { Revision } from '@causeway/shared/bus/gateway-configuration';
import { joinReplicas } from '@causeway/shared/bus/replicas';
import { watchSubjects } from '@causeway/shared/bus/subject-watch';
import { facilityWeights } from '@causeway/shared/config/facility-weights';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { runService } from '@causeway/shared/run-service';
import { observeCertificates } from './certificate-metrics.ts';
import { CommitmentHints } from './commitment-hints.ts';
import { openDeliveryRecords } from './delivery-records.ts';
import { DestinationRoster } from './destination-roster.ts';
import { shareAmong } from './destination-share.ts';
import { limitMetrics } from './limit-metrics.ts';
import { observeQueues } from './queue-metrics.ts';
import { SendLimits } from './send-limits.ts';
import { DELIVERY_KEY_TOKENS, servingWith } from './serve-destination.ts';
import { systemClock } from './system-clock.ts';
import { createUploadMetrics } from './upload-metrics.ts';

await runService('uploader', async ({ bus, store, configuration, meter, log }) => {
  const replicas = await joinReplicas({ bus, log }, 'uploader');
  const share = shareAmong(replicas);
  const limits = new SendLimits({ share, clock: systemClock, passed: limitMetrics(meter, () => limits.windows()).passed });
  const watch = watchSubjects({ bus, log }, { stream: 'DELIVERIES', filter: 'delivery.due.>', keyTokens: DELIVERY_KEY_TOKENS });
  const tidying = removeForgottenConsumers({ bus, log }, { stream: 'DELIVERIES' });
  const inUse = new Set<{ readonly size: number }>();
  observeQueues(meter, { watch, inUse, share });
  const hints = new CommitmentHints(systemClock);
  const asked = await openAskedCommitments(bus);
  const hearing = await asked.onAnswered(replicas.self, (transactionUid) => hints.heard(transactionUid));
  const readSecret = createSecretReader(process.env);
  const certificates = observeCertificates(meter, {
    destinations: () => configuration.current()?.document.destinations ?? [],
    readSecret,
    now: Date.now,
  });
  const serve = servingWith({
    ...{ bus, store, log, associate, clock: systemClock, share, limits, watch, inUse },
    weightOf: facilityWeights(() => configuration.current()?.document),
    records: await openDeliveryRecords(bus),
    commitment: { asked, hints, replica: replicas.self },
    readSecret,
    random: Math.random,
    metrics: createUploadMetrics(meter),
  });
  const roster = new DestinationRoster({ serve, clock: systemClock, log });
  const apply = (revision: Revision): void => {
    limits.apply(revision);
    roster.apply(revision);
    void certificates.look();
  };
  configuration.onChange(apply);
  const present = configuration.current();
  if (present !== undefined) apply(present);
  return {
    checks: {
      configuration: () => {
        if (configuration.current() === undefined) throw new Error('no gateway document was published yet');
      },
    },
    drain: async (graceMs) => {
      // Others may have our slots now; what is under way here ends beside them.
      await replicas.leave();
      await roster.drain(graceMs);
      watch.stop();
      hearing.stop();
      tidying.stop();
      certificates.stop();
    },
  };
});
