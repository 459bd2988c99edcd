// WADO-RS: studies, series, instances as they were stored, and their metadata (PS3.18 section 10.4).
import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type MediaType, parseAccept } from '@causeway/shared/dicomweb/media-type';
import type { Archive } from './archive.ts';
import { describeInstance, instancePath, toDicomJson } from './describe-level.ts';
import { answerStatus, cut, type Fault, type FaultBox, throughFault } from './faults.ts';
import { answerJson, DICOM_JSON, drainRequest, type Exchange, HttpProblem } from './http-exchange.ts';
import type { Instance } from './instance-index.ts';

export interface WadoParts {
  readonly archive: Archive;
  readonly faults: FaultBox;
}

export async function retrieve(parts: WadoParts, exchange: Exchange): Promise<void> {
  const found = select(parts, exchange);
  await drainRequest(exchange.request);
  const fault = parts.faults.meet('wado');
  if (fault?.mode === 'hang') return;
  if (fault?.mode === 'status') return answerStatus(exchange.response, fault);
  requireAcceptable(parseAccept(exchange.request.headers.accept ?? '*/*'), found);
  if (fault?.mode === 'cut' && fault.afterBytes === undefined) return cut(exchange.request.socket);
  await sendInstances(parts.archive, exchange, { found, fault });
}

export async function retrieveMetadata(parts: WadoParts, exchange: Exchange): Promise<void> {
  const found = select(parts, exchange);
  await drainRequest(exchange.request);
  const dataSets = found.map((instance) => toDicomJson(describeInstance(instance), exchange.baseUrl + instancePath(instance)));
  answerJson(exchange.response, { status: 200, contentType: DICOM_JSON }, dataSets);
}

function select({ archive }: WadoParts, { parameters }: Exchange): Instance[] {
  const found = [...archive.index.selectInstances(parameters.study, parameters.series, parameters.instance)];
  if (found.length === 0) throw new HttpProblem(404, 'nothing is stored under this path');
  return found;
}

const syntaxOf = (instance: Instance): string => instance.versions.at(-1)!.transferSyntaxUid;

/** The archive transcodes nothing: an instance in a syntax that was not asked for is not acceptable (PS3.18 section 8.7.3.5). */
function requireAcceptable(alternatives: readonly MediaType[], found: readonly Instance[]): void {
  const accepted = alternatives.filter(acceptsDicom).map((type) => type.parameters.get('transfer-syntax') ?? '*');
  const acceptable = found.every((instance) => accepted.some((syntax) => syntax === '*' || syntax === syntaxOf(instance)));
  if (!acceptable)
    throw new HttpProblem(406, 'stored instances are sent as multipart/related; type="application/dicom" in their stored transfer syntax');
}

function acceptsDicom({ essence, parameters }: MediaType): boolean {
  if (essence === '*/*' || essence === 'multipart/*') return true;
  return essence === 'multipart/related' && (parameters.get('type') ?? 'application/dicom').toLowerCase() === 'application/dicom';
}

async function sendInstances(
  archive: Archive,
  { request, response }: Exchange,
  sending: { found: Instance[]; fault: Fault | undefined },
): Promise<void> {
  const boundary = `causeway-sandbox-${randomUUID()}`;
  response.writeHead(200, { 'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}` });
  const body = throughFault(multipart(archive, sending.found, boundary), { fault: sending.fault, socket: request.socket });
  await pipeline(Readable.from(body, { objectMode: false, highWaterMark: 256 * 1024 }), response);
}

async function* multipart(archive: Archive, found: readonly Instance[], boundary: string): AsyncGenerator<Buffer> {
  for (const instance of found) {
    const { file, size } = instance.versions.at(-1)!;
    const head = `\r\n--${boundary}\r\nContent-Type: application/dicom; transfer-syntax=${syntaxOf(instance)}\r\nContent-Length: ${size}\r\n\r\n`;
    yield Buffer.from(head, 'latin1');
    for await (const chunk of archive.read(file)) yield chunk as Buffer;
  }
  yield Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
}
