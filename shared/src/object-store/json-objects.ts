// Small objects of ours that are JSON: written durably, read whole, checked against their schema.
import type { z } from 'zod';
import type { ObjectKey } from '../brands.ts';
import { PermanentError, TransientError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';

/** A commitment of 100,000 references takes 7 MB. */
const MOST_BYTES = 32 * 1024 ** 2;

/** Resolves when it is durable. Rejects with TransientError; then nothing is visible. */
export async function writeJsonObject(store: ObjectStore, key: ObjectKey, value: object): Promise<void> {
  const upload = store.create(key);
  try {
    await upload.write(Buffer.from(JSON.stringify(value)));
    await upload.commit();
  } catch (error) {
    await upload.discard().catch(() => {});
    throw error;
  }
}

/** Throws ObjectMissing, TransientError, or PermanentError when it is not of its schema. */
export async function readJsonObject<T>(store: ObjectStore, key: ObjectKey, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(parseJson(await readWhole(store, key)));
  if (!parsed.success) throw new PermanentError(`object ${key} is not of its form: ${parsed.error.issues[0]?.path.join('.')}`);
  return parsed.data;
}

async function readWhole(store: ObjectStore, key: ObjectKey): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of await store.get(key)) {
      chunks.push(chunk as Buffer);
      bytes += (chunk as Buffer).length;
      if (bytes > MOST_BYTES) throw new PermanentError(`object ${key} has more than ${MOST_BYTES} bytes`);
    }
  } catch (error) {
    if (error instanceof PermanentError || error instanceof TransientError) throw error;
    throw new TransientError(`object ${key} could not be read`, { cause: error });
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
