// The data sets that an answer of a DICOMweb server holds, by what it says it is: DICOM JSON (PS3.18 Annex F) or the Native DICOM Model (PS3.19 Annex A).
import { type DicomJson, DicomJsonError, parseDicomJson } from './dicom-json.ts';
import { DicomXmlError, parseNativeModel } from './dicom-xml.ts';
import { parseMediaType } from './media-type.ts';
import { MultipartError, readMultipart } from './multipart-reader.ts';

/** The answer is none of these, or not well formed. The message never shows a value. */
export class DicomAnswerError extends Error {
  override readonly name = 'DicomAnswerError';
}

const JSON_TYPES = new Set(['application/dicom+json', 'application/json']);
const XML_TYPES = new Set(['application/dicom+xml', 'application/xml', 'text/xml']);

/**
 * `contentType`: the header of the answer. Without one the first character tells (RFC 9110 section 8.3 allows that); one that says something else is believed,
 * so that the page of a proxy is never read as an answer. No body is no data set. Throws DicomAnswerError.
 */
export async function parseDicomAnswer(body: Buffer, contentType: string | undefined): Promise<DicomJson[]> {
  const type = contentType === undefined ? guessed(body) : parseMediaType(contentType)?.essence;
  try {
    if (type !== undefined && JSON_TYPES.has(type)) return parseDicomJson(body.toString('utf8'));
    if (type !== undefined && XML_TYPES.has(type)) return body.length === 0 ? [] : [parseNativeModel(body.toString('utf8'))];
    if (type === 'multipart/related') return await parseParts(body, contentType!);
  } catch (error) {
    if (!(error instanceof DicomJsonError || error instanceof DicomXmlError || error instanceof MultipartError)) throw error;
    throw new DicomAnswerError(error.message);
  }
  throw new DicomAnswerError('the Content-Type is neither DICOM JSON nor DICOM XML');
}

function guessed(body: Buffer): string {
  return /^[\s\ufeff]*</.test(body.toString('utf8', 0, 64)) ? 'application/dicom+xml' : 'application/dicom+json';
}

/** One data set a part (PS3.18 section 8.7.3.1: XML comes in parts when there are several). Parts within parts are no answer. */
async function parseParts(body: Buffer, contentType: string): Promise<DicomJson[]> {
  const dataSets: DicomJson[] = [];
  for await (const part of readMultipart(chunksOf(body), contentType)) {
    const type = part.headers.get('content-type');
    if (type !== undefined && parseMediaType(type)?.essence.startsWith('multipart/')) throw new MultipartError('parts within parts');
    dataSets.push(...(await parseDicomAnswer(Buffer.concat(await Array.fromAsync(part.body)), type)));
  }
  return dataSets;
}

async function* chunksOf(body: Buffer): AsyncGenerator<Buffer> {
  if (body.length > 0) yield body;
}
