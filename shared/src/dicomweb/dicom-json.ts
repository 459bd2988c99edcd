// DICOM JSON Model (PS3.18 Annex F): reading values from answers of servers that may be wrong, and writing our own.
import { z } from 'zod';

const element = z.object({
  vr: z.string().length(2),
  Value: z.array(z.unknown()).optional(),
  BulkDataURI: z.string().optional(),
  InlineBinary: z.string().optional(),
});
export type DicomJsonElement = z.infer<typeof element>;

/** By tag: 8 hex digits, upper case. */
export type DicomJson = Readonly<Record<string, DicomJsonElement>>;

const TAG = /^[0-9A-F]{8}$/;
const personName = z.object({ Alphabetic: z.string().optional(), Ideographic: z.string().optional(), Phonetic: z.string().optional() });

/** The body is not of the DICOM JSON Model. The message never shows a value. */
export class DicomJsonError extends Error {
  override readonly name = 'DicomJsonError';
}

/** The data sets of an answer: an array, or one alone; no body at all (204) is none. Elements that are not of the model are left out. */
export function parseDicomJson(text: string): DicomJson[] {
  if (text.trim() === '') return [];
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new DicomJsonError('the body is not JSON');
  }
  return (Array.isArray(body) ? body : [body]).map(dataSetOf);
}

function dataSetOf(value: unknown): DicomJson {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new DicomJsonError('a data set is not a JSON object');
  const dataSet: Record<string, DicomJsonElement> = {};
  for (const [name, content] of Object.entries(value)) {
    const tag = name.toUpperCase();
    const parsed = element.safeParse(content);
    if (TAG.test(tag) && parsed.success) dataSet[tag] = parsed.data;
  }
  return dataSet;
}

/** Every value as text, trimmed of padding; the alphabetic group of a person's name; empty values are empty strings. */
export function textValues(dataSet: DicomJson, tag: string): string[] {
  return (dataSet[tag]?.Value ?? []).map(textOf);
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return trimPadding(value);
  if (typeof value === 'number') return String(value);
  const name = personName.safeParse(value);
  return name.success ? trimPadding(name.data.Alphabetic ?? '') : '';
}

const trimPadding = (text: string): string => text.replace(/[ \0]+$/, '').trimStart();

/** The first value; undefined when there is none or it is empty. */
export function textValue(dataSet: DicomJson, tag: string): string | undefined {
  return textValues(dataSet, tag)[0] || undefined;
}

/** The first value as a UID; undefined when it has not the form of one (PS3.5 section 9.1). */
export function uidValue(dataSet: DicomJson, tag: string): string | undefined {
  const text = textValue(dataSet, tag);
  return text !== undefined && /^[0-9.]{1,64}$/.test(text) ? text : undefined;
}

/** The first value as a whole number: a JSON number, or text (VRs IS and DS may come as strings). */
export function integerValue(dataSet: DicomJson, tag: string): number | undefined {
  const text = textValue(dataSet, tag);
  return text !== undefined && /^[+-]?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** The items of a sequence. Throws DicomJsonError when one is not a data set. */
export function sequenceItems(dataSet: DicomJson, tag: string): DicomJson[] {
  return (dataSet[tag]?.Value ?? []).map(dataSetOf);
}

/** One element of our own. No values: an empty element, which the model writes without `Value` (PS3.18 section F.2.5). */
export function jsonElement(vr: string, values: readonly unknown[]): DicomJsonElement {
  return values.length === 0 ? { vr } : { vr, Value: [...values] };
}
