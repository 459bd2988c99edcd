// Gets every image that tests run: official ones pulled, stand-ins where they cannot be, the gateway's built from the checkout.
import { resolve } from 'node:path';
import type { DockerClient } from './docker-client.ts';
import { FOREIGN_IMAGES, type ForeignImage, standInOf } from './foreign-images.ts';
import { buildStandIns, type Say } from './stand-in-images.ts';

const ROOT = resolve(import.meta.dirname, '..', '..');

/** What the environment has to say so that these images are used. */
export type ImageVariables = Readonly<Record<string, string>>;

/** `environment` may name images; those are taken as they are. */
export async function provideImages(docker: DockerClient, environment: NodeJS.ProcessEnv, say: Say): Promise<ImageVariables> {
  const missing: ForeignImage[] = [];
  const variables: Record<string, string> = {};
  for (const image of FOREIGN_IMAGES) {
    const named = environment[image.variable];
    if (named) variables[image.variable] = named;
    else if (await isThere(docker, image.official)) variables[image.variable] = image.official;
    else missing.push(image);
  }
  if (missing.length > 0) {
    say(`not to be had from a registry: ${missing.map(({ official }) => official).join(', ')}`);
    await buildStandIns(
      docker,
      missing.map(({ name }) => name),
      say,
    );
  }
  for (const { variable, name } of missing) variables[variable] = standInOf(name);
  return { ...variables, CAUSEWAY_IMAGE: environment.CAUSEWAY_IMAGE || (await buildGateway(docker, variables.CAUSEWAY_IMAGE_NODE!, say)) };
}

const isThere = async (docker: DockerClient, image: string): Promise<boolean> =>
  (await docker.succeeds(['image', 'inspect', image])) || docker.succeeds(['pull', '--quiet', image]);

/** The image of this checkout. */
async function buildGateway(docker: DockerClient, nodeImage: string, say: Say): Promise<string> {
  say('building the gateway');
  const tag = 'causeway:checkout';
  const file = resolve(ROOT, 'deploy', 'compose', 'Dockerfile');
  await docker.run(['build', '--quiet', '--build-arg', `NODE_IMAGE=${nodeImage}`, '--file', file, '--tag', tag, ROOT]);
  return tag;
}
