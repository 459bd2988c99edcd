// Bytes on their way out, held back to the rates that hold for them: small pieces, so that a large object is paced as evenly as many small ones, and a rate that changes holds for what
// is under way.
import type { Clock } from './circuit-breaker.ts';
import type { TokenBucket } from './token-bucket.ts';

export interface PaceParts {
  readonly clock: Clock;
  /** Everything that limits this object, as it is now; asked again for each piece. */
  readonly buckets: () => readonly TokenBucket[];
  /** Calls once when a rate may have changed. */
  readonly onChange: (call: () => void) => { stop(): void };
  /** Bytes that passed a limit, and how long they waited for it. */
  readonly passed: (bytes: number, waitedMs: number) => void;
}

export interface Pace {
  /** The same bytes, no faster than allowed. */
  through(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer>;
}

/** A rate may also change with the minute. */
const MINUTE_MS = 60_000;

export function createPace(parts: PaceParts): Pace {
  return {
    async *through(chunks) {
      for await (const chunk of chunks) {
        for (let sent = 0; sent < chunk.length; ) {
          const piece = await nextPiece(parts, chunk.length - sent);
          yield piece === chunk.length ? chunk : chunk.subarray(sent, sent + piece);
          sent += piece;
        }
      }
    },
  };
}

/** Resolves with how many bytes may go now: they are taken from every bucket at one moment, so that nobody holds what he cannot use yet. */
async function nextPiece(parts: PaceParts, most: number): Promise<number> {
  const { clock } = parts;
  const began = clock.now();
  for (;;) {
    const limited = parts.buckets().filter(({ isLimited }) => isLimited);
    const least = Math.floor(Math.min(most, ...limited.map((bucket) => bucket.least)));
    const waitMs = Math.max(0, ...limited.map((bucket) => bucket.msUntil(least)));
    if (waitMs === 0) {
      const piece = Math.floor(Math.min(most, ...limited.map(({ available }) => available)));
      for (const bucket of limited) bucket.take(piece);
      if (limited.length > 0) parts.passed(piece, clock.now() - began);
      return piece;
    }
    await untilLaterOrChanged(parts, Math.min(waitMs, MINUTE_MS - (clock.now() % MINUTE_MS)));
  }
}

function untilLaterOrChanged({ clock, onChange }: PaceParts, waitMs: number): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      timer.cancel();
      following.stop();
      resolve();
    };
    const timer = clock.after(waitMs, end);
    const following = onChange(end);
  });
}
