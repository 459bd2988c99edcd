// An element of the DICOM JSON Model from text, several values joined by a backslash (PS3.18 section F.2.2).
import { type DicomJsonElement, jsonElement } from './dicom-json.ts';

/** VRs whose one value may hold a backslash. */
const ONE_VALUE = new Set(['LT', 'ST', 'UT', 'UR']);
const NUMBERS = new Set(['IS', 'DS', 'US', 'SS', 'UL', 'SL', 'FL', 'FD', 'UV', 'SV']);
const PERSON_NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

/** An empty value among others is null; a number that JSON cannot carry exactly stays text. */
export function textElement(vr: string, text: string): DicomJsonElement {
  if (text === '') return jsonElement(vr, []);
  const values = ONE_VALUE.has(vr) ? [text] : text.split('\\');
  return jsonElement(
    vr,
    values.map((value) => (value === '' ? null : jsonValue(vr, value))),
  );
}

function jsonValue(vr: string, value: string): unknown {
  if (vr === 'PN') return personName(value);
  if (!NUMBERS.has(vr)) return value;
  const number = Number(value);
  const isExact = Number.isFinite(number) && (!Number.isInteger(number) || Number.isSafeInteger(number));
  return isExact && value.trim() !== '' ? number : value;
}

function personName(value: string): Record<string, string> {
  const groups = value.split('=');
  const named = PERSON_NAME_GROUPS.map((name, place) => [name, groups[place] ?? ''] as const);
  return Object.fromEntries(named.filter(([, group]) => group !== ''));
}
