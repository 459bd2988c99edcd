// What a search tells of a study, series or instance, as DICOM JSON (PS3.18 tables 10.6.3-3 to 10.6.3-5).
import type { HeldInstance, HeldSeries, HeldStudy } from '@causeway/shared/database/holdings';
import type { DicomJson } from '@causeway/shared/dicomweb/dicom-json';
import { LEVELS, QUERY_ATTRIBUTES, type QueryLevel } from '@causeway/shared/dicomweb/query-attributes';
import { textElement } from '@causeway/shared/dicomweb/text-element';

const AVAILABILITY = '00080056';
const RETRIEVE_URL = '00081190';
const SERIES_OF_STUDY = '00201206';
const INSTANCES_OF_STUDY = '00201208';
const INSTANCES_OF_SERIES = '00201209';

export const studyAnswer = (study: HeldStudy, base: string): DicomJson =>
  answer(
    'study',
    { ...study.attributes, ModalitiesInStudy: study.modalities.join('\\'), StudyInstanceUID: study.studyInstanceUid },
    {
      [SERIES_OF_STUDY]: textElement('IS', String(study.seriesCount)),
      [INSTANCES_OF_STUDY]: textElement('IS', String(study.instanceCount)),
      [RETRIEVE_URL]: textElement('UR', `${base}/studies/${study.studyInstanceUid}`),
    },
  );

export const seriesAnswer = (series: HeldSeries, base: string): DicomJson =>
  answer(
    'series',
    { ...series.attributes, StudyInstanceUID: series.studyInstanceUid, SeriesInstanceUID: series.seriesInstanceUid },
    {
      [INSTANCES_OF_SERIES]: textElement('IS', String(series.instanceCount)),
      [RETRIEVE_URL]: textElement('UR', `${base}/studies/${series.studyInstanceUid}/series/${series.seriesInstanceUid}`),
    },
  );

export const instanceAnswer = (instance: HeldInstance, base: string): DicomJson =>
  answer('instance', namedOf(instance), { [RETRIEVE_URL]: textElement('UR', `${base}${pathOf(instance)}`) });

const namedOf = (instance: HeldInstance): Record<string, string> => ({
  ...instance.attributes,
  StudyInstanceUID: instance.studyInstanceUid,
  SeriesInstanceUID: instance.seriesInstanceUid,
  SOPInstanceUID: instance.sopInstanceUid,
  SOPClassUID: instance.sopClassUid,
  AvailableTransferSyntaxUID: instance.transferSyntaxUid,
});

export const pathOf = ({ studyInstanceUid, seriesInstanceUid, sopInstanceUid }: HeldInstance): string =>
  `/studies/${studyInstanceUid}/series/${seriesInstanceUid}/instances/${sopInstanceUid}`;

/** In order of tags. What the instance does not have is left out. */
function answer(level: QueryLevel, named: Readonly<Record<string, string>>, more: DicomJson): DicomJson {
  const known = QUERY_ATTRIBUTES.filter((attribute) => LEVELS[level].includes(attribute.level) && named[attribute.keyword] !== undefined);
  const told = known.map(({ keyword, tag, vr }) => [tag, textElement(vr, named[keyword]!)] as const);
  const all = [...told, ...Object.entries(more), [AVAILABILITY, textElement('CS', 'ONLINE')] as const];
  return Object.fromEntries(all.sort(([one], [other]) => (one < other ? -1 : 1)));
}
