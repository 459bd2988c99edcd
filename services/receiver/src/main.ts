// Builds the receiver from its real parts and starts it.
import { openAskedCommitments } from '@causeway/shared/bus/asked-commitments';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader, type HeaderReader } from '@causeway/shared/config/header-reader';
import { fieldsNotActedOn } from '@causeway/shared/config/not-acted-on';
import { createSecretReader } from '@causeway/shared/config/secret-reference';
import { createScp, type ScpLimits } from '@causeway/shared/dicom/dimse/scp';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import type { Logger } from '@causeway/shared/logger';
import { runService, type ServiceContext } from '@causeway/shared/run-service';
import { takeCommitmentReport } from '@causeway/shared/take-commitment-report';
import { createAdmission } from './admission.ts';
import { answerAssociation } from './answer-association.ts';
import { createAssociationRecords } from './association-records.ts';
import { traceAssociation } from './association-span.ts';
import { createCommitments } from './commitments.ts';
import { observeListeners } from './listener-metrics.ts';
import { Listeners } from './listeners.ts';
import { createReceiptFacts } from './receipt-facts.ts';
import { receiveInstance } from './receive.ts';
import { receiverMetrics } from './receiver-metrics.ts';
import { reportPeer } from './report-peer.ts';
import { createStoreLatency } from './store-latency.ts';
import { wantedListeners } from './wanted-listeners.ts';

const ADMISSION_EVERY_MS = 1_000;
/** Certificates are read anew this often (three small files a listener), and ports that could not be opened are tried again. */
const LISTENERS_EVERY_MS = 5_000;

await runService('receiver', async (context) => {
  const { bus, store, log, environment } = context;
  const first = await firstDocument(context);
  const current = followDocument(context, first);
  const latency = createStoreLatency();
  const admission = createAdmission({ bus, store, latency, document: () => current().document });
  await admission.look();
  const looking = setInterval(() => void admission.look(), ADMISSION_EVERY_MS);
  const metrics = receiverMetrics(context.meter, { openAssociations: () => scp.openAssociations, admission });
  const facts = createReceiptFacts({ bus, log });
  const parts = {
    store,
    log,
    announcer: { bus, store, log, facts },
    header: () => current().header,
    document: () => current().document,
    admission,
    latency,
    answered: metrics.answered,
    limitReached: metrics.limitReached,
  };
  const commitments = createCommitments({ bus, store, log, document: () => current().document });
  const asked = await openAskedCommitments(bus);
  const records = createAssociationRecords({ bus, log });
  const scp = createScp({
    handlers: {
      associationRequested: (request) => {
        const answer = answerAssociation(current().document, request, admission.refusal());
        metrics.associated('because' in answer ? 'rejected' : 'accepted');
        return answer;
      },
      storeRequested: (association, request) => receiveInstance(parts, association, request),
      actionRequested: commitments.actionRequested,
      eventReported: ({ request: { callingAe } }, event) => takeCommitmentReport({ asked, log }, callingAe.trim(), event),
      associationEnded: (association, end, summary) => {
        if (end.kind === 'timed-out') metrics.limitReached('idle');
        log.debug({ association: association.id, ...end }, 'association ended');
        commitments.associationEnded(association.id);
        records.ended(association, end, summary);
        traceAssociation(association.id, end, summary);
      },
      associationRejected: records.rejected,
    },
    limits: () => limitsOf(current().document),
    implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    report: (event) => {
      if (event.limit) metrics.limitReached(event.limit);
      reportPeer(log, event);
      records.reported(event);
    },
  });
  await commitments.start();
  const listeners = new Listeners({ scp, log, readSecret: createSecretReader(process.env), now: Date.now });
  observeListeners(context.meter, { state: () => listeners.state, now: Date.now });
  context.configuration.onChange(({ document }) => void listeners.apply(wantedListeners(document, environment)));
  await listeners.apply(wantedListeners(current().document, environment));
  const watching = setInterval(() => void listeners.look(), LISTENERS_EVERY_MS);
  return {
    checks: { listeners: () => listeners.check() },
    drain: async (graceMs) => {
      clearInterval(looking);
      clearInterval(watching);
      await listeners.stop();
      await scp.drain(graceMs, environment.CAUSEWAY_DRAIN_NOTICE_MS);
      await commitments.stop();
      await records.stop();
      await facts.flush();
    },
  };
});

function limitsOf({ limits }: GatewayDocument): ScpLimits {
  const { associations, associationsPerSource, maxPduBytes, idle, artim } = limits;
  return { associations, associationsPerSource, maxPduBytes, idleMs: idle, artimMs: artim };
}

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
  });
  return () => current;
}

/** Nobody shall believe in a setting that does nothing. */
function tellWithoutEffect(log: Logger, document: GatewayDocument): void {
  const fields = fieldsNotActedOn(document);
  if (fields.length > 0) log.warn({ fields }, 'the gateway document sets fields that this version does not act on (CONFORMANCE.md)');
}
