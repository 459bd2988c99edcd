// The index in memory: studies, their series, their instances; rebuilt from the index file at start.
import { INDEXED_ATTRIBUTES, MODALITY, type QueryLevel } from './indexed-attributes.ts';
import type { StoredInstance } from './stored-instance.ts';

type Attributes = Readonly<Record<string, string>>;

export interface Study {
  readonly uid: string;
  readonly attributes: Attributes;
  readonly series: Map<string, Series>;
}

export interface Series {
  readonly uid: string;
  readonly study: Study;
  readonly attributes: Attributes;
  readonly instances: Map<string, Instance>;
}

/** `versions`: every content that was stored under this UID, oldest first; the newest is what is served. */
export interface Instance {
  readonly uid: string;
  readonly series: Series;
  readonly versions: Version[];
}

export type Version = Omit<StoredInstance, 'studyInstanceUid' | 'seriesInstanceUid' | 'sopInstanceUid'>;

const TAGS_OF: Record<QueryLevel, string[]> = { study: [], series: [], instance: [] };
for (const { level, tag } of INDEXED_ATTRIBUTES) TAGS_OF[level].push(tag);

/** Study and series attributes are those of the first instance stored, and are kept once. */
export class InstanceIndex {
  readonly studies = new Map<string, Study>();
  instanceCount = 0;

  /** The same content twice (two requests at the same time) is one version. */
  add(record: StoredInstance): void {
    if (this.has(record)) return;
    const study = entry<Study>(this.studies, record.studyInstanceUid, () => ({
      uid: record.studyInstanceUid,
      attributes: attributesOf(record, 'study'),
      series: new Map(),
    }));
    const series = entry<Series>(study.series, record.seriesInstanceUid, () => ({
      uid: record.seriesInstanceUid,
      study,
      attributes: attributesOf(record, 'series'),
      instances: new Map(),
    }));
    const instance = entry<Instance>(series.instances, record.sopInstanceUid, () => {
      this.instanceCount += 1;
      return { uid: record.sopInstanceUid, series, versions: [] };
    });
    const { file, storedAt, size, digest, transferSyntaxUid, sopClassUid } = record;
    instance.versions.push({ file, storedAt, size, digest, transferSyntaxUid, sopClassUid, attributes: attributesOf(record, 'instance') });
  }

  /** Whether this content is stored under these UIDs already. */
  has(record: StoredInstance): boolean {
    const instance = this.studies.get(record.studyInstanceUid)?.series.get(record.seriesInstanceUid)?.instances.get(record.sopInstanceUid);
    return (
      instance?.versions.some((version) => version.digest === record.digest && version.transferSyntaxUid === record.transferSyntaxUid) ??
      false
    );
  }

  /** In the order they were first stored. A given UID restricts; an unknown one gives nothing. */
  selectStudies(studyUid?: string): Generator<Study> {
    return some(this.studies, studyUid);
  }

  *selectSeries(studyUid?: string, seriesUid?: string): Generator<Series> {
    for (const study of some(this.studies, studyUid)) yield* some(study.series, seriesUid);
  }

  *selectInstances(studyUid?: string, seriesUid?: string, instanceUid?: string): Generator<Instance> {
    for (const study of some(this.studies, studyUid)) {
      for (const series of some(study.series, seriesUid)) yield* some(series.instances, instanceUid);
    }
  }
}

export const modalitiesOf = (study: Study): string[] => [
  ...new Set([...study.series.values()].map((series) => series.attributes[MODALITY] ?? '').filter((modality) => modality !== '')),
];

export const instancesOf = (study: Study): number => [...study.series.values()].reduce((sum, series) => sum + series.instances.size, 0);

function entry<T>(map: Map<string, T>, uid: string, make: () => T): T {
  const present = map.get(uid);
  if (present !== undefined) return present;
  const made = make();
  map.set(uid, made);
  return made;
}

function* some<T>(map: Map<string, T>, uid: string | undefined): Generator<T> {
  if (uid === undefined) return yield* map.values();
  const found = map.get(uid);
  if (found !== undefined) yield found;
}

function attributesOf(record: StoredInstance, level: QueryLevel): Attributes {
  const present = TAGS_OF[level].filter((tag) => record.attributes[tag] !== undefined);
  return Object.fromEntries(present.map((tag) => [tag, record.attributes[tag]!]));
}
