// What the supervisor says to its terminal: one line each, the part first; a part that says too much is cut short.

export type Say = (text: string) => void;

const WINDOW_MS = 10_000;
const MOST_LINES = 5;

/** Lines of one part; beyond five in ten seconds they are only counted (all of them are in its log). */
export function sayFor(name: string, write: Say, now: () => number = Date.now): Say {
  let windowStart = 0;
  let lines = 0;
  return (text) => {
    if (now() - windowStart > WINDOW_MS) {
      if (lines > MOST_LINES) write(`${name}: ${lines - MOST_LINES} more lines like these in its log`);
      windowStart = now();
      lines = 0;
    }
    lines++;
    if (lines <= MOST_LINES) write(`${name}: ${text}`);
  };
}

export const writeLine: Say = (text) => {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`);
};
