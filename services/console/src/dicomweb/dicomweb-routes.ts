// DICOMweb for viewers: searches (QIDO-RS, PS3.18 section 10.6) and retrievals (WADO-RS, section 10.4) of what the gateway still holds, each user within its facilities.
import { Readable } from 'node:stream';
import type { FacilityScope } from '@causeway/shared/database/facility-scope';
import {
  type HeldInstance,
  type HoldingsPlace,
  searchHeldInstances,
  searchHeldSeries,
  searchHeldStudies,
  summarizeHoldings,
} from '@causeway/shared/database/holdings';
import type { DicomJson } from '@causeway/shared/dicomweb/dicom-json';
import type { QueryLevel } from '@causeway/shared/dicomweb/query-attributes';
import { describeError, ObjectMissing } from '@causeway/shared/errors';
import { uid } from '@causeway/shared/events/instance';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { actorOf } from '../bearer-tokens.ts';
import { auditIfPossible, type ConsoleParts } from '../console-parts.ts';
import { HttpProblem, notFound, parsed } from '../http-problem.ts';
import { requestScope } from '../route-access.ts';
import { assertTakesJson, chooseForm } from './accepted-types.ts';
import { ReadingAudit, ReadingLimits } from './reading-limits.ts';
import { instancesBody, metadataBody, openHeld } from './retrieve-answers.ts';
import { instanceAnswer, seriesAnswer, studyAnswer } from './search-answers.ts';
import { type SearchQuestion, searchQuestion } from './search-question.ts';

const DICOM_JSON = 'application/dicom+json';
/** Of one answer. */
const MOST_INSTANCES = 20_000;
const PATH = '/dicom-web';
const place = z.object({ study: uid.optional(), series: uid.optional(), instance: uid.optional() });

const WHERE = ['/studies/:study', '/studies/:study/series/:series', '/studies/:study/series/:series/instances/:instance'];
const SEARCHES: readonly [string, QueryLevel][] = [
  ['/studies', 'study'],
  ['/series', 'series'],
  ['/instances', 'instance'],
  ['/studies/:study/series', 'series'],
  ['/studies/:study/instances', 'instance'],
  ['/studies/:study/series/:series/instances', 'instance'],
];

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

export function dicomwebRoutes(app: FastifyInstance, parts: ConsoleParts): void {
  const limits = new ReadingLimits();
  const audit = new ReadingAudit();
  /** What was begun ends when the answer is sent, or the client is gone. */
  const limited =
    (work: Handler): Handler =>
    (request, reply) => {
      reply.raw.once('close', limits.begin(request.user!.name, Date.now()));
      return work(request, reply);
    };
  for (const [path, level] of SEARCHES)
    app.get(
      PATH + path,
      limited((request, reply) => search(parts, { level, request, reply })),
    );
  for (const path of WHERE) {
    app.get(
      PATH + path,
      limited((request, reply) => retrieve(parts, { audit, request, reply })),
    );
    app.get(
      `${PATH}${path}/metadata`,
      limited((request, reply) => retrieveMetadata(parts, { audit, request, reply })),
    );
  }
}

