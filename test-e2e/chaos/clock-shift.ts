// Loaded before a service (node --import): its wall clock can be set forward and back while it runs, as a bad NTP server would. Timers and performance.now go on as they are, as on a
// real machine; other processes notice nothing. CHAOS_CLOCK names a file that holds how far it is off, in milliseconds.
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 200;

const RealDate = Date;
const file = process.env.CHAOS_CLOCK;
let aheadMs = 0;

const now = (): number => RealDate.now() + aheadMs;

function look(): void {
  try {
    aheadMs = Number(readFileSync(file!, 'latin1')) || 0;
  } catch {
    aheadMs = 0;
  }
}

if (file !== undefined) {
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
  globalThis.Date = new Proxy(RealDate, {
    apply: () => new RealDate(now()).toString(),
    construct: (target, given, as) => Reflect.construct(target, given.length === 0 ? [now()] : given, as) as object,
    get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
  });
}
