// What would send our own images back to us: callers that have one of our own titles, and a destination that is one of our own listeners.
import type { DocumentWarning } from './document-problems.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { sendingTitles } from './sending-titles.ts';

type Looping = Pick<GatewayDocument, 'gateway' | 'listeners' | 'facilities' | 'destinations' | 'retrieval'>;

/** Where the environment says nothing else (CAUSEWAY_DICOM_PORT). */
const USUAL_PORT = 4104;
const OWN_HOST = /^(localhost|127(\.\d+){3}|0\.0\.0\.0|\[?::1?\]?)$/i;

export function* loopWarnings(document: Looping): Generator<DocumentWarning> {
  const titles = sendingTitles(document);
  for (const { id, match } of document.facilities)
    for (const [at, { callingAe }] of match.entries())
      if (callingAe !== undefined && titles.has(callingAe))
        yield { path: `facilities[${id}].match[${at}].callingAe`, warning: ownTitle(callingAe, titles) };
  for (const [at, { callingAe }] of document.gateway.callers.entries())
    if (callingAe !== undefined && titles.has(callingAe))
      yield { path: `gateway.callers[${at}].callingAe`, warning: ownTitle(callingAe, titles) };
  yield* ownListeners(document);
}

const ownTitle = (title: string, titles: ReadonlyMap<string, readonly string[]>): string =>
  `is ${title}, with which we call ${titles.get(title)!.join(', ')} ourselves: all that comes with it is held as a loop. If another system has that title (a gateway before this one), give one of the two another (gateway.aeTitle, callingAe of the destination); else remove this row`;

function* ownListeners({ listeners, destinations }: Looping): Generator<DocumentWarning> {
  const ports = new Map(listeners.map(({ id, port }) => [port ?? USUAL_PORT, `listeners[${id}]`]));
  if (listeners.length === 0) ports.set(USUAL_PORT, 'the port of the gateway unless CAUSEWAY_DICOM_PORT says otherwise');
  for (const destination of destinations) {
    const own = destination.kind === 'dimse' && OWN_HOST.test(destination.host) ? ports.get(destination.port) : undefined;
    if (own === undefined) continue;
    yield {
      path: `destinations[${destination.id}].port`,
      warning: `is ${own}, on this machine: what is sent there comes back to the gateway. Name the host and port of the archive`,
    };
  }
}
