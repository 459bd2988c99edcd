// Secrets are references in the gateway document; here they become values, at the moment of use, so that a changed one is taken up.
import { readFile } from 'node:fs/promises';
import { TransientError } from '../errors.ts';

/**
 * The value behind `env:NAME` or `file:/path` (trailing line breaks of a file do not count).
 * Throws a TransientError that names the reference and never a value: a secret that is not there may be put there.
 */
export async function resolveSecret(reference: string, environment: NodeJS.ProcessEnv = process.env): Promise<string> {
  const value = reference.startsWith('env:') ? environment[reference.slice('env:'.length)] : await fileText(reference);
  if (value === undefined || value === '') throw new TransientError(`the secret ${shown(reference)} is not set or empty`);
  return value;
}

async function fileText(reference: string): Promise<string> {
  if (!reference.startsWith('file:/')) throw new TransientError('a secret must be a reference env:NAME or file:/path');
  try {
    return (await readFile(reference.slice('file:'.length), 'utf8')).replace(/[\r\n]+$/, '');
  } catch (error) {
    throw new TransientError(`the secret ${shown(reference)} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}

const shown = (reference: string): string => reference.slice(0, 200);
