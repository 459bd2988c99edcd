// One stored instance as the index file keeps it.
import { z } from 'zod';

const uid = z.string().regex(/^[0-9.]{1,64}$/);

/** `size`: bytes of the file; `digest`: lower-case hex SHA-256 of the data set without preamble and group 2; `attributes`: text by tag, values joined by a backslash. */
export const storedInstance = z.object({
  file: z.string().regex(/^[0-9a-f]{32}-[0-9a-f-]{36}\.dcm$/),
  storedAt: z.iso.datetime(),
  size: z.int().min(0),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  transferSyntaxUid: uid,
  sopClassUid: uid,
  sopInstanceUid: uid,
  studyInstanceUid: uid,
  seriesInstanceUid: uid,
  attributes: z.record(z.string(), z.string()),
});
export type StoredInstance = z.infer<typeof storedInstance>;
