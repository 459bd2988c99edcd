// What the router remembers of studies: the endpoints that tagged instances matched, so that untagged ones can follow (followStudy).
import { createHash } from 'node:crypto';
import type { Bucket } from '@causeway/shared/bus/bus';
import { z } from 'zod';

export const STUDY_ENDPOINTS_BUCKET = 'study-endpoints';
/** Reports and corrections come days after the images, hardly ever months. */
export const STUDY_ENDPOINTS_MAX_AGE_MS = 30 * 86_400_000;
/** Studies whose entry this process wrote or saw last: most instances of a study say the same and cost no request. */
const MOST_CACHED = 10_000;

const entry = z.array(z.string().max(63)).max(5000);

export interface StudyAtHub {
  readonly studyInstanceUid: string;
  readonly hub: string;
}

export interface StudyEndpoints {
  /** Facility ids; empty when nothing is known yet. */
  find(study: StudyAtHub): Promise<string[]>;
  /** Adds to what is known. Resolves when it is stored. */
  remember(study: StudyAtHub, endpoints: string[]): Promise<void>;
}

/** The key names no study: a UID can lead to a patient. Two replicas that add at the same moment may lose one addition; the study's next instance repairs it. */
export function createStudyEndpoints(bucket: Bucket): StudyEndpoints {
  const cached = new Map<string, Set<string>>();
  const find = async (study: StudyAtHub): Promise<string[]> => {
    const value = await bucket.get(keyOf(study));
    return value === undefined ? [] : entry.parse(JSON.parse(Buffer.from(value).toString('utf8')));
  };
  return {
    find,
    remember: async (study, endpoints) => {
      const key = keyOf(study);
      if (endpoints.every((endpoint) => cached.get(key)?.has(endpoint))) return;
      const known = await find(study);
      const all = new Set([...known, ...endpoints]);
      if (all.size > known.length) await bucket.put(key, Buffer.from(JSON.stringify([...all])));
      keep(cached, key, all);
    },
  };
}

const keyOf = ({ studyInstanceUid, hub }: StudyAtHub): string =>
  `${createHash('sha256').update(studyInstanceUid).digest('hex').slice(0, 32)}.${hub}`;

function keep(cached: Map<string, Set<string>>, key: string, endpoints: Set<string>): void {
  cached.delete(key);
  cached.set(key, endpoints);
  if (cached.size > MOST_CACHED) cached.delete(cached.keys().next().value!);
}
