// Asks a source at intervals for new studies (retrieval.sources[].poll) and makes retrievals due. A study is fetched when its number of instances
// has not changed from one look to the next: DICOM has no sign that a study is complete (PS3.4 section B.4).
import type { Bucket, Bus } from '@causeway/shared/bus/bus';
import { attributePath } from '@causeway/shared/config/attribute-path';
import type { RetrievalSource } from '@causeway/shared/config/gateway-document';
import { describeError } from '@causeway/shared/errors';
import { newEnvelope } from '@causeway/shared/events/envelope';
import { retrievalSubject } from '@causeway/shared/events/flow';
import type { RetrievalDue } from '@causeway/shared/events/retrieval';
import type { Logger } from '@causeway/shared/logger';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { z } from 'zod';
import type { FoundStudy, SourceClient } from './source-client.ts';
import { hashOfUid, StudyCache } from './study-cache.ts';

export interface PollParts {
  readonly bus: Bus;
  readonly store: ObjectStore;
  readonly client: SourceClient;
  /** What was seen of each study. Marks may expire once the study has long left every window. */
  readonly seen: Bucket;
  readonly log: Logger;
  readonly now: () => Date;
}

type Polled = RetrievalSource & { readonly poll: NonNullable<RetrievalSource['poll']> };

/** `requested`: the number of instances when the study was last made due; `times`: how often it was. */
const mark = z.object({ instances: z.string(), requested: z.string().optional(), times: z.int().min(0) });
type Mark = z.infer<typeof mark>;

const DAY_MS = 86_400_000;
/** How long before its time a look of another replica counts as this one's. */
const SHARED_LOOK = 0.9;

/** One look: resolves with how many retrievals became due. Throws TransientError or PermanentError of the source; the next look goes on. */
export async function pollSource(parts: PollParts, source: Polled, signal: AbortSignal): Promise<number> {
  if (source.destinations.length === 0 || !(await takeLook(parts, source))) return 0;
  let due = 0;
  for await (const study of parts.client.searchStudies(queryOf(source, parts.now()), signal)) {
    if (await consider(parts, source, study)) due += 1;
  }
  if (due > 0) parts.log.info({ source: source.id, due }, 'new studies at the source');
  return due;
}

/** Replicas share the work: who looked last is known to all. Two that look at the same time do no harm. */
async function takeLook({ seen, now }: PollParts, { id, poll }: Polled): Promise<boolean> {
  const key = `${id}.looked`;
  const last = await seen.get(key);
  const time = now().getTime();
  if (last !== undefined && time - Number(Buffer.from(last).toString('latin1')) < poll.every * SHARED_LOOK) return false;
  await seen.put(key, Buffer.from(String(time)));
  return true;
}

/** Study dates are local to the modality: a day more on either side misses none. */
function queryOf({ poll }: Polled, now: Date): URLSearchParams {
  const dayOf = (millis: number): string => new Date(millis).toISOString().slice(0, 10).replaceAll('-', '');
  const query = new URLSearchParams({ StudyDate: `${dayOf(now.getTime() - poll.window - DAY_MS)}-${dayOf(now.getTime() + DAY_MS)}` });
  for (const [name, value] of Object.entries(poll.filter)) query.set(attributePath(name) ?? name, value);
  return query;
}

async function consider(parts: PollParts, source: Polled, { studyInstanceUid, instances }: FoundStudy): Promise<boolean> {
  const key = `${source.id}.${hashOfUid(studyInstanceUid)}`;
  const before = readMark(await parts.seen.get(key));
  if (before?.requested === instances) return false;
  const write = (next: Mark): Promise<void> => parts.seen.put(key, Buffer.from(JSON.stringify(next)));
  if (before?.instances !== instances) {
    await write({ instances, times: before?.times ?? 0, requested: before?.requested });
    return false;
  }
  // A list of what was fetched before does not know of the instances that came since.
  if (before.times > 0) await new StudyCache(parts.store, source.id, studyInstanceUid).forgetComplete();
  await makeDue(parts.bus, source, { studyInstanceUid, generation: before.times });
  await write({ instances, requested: instances, times: before.times + 1 });
  return true;
}

function readMark(value: Uint8Array | undefined): Mark | undefined {
  if (value === undefined) return undefined;
  const read = mark.safeParse(JSON.parse(Buffer.from(value).toString('utf8')));
  return read.success ? read.data : undefined;
}

/** One id for all retrievals of a study by poll: what the uploader still knows as delivered is not sent again when the study has grown. */
async function makeDue(bus: Bus, source: Polled, study: { studyInstanceUid: string; generation: number }): Promise<void> {
  const { studyInstanceUid, generation } = study;
  const id = `poll-${hashOfUid(`${source.id} ${studyInstanceUid}`)}`;
  const retrieval = {
    id,
    source: source.id,
    studyInstanceUid,
    destinations: source.destinations,
    lane: 'routine',
    requestedBy: 'poll',
  } as const;
  const due: RetrievalDue = {
    ...newEnvelope(generation),
    type: 'retrieval.due',
    retrieval: { ...retrieval, destinations: [...source.destinations] },
  };
  await bus.publish(due, { subject: retrievalSubject(source.id), messageId: `${id}.${generation}` });
}

/** Looks every `poll.every` until the signal aborts; a look that fails is logged and the next one comes at its time. */
export function startPolling(parts: PollParts, source: Polled, signal: AbortSignal): { stopped: Promise<void> } {
  const { promise: stopped, resolve } = Promise.withResolvers<void>();
  const look = async (): Promise<void> => {
    try {
      await pollSource(parts, source, signal);
    } catch (error) {
      if (!signal.aborted) parts.log.warn({ source: source.id, reason: describeError(error) }, 'source not polled, trying again');
    }
    if (signal.aborted) return resolve();
    const timer = setTimeout(next, source.poll.every);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
    function next(): void {
      signal.removeEventListener('abort', end);
      void look();
    }
  };
  void look();
  return { stopped };
}
