// What a backup says about itself, in its first file.
import { z } from 'zod';

export const FACTS = 'causeway-backup.json';
export const FORMAT = 1;

export const backupFacts = z.object({
  format: z.literal(FORMAT),
  at: z.string(),
  /** Taken while the gateway was running. */
  live: z.boolean(),
  /** The database's files can be read by this major version of PostgreSQL alone. */
  postgresMajor: z.string(),
});
export type BackupFacts = z.infer<typeof backupFacts>;
