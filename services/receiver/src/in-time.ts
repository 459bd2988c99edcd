// The time that custody may take: whoever waits longer for store or broker than limits.custody is answered A700, whatever becomes of the work.
import { TransientError } from '@causeway/shared/errors';

/** The outcome of the work is unknown: it goes on. */
export class CustodyOverdue extends TransientError {
  override readonly name = 'CustodyOverdue';
}

/** Settles as `work` does, or rejects with CustodyOverdue after `limitMs`. A later failure of the work is not reported to anybody. */
export async function inTime<T>(work: Promise<T>, limitMs: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const overdue = (): void => late.reject(new CustodyOverdue(`${what} took longer than ${Math.round(limitMs)} ms (limits.custody)`));
  const timer = setTimeout(overdue, limitMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
