// The port to where objects lie: a folder on one machine, an S3 store on a cluster.
import type { Readable } from 'node:stream';
import type { ObjectKey } from '../brands.ts';

export interface ObjectStat {
  readonly size: number;
  readonly modifiedAt: Date;
}

/** One object being written. Nothing of it is visible under its key before `commit` resolved; after `discard`, or a kill, nothing stays. */
export interface ObjectUpload {
  /** The bytes are copied before it returns. A promise means: wait before writing more (back-pressure). */
  write(chunk: Buffer): Promise<void> | undefined;
  /** Overwrites bytes already written, before commit (the digest's place in group 2). */
  patch(position: number, bytes: Buffer): void;
  /** Resolves when the object is durable (file synced, renamed, directory synced; or the PUT answered). Rejects with TransientError; then nothing is visible. */
  commit(): Promise<{ size: number }>;
  discard(): Promise<void>;
}

export interface ObjectStore {
  /** Begins an upload; the store is not touched before the first write or commit, which fail when it is out of reach or full. Two writers never use one key. */
  create(key: ObjectKey): ObjectUpload;
  /** The bytes from `start` (default 0) up to, without, `end` (default: size). Throws ObjectMissing or TransientError. */
  get(key: ObjectKey, range?: { start: number; end?: number }): Promise<Readable>;
  /** undefined: no such object. */
  stat(key: ObjectKey): Promise<ObjectStat | undefined>;
  /** Durable; deleting what is not there is no error. */
  delete(key: ObjectKey): Promise<void>;
  /** Every object whose key starts with `prefix`, in order of keys, read page by page. */
  list(prefix: string): AsyncIterable<ObjectStat & { key: ObjectKey }>;
  /** Space of the volume, where there is one. */
  freeBytes?(): Promise<{ free: number; total: number }>;
  /** Throws when the store cannot take objects now: a small object is written, synced and deleted. */
  probe(): Promise<void>;
}
