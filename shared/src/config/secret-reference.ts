// Secrets stand in the gateway document as references, never as values: env:NAME or file:PATH.
import { readFile } from 'node:fs/promises';
import { TransientError } from '../errors.ts';

/** Resolves a reference at the time of use, so that a rotated file is taken without restart. Throws TransientError, naming the reference. */
export type SecretReader = (reference: string) => Promise<string>;

/** Trailing line ends of a file are not part of the secret. */
export function createSecretReader(environment: Readonly<Record<string, string | undefined>>): SecretReader {
  return async (reference) => {
    if (reference.startsWith('env:')) return fromEnvironment(environment, reference);
    if (reference.startsWith('file:')) return fromFile(reference);
    throw new TransientError('a secret reference is neither env:NAME nor file:PATH');
  };
}

function fromEnvironment(environment: Readonly<Record<string, string | undefined>>, reference: string): string {
  const value = environment[reference.slice('env:'.length)];
  if (value === undefined || value === '') throw new TransientError(`${reference} is not set in the environment of this service`);
  return value;
}

async function fromFile(reference: string): Promise<string> {
  try {
    return (await readFile(reference.slice('file:'.length), 'utf8')).replace(/[\r\n]+$/, '');
  } catch (error) {
    throw new TransientError(`${reference} cannot be read`, { cause: error });
  }
}
