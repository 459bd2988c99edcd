// What a run of tests in containers left behind, also when it was killed: found by its label and by the names of its networks.
import type { DockerClient } from './docker-client.ts';

/** On each container; its value names the run. */
export const LABEL = 'org.causeway-gateway.test-run';

/** Begins the name of a network of the run. */
export const networkPrefix = (run: string): string => `causeway-test-${run}-`;

export async function removeLeftovers(docker: DockerClient, run: string): Promise<void> {
  const containers = await docker.run(['ps', '--all', '--quiet', '--filter', `label=${LABEL}=${run}`]);
  if (containers !== '') await docker.run(['rm', '--force', '--volumes', ...containers.split('\n')]);
  const networks = await docker.run(['network', 'ls', '--quiet', '--filter', `name=${networkPrefix(run)}`]);
  if (networks !== '') await docker.run(['network', 'rm', ...networks.split('\n')]);
}
