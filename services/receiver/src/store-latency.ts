// How long storing takes at present: from the end of a data set to its answer, over the last seconds, those still under way included.

export interface StoreLatency {
  /** One storing begins; call what it returns when it is over, however it ended. */
  begin(): () => void;
  /** 0 while there is too little to tell. */
  meanMs(): number;
}

/** Long enough for a few large objects, short enough to take work again soon after the trouble: nothing refused adds to the mean. */
const WINDOW_MS = 10_000;
const SLOTS = 10;
const SLOT_MS = WINDOW_MS / SLOTS;
/** One object that is slow because it is large says nothing about the store. */
const LEAST_SAMPLES = 4;

interface Slot {
  number: number;
  sum: number;
  count: number;
}

/** `now`: ms, monotonic. Memory: what is under way, and ten slots. */
export function createStoreLatency(now: () => number = () => performance.now()): StoreLatency {
  const slots = Array.from({ length: SLOTS }, (): Slot => ({ number: -SLOTS, sum: 0, count: 0 }));
  const underWay = new Set<{ readonly since: number }>();

  function add(milliseconds: number): void {
    const number = Math.floor(now() / SLOT_MS);
    const slot = slots[number % SLOTS]!;
    if (slot.number !== number) Object.assign(slot, { number, sum: 0, count: 0 });
    slot.sum += milliseconds;
    slot.count++;
  }

  return {
    begin: () => {
      const storing = { since: now() };
      underWay.add(storing);
      return () => {
        if (underWay.delete(storing)) add(now() - storing.since);
      };
    },
    meanMs: () => {
      const oldest = Math.floor(now() / SLOT_MS) - SLOTS;
      const recent = slots.filter(({ number }) => number > oldest);
      const ended = { sum: total(recent, 'sum'), count: total(recent, 'count') };
      const mean = ended.count === 0 ? 0 : ended.sum / ended.count;
      // A store that hangs shows in what does not end; what has only just begun says nothing yet.
      const late = [...underWay].map(({ since }) => now() - since).filter((age) => age > mean);
      const count = ended.count + late.length;
      return count < LEAST_SAMPLES ? 0 : (ended.sum + late.reduce((sum, age) => sum + age, 0)) / count;
    },
  };
}

const total = (slots: Slot[], field: 'sum' | 'count'): number => slots.reduce((sum, slot) => sum + slot[field], 0);
