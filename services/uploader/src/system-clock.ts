// The time of this machine.
import type { Clock } from './circuit-breaker.ts';

export const systemClock: Clock = {
  now: Date.now,
  after: (delayMs, call) => {
    const timer = setTimeout(call, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
