// Says in time that a certificate of ours expires: modalities would stop sending all at once.
import type { Logger } from '@causeway/shared/logger';

const DAY_MS = 86_400_000;
/** Renewal of a certificate in a hospital takes weeks, where it is not automatic. */
const AHEAD_DAYS = 30;

export class CertificateWarnings {
  readonly #parts: { readonly log: Logger; readonly now: () => number };
  readonly #toldAt = new Map<string, number>();

  constructor(parts: { readonly log: Logger; readonly now: () => number }) {
    this.#parts = parts;
  }

  /** Called at every look; says something once a day, and at once when the certificate is another one. */
  look(listener: string, expiresAt: number): void {
    const { log, now } = this.#parts;
    const days = daysLeft(expiresAt, now());
    if (days > AHEAD_DAYS) return;
    const key = `${listener} ${expiresAt}`;
    if (now() - (this.#toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < DAY_MS) return;
    this.#toldAt.set(key, now());
    const until = new Date(expiresAt).toISOString().slice(0, 10);
    if (days < 0)
      log.error({ listener, until }, `the certificate of listener ${listener} has expired on ${until}: peers refuse it, renew it`);
    else log.warn({ listener, until, days: Math.floor(days) }, `the certificate of listener ${listener} expires on ${until}: renew it`);
  }
}

/** With fractions; negative once it has expired. */
export const daysLeft = (expiresAt: number, now: number): number => (expiresAt - now) / DAY_MS;
