// Which trace an instance, a retrieval or an association has: the one whose id is its own, a UUID without its dashes. So work that comes back from the ledger after
// days goes on in its trace although nobody kept a context, and whoever has a receipt id has the trace. (W3C Trace Context level 2 wants the last seven bytes random: those of a
// UUID of version 4 or 7 are, and a sampler by ratio decides the same for the same trace wherever it is asked.)
import { randomUUID } from 'node:crypto';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** 32 hexadecimal digits; undefined: not a UUID of ours. */
export const traceIdOf = (id: string): string | undefined => (UUID.test(id) ? id.replaceAll('-', '') : undefined);

/** The first span of such a trace has this id, so that others can link to it without having met it. */
export const rootSpanIdOf = (traceId: string): string => traceId.slice(16);

interface WantedIds {
  readonly trace?: string | undefined;
  readonly span?: string | undefined;
}

/** OpenTelemetry asks its generator without saying for what: this is handed over within one call, which nothing can come between. */
let wanted: WantedIds = {};

export function withIds<T>(ids: WantedIds, start: () => T): T {
  wanted = ids;
  try {
    return start();
  } finally {
    wanted = {};
  }
}

/** For the SDK: random ids, but for those that withIds wants. */
export class WantedIdGenerator {
  generateTraceId(): string {
    return wanted.trace ?? randomUUID().replaceAll('-', '');
  }

  generateSpanId(): string {
    return wanted.span ?? rootSpanIdOf(randomUUID().replaceAll('-', ''));
  }
}