interface Searching {
  readonly level: QueryLevel;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

/** No match is 200 with an empty list (PS3.18 table 10.6.3-1; older editions said 204). */
async function search({ database }: ConsoleParts, { level, request, reply }: Searching): Promise<FastifyReply> {
  assertTakesJson(request.headers.accept);
  const asked = searchQuestion(new URL(request.url, 'http://localhost').searchParams, level);
  const scope = requestScope(request);
  // One more than asked for tells whether there are more.
  const page = { ...asked, limit: asked.limit + 1, place: placeOf(request, asked) };
  const base = baseOf(request);
  const found = await ANSWERS[level]({ database, scope, page, base });
  const more = found.length > asked.limit ? ['There are additional results that can be requested'] : [];
  return warned(request, reply, [...asked.warnings, ...more])
    .type(DICOM_JSON)
    .send(JSON.stringify(found.slice(0, asked.limit)));
}

interface Answering {
  readonly database: ConsoleParts['database'];
  readonly scope: FacilityScope;
  readonly page: SearchQuestion & { readonly place: HoldingsPlace };
  readonly base: string;
}

const ANSWERS: Record<QueryLevel, (asked: Answering) => Promise<DicomJson[]>> = {
  study: async ({ database, scope, page, base }) =>
    (await searchHeldStudies(database, scope, page)).map((study) => studyAnswer(study, base)),
  series: async ({ database, scope, page, base }) => {
    assertPlaced(page.place.study !== undefined, 'StudyInstanceUID');
    return (await searchHeldSeries(database, scope, page)).map((series) => seriesAnswer(series, base));
  },
  instance: async ({ database, scope, page, base }) => {
    assertPlaced(page.place.study !== undefined || page.place.instance !== undefined, 'StudyInstanceUID or SOPInstanceUID');
    return (await searchHeldInstances(database, scope, page)).map((instance) => instanceAnswer(instance, base));
  },
};

/** UIDs in the address, or a single one that is asked for. */
function placeOf({ params }: FastifyRequest, { criteria }: SearchQuestion): HoldingsPlace {
  const single = (keyword: string): string | undefined => {
    const value = criteria.find((one) => one.keyword === keyword)?.value;
    return value === undefined || /[,\\]/.test(value) ? undefined : value;
  };
  const { study = single('StudyInstanceUID'), series, instance = single('SOPInstanceUID') } = parsed(place, params);
  return { study, series, instance };
}

function assertPlaced(isPlaced: boolean, needed: string): void {
  if (isPlaced) return;
  const detail = 'Series and instances of all studies together are not searched.';
  throw new HttpProblem(400, { error: 'bad-query', detail, whatToDo: `Ask for one ${needed}, or search the studies first.` });
}

interface Retrieving {
  readonly audit: ReadingAudit;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function retrieve(parts: ConsoleParts, { audit, request, reply }: Retrieving): Promise<FastifyReply> {
  const { found, warnings, isPartial } = await findHeld(parts, request);
  const form = chooseForm(request.headers.accept, found);
  const first = await openHeld(parts.store, found[0]!).catch((error: unknown) => {
    throw error instanceof ObjectMissing ? gone() : error;
  });
  await tellRead(parts, { audit, request, found });
  warned(request, reply, warnings).code(isPartial ? 206 : 200);
  if (form === 'single') {
    const { transferSyntaxUid, size } = found[0]!;
    return reply.type(`application/dicom; transfer-syntax=${transferSyntaxUid}`).header('content-length', size).send(watched(parts, first));
  }
  const body = instancesBody(parts.store, found, first);
  const stream = Readable.from(body.chunks(), { objectMode: false, highWaterMark: 256 * 1024 });
  return reply.header('content-type', body.contentType).header('content-length', body.contentLength).send(watched(parts, stream));
}

async function retrieveMetadata(parts: ConsoleParts, { audit, request, reply }: Retrieving): Promise<FastifyReply> {
  assertTakesJson(request.headers.accept);
  const { found, warnings, isPartial } = await findHeld(parts, request);
  await tellRead(parts, { audit, request, found });
  const body = watched(parts, metadataBody(parts.store, found, baseOf(request)));
  return warned(request, reply, warnings)
    .code(isPartial ? 206 : 200)
    .type(DICOM_JSON)
    .send(body);
}

interface Held {
  readonly found: HeldInstance[];
  readonly warnings: string[];
  /** Some of what was received is not held any more. */
  readonly isPartial: boolean;
}

/** Throws 404, 410, or 413 beyond what one answer holds. */
async function findHeld({ database }: ConsoleParts, request: FastifyRequest): Promise<Held> {
  const scope = requestScope(request);
  const where = parsed(place, request.params);
  const { held, gone: deleted, conflicting } = await summarizeHoldings(database, scope, where);
  if (held === 0) throw deleted > 0 ? gone() : notFound('Nothing that is held under this address');
  if (held > MOST_INSTANCES) throw tooLarge(held);
  const found = await searchHeldInstances(database, scope, { place: where, criteria: [], limit: MOST_INSTANCES, offset: 0 });
  if (found.length === 0) throw gone();
  const missing = deleted > 0 ? [`${deleted} of ${deleted + held} instances are not held any more`] : [];
  const differing = conflicting > 0 ? [`${conflicting} instances were received with different content: the latest is given`] : [];
  return { found, warnings: [...missing, ...differing], isPartial: deleted > 0 };
}

async function tellRead(
  parts: ConsoleParts,
  { audit, request, found }: Pick<Retrieving, 'audit' | 'request'> & { found: HeldInstance[] },
): Promise<void> {
  const study = found[0]!.studyInstanceUid;
  const actor = actorOf(request);
  if (audit.isNew(actor.operator, study, Date.now())) await auditIfPossible(parts, { ...actor, action: 'study-read', subject: study });
}

/** The answer has begun when it fails: all that is left is to end it unfinished, and to say why. */
function watched({ log }: ConsoleParts, body: Readable): Readable {
  return body.once('error', (error) => log.warn({ reason: describeError(error) }, 'a DICOMweb answer was cut off'));
}

const warned = (request: FastifyRequest, reply: FastifyReply, warnings: readonly string[]): FastifyReply =>
  warnings.length === 0
    ? reply
    : reply.header(
        'warning',
        warnings.map((text) => `299 ${baseOf(request)}: ${text}`),
      );

/** As the client reached us; a proxy with TLS in front says so. */
function baseOf({ headers, protocol, host }: FastifyRequest): string {
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'https' : protocol;
  return `${scheme}://${host}${PATH}`;
}

const gone = (): HttpProblem =>
  new HttpProblem(410, {
    error: 'gone',
    detail: 'It was received, delivered, and deleted after its retention.',
    whatToDo: 'Ask the archive that it was delivered to.',
  });

const tooLarge = (instances: number): HttpProblem =>
  new HttpProblem(413, {
    error: 'too-large',
    detail: `${instances} instances are more than one answer holds (${MOST_INSTANCES}).`,
    whatToDo: 'Ask for one series, or for single instances.',
  });
