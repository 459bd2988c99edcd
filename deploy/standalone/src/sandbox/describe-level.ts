// A study, series or instance of the index as a DICOM JSON data set, as search and metadata answers carry it (PS3.18 section 10.6.3.3, Annex F).
import { type DicomJson, type DicomJsonElement, jsonElement } from '@causeway/shared/dicomweb/dicom-json';
import {
  AVAILABLE_TRANSFER_SYNTAX_UID,
  DERIVED_ATTRIBUTES,
  INDEXED_ATTRIBUTES,
  INSTANCE_AVAILABILITY,
  MODALITIES_IN_STUDY,
  NUMBER_OF_SERIES_RELATED_INSTANCES,
  NUMBER_OF_STUDY_RELATED_INSTANCES,
  NUMBER_OF_STUDY_RELATED_SERIES,
  RETRIEVE_URL,
} from './indexed-attributes.ts';
import { type Instance, instancesOf, modalitiesOf, type Series, type Study } from './instance-index.ts';

const VR_OF = new Map([...INDEXED_ATTRIBUTES, ...DERIVED_ATTRIBUTES].map(({ tag, vr }) => [tag, vr]));

/** Text by tag, values joined by a backslash; each level has those of the levels above it. */
export type Described = Record<string, string>;

export function describeStudy(study: Study): Described {
  return {
    ...study.attributes,
    [MODALITIES_IN_STUDY]: modalitiesOf(study).join('\\'),
    [INSTANCE_AVAILABILITY]: 'ONLINE',
    [NUMBER_OF_STUDY_RELATED_SERIES]: String(study.series.size),
    [NUMBER_OF_STUDY_RELATED_INSTANCES]: String(instancesOf(study)),
  };
}

export function describeSeries(series: Series): Described {
  return { ...describeStudy(series.study), ...series.attributes, [NUMBER_OF_SERIES_RELATED_INSTANCES]: String(series.instances.size) };
}

export function describeInstance(instance: Instance): Described {
  const newest = instance.versions.at(-1)!;
  return { ...describeSeries(instance.series), ...newest.attributes, [AVAILABLE_TRANSFER_SYNTAX_UID]: newest.transferSyntaxUid };
}

/** In order of tags. */
export function toDicomJson(described: Described, retrieveUrl: string): DicomJson {
  const elements: [string, DicomJsonElement][] = Object.entries(described).map(([tag, text]) => [tag, elementOf(VR_OF.get(tag)!, text)]);
  elements.push([RETRIEVE_URL, jsonElement('UR', [retrieveUrl])]);
  return Object.fromEntries(elements.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function elementOf(vr: string, text: string): DicomJsonElement {
  if (text === '') return jsonElement(vr, []);
  return jsonElement(
    vr,
    text.split('\\').map((value) => jsonValueOf(vr, value)),
  );
}

function jsonValueOf(vr: string, value: string): unknown {
  if (value === '') return null;
  if (vr === 'PN') return personNameOf(value);
  if (vr !== 'IS' && vr !== 'US') return value;
  const number = Number(value);
  return Number.isInteger(number) ? number : value;
}

function personNameOf(value: string): Record<string, string> {
  const groups = value.split('=');
  const names = ['Alphabetic', 'Ideographic', 'Phonetic'].map((name, place) => [name, groups[place] ?? '']);
  return Object.fromEntries(names.filter(([, group]) => group !== ''));
}

export const studyPath = (study: Study): string => `/studies/${study.uid}`;
export const seriesPath = (series: Series): string => `${studyPath(series.study)}/series/${series.uid}`;
export const instancePath = (instance: Instance): string => `${seriesPath(instance.series)}/instances/${instance.uid}`;
