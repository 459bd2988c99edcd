// Builds the receiver from its real parts and starts it.
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader, type HeaderReader } from '@causeway/shared/config/header-reader';
import { fieldsNotActedOn } from '@causeway/shared/config/not-acted-on';
import { createScp } from '@causeway/shared/dicom/dimse/scp';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import type { Logger } from '@causeway/shared/logger';
import { runService, type ServiceContext } from '@causeway/shared/run-service';
import { createAdmission } from './admission.ts';
import { answerAssociation } from './answer-association.ts';
import { listenerOptions } from './listener-options.ts';
import { createReceiptFacts } from './receipt-facts.ts';
import { receiveInstance } from './receive.ts';
import { receiverMetrics } from './receiver-metrics.ts';

const ADMISSION_EVERY_MS = 1_000;

await runService('receiver', async (context) => {
  const { bus, store, log, environment } = context;
  const first = await firstDocument(context);
  const current = followDocument(context, first);
  const admission = createAdmission({ bus, store, document: () => current().document });
  await admission.look();
  const looking = setInterval(() => void admission.look(), ADMISSION_EVERY_MS);
  const metrics = receiverMetrics(context.meter, () => scp.openAssociations);
  const facts = createReceiptFacts({ bus, log });
  const parts = {
    store,
    log,
    announcer: { bus, store, log, facts },
    header: () => current().header,
    document: () => current().document,
    refusal: admission.refusal,
    answered: metrics.answered,
  };
  const scp = createScp({
    handlers: {
      associationRequested: (request) => {
        const answer = answerAssociation(current().document, request, admission.refusal());
        if ('because' in answer) log.warn({ source: request.peer.address, because: answer.because }, 'association rejected');
        metrics.associated('because' in answer ? 'rejected' : 'accepted');
        return answer;
      },
      storeRequested: (association, request) => receiveInstance(parts, association, request),
      associationEnded: (association, end) => log.debug({ association: association.id, ...end }, 'association ended'),
    },
    limits: () => {
      const { associations, associationsPerSource, maxPduBytes, idle, artim } = current().document.limits;
      return { associations, associationsPerSource, maxPduBytes, idleMs: idle, artimMs: artim };
    },
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    report: ({ kind, source, detail }) => log.warn({ kind, source, detail }, 'peer'),
  });
  for (const options of await listenerOptions(first, environment)) {
    const { port } = await scp.listen(options);
    log.info({ listener: options.id, port, tls: options.tls !== undefined }, 'listening');
  }
  return {
    checks: {},
    drain: async (graceMs) => {
      clearInterval(looking);
      await scp.drain(graceMs);
      await facts.flush();
    },
  };
});

/** The gateway document decides who may call: nothing is taken before there is one. */
function firstDocument({ configuration, log }: ServiceContext): Promise<GatewayDocument> {
  const current = configuration.current();
  if (current) return Promise.resolve(current.document);
  log.info('waiting for the first gateway document');
  return new Promise((resolve) => configuration.onChange(({ document }) => resolve(document)));
}

function followDocument(
  { configuration, log }: ServiceContext,
  first: GatewayDocument,
): () => { document: GatewayDocument; header: HeaderReader } {
  let current = { document: first, header: createHeaderReader(first) };
  tellWithoutEffect(log, first);
  configuration.onChange(({ document }) => {
    current = { document, header: createHeaderReader(document) };
    tellWithoutEffect(log, document);
    if (JSON.stringify(document.listeners) !== JSON.stringify(first.listeners))
      log.warn('the listeners of the gateway document changed: they are taken up when the receiver starts again');
  });
  return () => current;
}

/** Nobody shall believe in a setting that does nothing. */
function tellWithoutEffect(log: Logger, document: GatewayDocument): void {
  const fields = fieldsNotActedOn(document);
  if (fields.length > 0) log.warn({ fields }, 'the gateway document sets fields that this version does not act on (CONFORMANCE.md)');
}
