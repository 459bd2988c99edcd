// What is odd about a gateway document that holds: nothing is refused for it, and whoever applies the document is told, with what to do.
import { destinationWarnings } from './destination-warnings.ts';
import type { DocumentWarning } from './document-problems.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { loopWarnings } from './loop-warnings.ts';
import { matchRowWarnings } from './match-row-warnings.ts';
import { ruleWarnings } from './rule-warnings.ts';
import { scheduleWarnings } from './schedule-warnings.ts';

/** More is read by nobody, and stands in a line of the log. */
const MOST_WARNINGS = 200;

/** In the order of the document's importance: who gets the images, where they go, what is done with them. At most 200 and how many more there are. */
export function documentWarnings(document: GatewayDocument): DocumentWarning[] {
  const all = [
    ...matchRowWarnings(document),
    ...destinationWarnings(document),
    ...loopWarnings(document),
    ...scheduleWarnings(document),
    ...ruleWarnings(document),
    ...listenerWarnings(document),
  ];
  if (all.length <= MOST_WARNINGS) return all;
  return [...all.slice(0, MOST_WARNINGS), { path: '', warning: `has ${all.length - MOST_WARNINGS} more warnings: see to these first` }];
}

function* listenerWarnings({ gateway, listeners, facilities, negotiation }: GatewayDocument): Generator<DocumentWarning> {
  const withNetworks = [...gateway.callers, ...facilities.flatMap(({ match }) => match)].some(({ network }) => network !== undefined);
  if (withNetworks && listeners.some(({ proxyProtocol }) => proxyProtocol))
    for (const { id, proxyProtocol } of listeners) if (!proxyProtocol) yield { path: `listeners[${id}].proxyProtocol`, warning: NO_SOURCE };
  for (const [at, { callingAe }] of negotiation.callers.entries()) {
    const first = negotiation.callers.findIndex((row) => row.callingAe === callingAe);
    if (first < at)
      yield {
        path: `negotiation.callers[${at}]`,
        warning: `is never used: the first row of ${callingAe} counts, [${first}]. Join the two`,
      };
  }
}

const NO_SOURCE =
  'is false while another listener has it: if this one is behind a balancer too, every row with a network sees the balancer instead of the modality. Set it where the balancer sends the header; leave it where modalities connect themselves';
