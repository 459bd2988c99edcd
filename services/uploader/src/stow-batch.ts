// How many instances go in one STOW-RS request: as configured, less where the archive takes no more.

import type { Clock } from './circuit-breaker.ts';
import { sizeToSend } from './outbound-object.ts';
import type { Parcel, Sender } from './sender.ts';

/** After so long larger requests are tried again: somebody may have configured the archive. */
const LIMIT_MEMORY_MS = 10 * 60_000;

export class BatchLimit {
  readonly #configured: Sender['batch'];
  readonly #clock: Pick<Clock, 'now'>;
  #lowered: { readonly batch: Sender['batch']; readonly until: number } | undefined;

  constructor(configured: Sender['batch'], clock: Pick<Clock, 'now'>) {
    this.#configured = configured;
    this.#clock = clock;
  }

  now(): Sender['batch'] {
    return this.#lowered !== undefined && this.#clock.now() < this.#lowered.until ? this.#lowered.batch : this.#configured;
  }

  /** These were too many together: from now on half as many, and half their bytes. */
  lower(parcels: readonly Parcel[]): void {
    const bytes = parcels.reduce((sum, { object }) => sum + sizeToSend(object), 0);
    const { instances, size } = this.now();
    const batch = {
      instances: Math.max(1, Math.min(instances, Math.floor(parcels.length / 2))),
      size: Math.max(1, Math.min(size, Math.floor(bytes / 2))),
    };
    this.#lowered = { batch, until: this.#clock.now() + LIMIT_MEMORY_MS };
  }
}

/** Two parts, none empty. `parcels`: at least two. */
export function halves(parcels: readonly Parcel[]): [readonly Parcel[], readonly Parcel[]] {
  const middle = Math.ceil(parcels.length / 2);
  return [parcels.slice(0, middle), parcels.slice(middle)];
}

/** Those of one SOP Class and transfer syntax together. */
export function bySyntax(parcels: readonly Parcel[]): Parcel[][] {
  return [...Map.groupBy(parcels, ({ object: { meta } }) => `${meta.sopClassUid} ${meta.transferSyntaxUid}`).values()];
}
