// One source being served: its connections, and the consumer of the retrievals that are due from it.
import type { Bucket } from '@causeway/shared/bus/bus';
import type { RetrievalSource } from '@causeway/shared/config/gateway-document';
import type { SecretReader } from '@causeway/shared/config/secret-reference';
import { createHttpClient } from '@causeway/shared/dicomweb/http-client';
import { PermanentError } from '@causeway/shared/errors';
import { retrievalSubject } from '@causeway/shared/events/flow';
import { retrievalDue } from '@causeway/shared/events/retrieval';
import { startPolling } from './poll-source.ts';
import { type RetrieveParts, retrieve } from './retrieve.ts';
import { createSourceClient, type SourceClient } from './source-client.ts';
import type { ServedSource } from './source-roster.ts';

/** Studies of one source fetched at a time by one process. */
const STUDIES_AT_A_TIME = 2;
const CONNECTIONS = 16;
/** An archive may need a while to bring a study from a slow store before its first byte. */
const TIMEOUTS = { connectMs: 10_000, idleMs: 120_000 };

export interface ServingParts extends RetrieveParts {
  readonly readSecret: SecretReader;
  /** What polling has seen of the sources' studies. */
  readonly seen: Bucket;
}

export const servingWith =
  (parts: ServingParts) =>
  async (id: string, settings: RetrievalSource | undefined): Promise<ServedSource> => {
    const connected = settings === undefined ? notConfigured(id) : await connect(settings, parts.readSecret);
    const stopping = new AbortController();
    const consumption = await parts.bus.consume(
      {
        stream: 'RETRIEVALS',
        name: `retriever-${id}`,
        filter: retrievalSubject(id),
        schema: retrievalDue,
        concurrency: STUDIES_AT_A_TIME,
        onPermanent: async ({ error }) =>
          parts.log.error({ source: id, reason: error.message }, 'a message that is no retrieval was dropped'),
      },
      ({ event }) => retrieve(parts, connected.client, { due: event, signal: stopping.signal }),
    );
    const polling = startPollingOf(parts, { settings, client: connected.client, signal: stopping.signal });
    return {
      stop: async () => {
        stopping.abort(new Error('the retriever gives the study back'));
        await consumption.stop();
        await polling?.stopped;
        await connected.close();
      },
    };
  };

interface Polling {
  readonly settings: RetrievalSource | undefined;
  readonly client: SourceClient;
  readonly signal: AbortSignal;
}

function startPollingOf({ bus, store, seen, log, now }: ServingParts, { settings, client, signal }: Polling) {
  if (settings?.poll === undefined) return undefined;
  return startPolling({ bus, store, client, seen, log, now }, { ...settings, poll: settings.poll }, signal);
}

interface Connected {
  readonly client: SourceClient;
  close(): Promise<void>;
}

async function connect({ url, auth, tls, proxy, proxyAuth }: RetrievalSource, readSecret: SecretReader): Promise<Connected> {
  const http = await createHttpClient({
    ...{ url, auth, tls, proxy: proxy === undefined ? undefined : { url: proxy, auth: proxyAuth } },
    ...{ timeouts: TIMEOUTS, connections: CONNECTIONS, readSecret },
  });
  return { client: createSourceClient(http), close: () => http.close() };
}

/** Never asked: a retrieval from a source that is not in the document fails before (retrieve.ts). */
function notConfigured(id: string): Connected {
  const refuse = (): never => {
    throw new PermanentError(`no source ${id} is configured`);
  };
  return {
    client: { listInstances: refuse, searchStudies: refuse, openStudy: refuse, openInstance: refuse },
    close: async () => undefined,
  };
}
