// Starts the uploader: builds the real parts and nothing else.
import { joinReplicas } from '@causeway/shared/bus/replicas';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { associate } from '@causeway/shared/dicom/dimse/scu';
import { runService } from '@causeway/shared/run-service';
import { openDeliveryRecords } from './delivery-records.ts';
import { DestinationRoster } from './destination-roster.ts';
import { shareAmong } from './destination-share.ts';
import { servingWith } from './serve-destination.ts';
import { systemClock } from './system-clock.ts';
import { createUploadMetrics } from './upload-metrics.ts';

await runService('uploader', async ({ bus, store, configuration, meter, log }) => {
  const replicas = await joinReplicas({ bus, log }, 'uploader');
  const serve = servingWith({
    ...{ bus, store, log, associate, clock: systemClock },
    share: shareAmong(replicas),
    records: await openDeliveryRecords(bus),
    readSecret: createSecretReader(process.env),
    random: Math.random,
    metrics: createUploadMetrics(meter),
  });
  const roster = new DestinationRoster({ serve, clock: systemClock, log });
  configuration.onChange((revision) => roster.apply(revision));
  const present = configuration.current();
  if (present !== undefined) roster.apply(present);
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
    },
  };
});
