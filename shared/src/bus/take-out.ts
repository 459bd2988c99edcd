// Takes messages out of a work queue that nobody consumes any more: read in their order by the stream itself, because a consumer of their own might overlap with one that still exists.
import type { JetStreamManager, MsgRequest, StoredMsg } from '@nats-io/jetstream';
import type { z } from 'zod';
import type { StreamName } from '../events/flow.ts';

export interface TakeOutRange<T> {
  readonly stream: StreamName;
  /** Wildcards allowed. */
  readonly subject: string;
  readonly schema: z.ZodType<T>;
}

const PAGE = 200;

/**
 * Calls with page after page; a page is deleted once the handler has resolved with true, with false it stays and that is the end. What dies in between is read again. Messages that are not of the schema
 * are deleted with their page. Resolves with how many were handed over.
 */
export async function takeOutMessages<T>(
  manager: JetStreamManager,
  range: TakeOutRange<T>,
  handler: (events: T[]) => Promise<boolean>,
): Promise<number> {
  let count = 0;
  for (;;) {
    const page = await readPage(manager, range);
    const last = page.at(-1);
    if (last === undefined) return count;
    const events = page.flatMap((message) => eventIn(message, range));
    if (!(await handler(events))) return count;
    count += events.length;
    // Up to the last that was read, and of these subjects only: what came since is behind it.
    await manager.streams.purge(range.stream, { filter: range.subject, seq: last.seq + 1 });
  }
}

async function readPage<T>(manager: JetStreamManager, { stream, subject }: TakeOutRange<T>): Promise<StoredMsg[]> {
  const messages: StoredMsg[] = [];
  for (let seq = 1; messages.length < PAGE; ) {
    // The client's type does not know that a stream finds the next of a subject for others than direct reads too (STREAM.MSG.GET, nats-server 2.9).
    const message = await manager.streams.getMessage(stream, { seq, next_by_subj: subject } as unknown as MsgRequest);
    if (message === null) break;
    messages.push(message);
    seq = message.seq + 1;
  }
  return messages;
}

function eventIn<T>(message: StoredMsg, { schema }: TakeOutRange<T>): T[] {
  try {
    const parsed = schema.safeParse(message.json());
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
