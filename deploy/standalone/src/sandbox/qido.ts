// QIDO-RS: search for studies, series and instances (PS3.18 section 10.6).
import type { DicomJson } from '@causeway/shared/dicomweb/dicom-json';
import {
  type Described,
  describeInstance,
  describeSeries,
  describeStudy,
  instancePath,
  seriesPath,
  studyPath,
  toDicomJson,
} from './describe-level.ts';
import { answerStatus, type FaultBox } from './faults.ts';
import { answerJson, DICOM_JSON, drainRequest, type Exchange } from './http-exchange.ts';
import { type QueryLevel, SERIES_INSTANCE_UID, SOP_INSTANCE_UID, STUDY_INSTANCE_UID } from './indexed-attributes.ts';
import type { InstanceIndex } from './instance-index.ts';
import { matches, parseSearch, type Search } from './query-matching.ts';

export interface QidoParts {
  readonly index: InstanceIndex;
  readonly faults: FaultBox;
}

/** Zero results are 200 with an empty list (PS3.18 table 10.6.3-1; older editions said 204). */
export async function search(parts: QidoParts, level: QueryLevel, exchange: Exchange): Promise<void> {
  const asked = parseSearch(exchange.query, level);
  const fault = parts.faults.meet('qido');
  await drainRequest(exchange.request);
  if (fault?.mode === 'hang') return;
  if (fault?.mode === 'status') return answerStatus(exchange.response, fault);
  const { results, more } = select(candidates(parts.index, level, withinOf(asked, exchange.parameters)), asked);
  const warning = `299 ${exchange.baseUrl}: There are additional results that can be requested`;
  const answer = { status: 200, contentType: DICOM_JSON, ...(more ? { headers: { warning } } : {}) };
  answerJson(
    exchange.response,
    answer,
    results.map(({ described, path }): DicomJson => toDicomJson(described, exchange.baseUrl + path)),
  );
}

interface Candidate {
  readonly described: Described;
  readonly path: string;
}

/** Those under the path and under the UIDs asked for: an instance is found without a walk through the whole archive. */
function* candidates(index: InstanceIndex, level: QueryLevel, within: Within): Generator<Candidate> {
  const { study, series, instance } = within;
  if (level === 'study') {
    for (const found of index.selectStudies(study)) yield { described: describeStudy(found), path: studyPath(found) };
  } else if (level === 'series') {
    for (const found of index.selectSeries(study, series)) yield { described: describeSeries(found), path: seriesPath(found) };
  } else {
    for (const found of index.selectInstances(study, series, instance))
      yield { described: describeInstance(found), path: instancePath(found) };
  }
}

type Within = { readonly study?: string | undefined; readonly series?: string | undefined; readonly instance?: string | undefined };

function withinOf({ criteria }: Search, parameters: Readonly<Record<string, string>>): Within {
  const single = (tag: string): string | undefined => {
    const value = criteria.find(({ attribute }) => attribute.tag === tag)?.value;
    return value === undefined || /[,\\]/.test(value) ? undefined : value;
  };
  return {
    study: parameters.study ?? single(STUDY_INSTANCE_UID),
    series: parameters.series ?? single(SERIES_INSTANCE_UID),
    instance: single(SOP_INSTANCE_UID),
  };
}

/** In the order they were first stored, so that pages fit together. */
function select(all: Generator<Candidate>, { criteria, limit, offset }: Search): { results: Candidate[]; more: boolean } {
  const results: Candidate[] = [];
  let place = 0;
  for (const candidate of all) {
    if (!criteria.every(({ attribute, value }) => matches(attribute, value, candidate.described[attribute.tag] ?? ''))) continue;
    place += 1;
    if (place <= offset) continue;
    if (results.length === limit) return { results, more: true };
    results.push(candidate);
  }
  return { results, more: false };
}
