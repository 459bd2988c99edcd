// The gateway document of the cluster, and what becomes of it under load: other rules and limits, a destination that is removed and put back.
import { ARCHIVES } from './fault-kinds.ts';

/** Calling AE titles, facilities (by called AE title) and sites of the senders. */
export const STAT_SENDER = 'STAT1';
export const CLINIC = 'CLINIC A';

/** Everything goes to the first archive as it was received; some also to the second, as the compression rules make it. */
export const CONCURRENCY = 4;
export const BATCH = 8;

interface Choices {
  readonly syntax: 'htj2k-lossless' | 'jpeg-ls-lossless' | 'unchanged';
  readonly concurrency: number;
  readonly bandwidth?: string;
  readonly withSecond: boolean;
}

const USUAL: Choices = { syntax: 'htj2k-lossless', concurrency: CONCURRENCY, withSecond: true };

const CHANGED: Readonly<Record<string, Choices>> = {
  compression: { ...USUAL, syntax: 'jpeg-ls-lossless' },
  limits: { ...USUAL, concurrency: 2 },
  bandwidth: { ...USUAL, bandwidth: '16Mbit/s' },
  'destination-removed': { ...USUAL, withSecond: false },
};

/** `change`: a variant of the fault `configuration`; without: the usual document. */
export function documentWith(urls: Readonly<Record<string, string>>, change?: string): object {
  const { syntax, concurrency, bandwidth, withSecond } = change === undefined ? USUAL : CHANGED[change]!;
  const second = withSecond ? ['second'] : [];
  const limits = { concurrency, batch: { instances: BATCH }, retry: { first: '1s', max: '5s' }, timeouts: { connect: '3s', idle: '8s' } };
  const rate = bandwidth === undefined ? {} : { bandwidth: [{ rate: bandwidth }] };
  const destinations = ARCHIVES.filter((id) => withSecond || id !== 'second').map((id) => ({
    ...{ id, kind: 'stow', url: urls[id], images: id === 'second' ? 'compressed' : 'as-received' },
    ...limits,
    ...rate,
  }));
  return {
    // The only disk that a receiver has is a small one.
    admission: { freeSpaceBelow: '4MiB' },
    listeners: [{ id: 'balanced', proxyProtocol: true }],
    facilities: [
      { id: 'north', match: [{ calledAe: 'NORTH' }], destinations: ['archive'] },
      { id: 'south', match: [{ calledAe: 'SOUTH' }], destinations: ['archive', ...second] },
      { id: 'hub', model: 'hub', match: [{ calledAe: 'HUB' }], mappingTag: 'InstitutionName', unmatched: 'hub', destinations: ['archive'] },
      ...(withSecond
        ? [{ id: 'clinic', model: 'endpoint', rules: [{ hub: 'hub', match: 'exact', value: CLINIC }], destinations: ['second'] }]
        : []),
    ],
    destinations,
    lanes: [{ when: { callingAe: [STAT_SENDER] }, lane: 'stat' }],
    // biome-ignore lint/suspicious/noThenProperty: `then` is the document's word, and never a function
    compression: [{ when: {}, then: { syntax } }],
  };
}
