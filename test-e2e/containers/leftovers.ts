// What a run of tests in containers left behind, also when it was killed: found by its label and by the names of its networks.
import type { DockerClient } from './docker-client.ts';

/** On each container; its value names the run. */
export const LABEL = 'org.causeway-gateway.test-run';

/** Begins the name of a network of the run, and that of a composition. */
export const networkPrefix = (run: string): string => `causeway-test-${run}-`;

export async function removeLeftovers(docker: DockerClient, run: string): Promise<void> {
  const own = [
    await listed(docker, ['ps', '--all', `label=${LABEL}=${run}`]),
    await listed(docker, ['ps', '--all', `name=${networkPrefix(run)}`]),
  ];
  await removeAll(docker, ['rm', '--force', '--volumes'], [...new Set(own.flat())]);
  await removeAll(docker, ['network', 'rm'], await listed(docker, ['network', 'ls', `name=${networkPrefix(run)}`]));
  await removeAll(docker, ['volume', 'rm'], await listed(docker, ['volume', 'ls', `name=${networkPrefix(run)}`]));
}

/** The last word is the filter. */
async function listed(docker: DockerClient, words: readonly string[]): Promise<string[]> {
  const found = await docker.run([...words.slice(0, -1), '--quiet', '--filter', words.at(-1)!]);
  return found === '' ? [] : found.split('\n');
}

async function removeAll(docker: DockerClient, words: readonly string[], ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await docker.run([...words, ...ids]);
}
