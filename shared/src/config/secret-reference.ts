// How a part gets secrets without knowing where they are: references go in, values come out at the moment of use.
import { resolveSecret } from './secrets.ts';

/** `env:NAME` or `file:/path` to its value; throws TransientError naming the reference (secrets.ts). */
export type SecretReader = (reference: string) => Promise<string>;

export function createSecretReader(environment: NodeJS.ProcessEnv): SecretReader {
  return (reference) => resolveSecret(reference, environment);
}
