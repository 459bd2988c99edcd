// `npm run images:local`: builds stand-ins for all official images, and prints what to set so that compositions and tests use them. The daemon, if it had to be started, stays.
import { reachDaemon } from './docker-daemon.ts';
import { FOREIGN_IMAGES, standInOf } from './foreign-images.ts';
import { allStandIns, buildStandIns } from './stand-in-images.ts';

const { docker } = await reachDaemon(process.env);
await buildStandIns(docker, allStandIns(), (text) => console.error(text));
console.log(`export DOCKER_HOST=${docker.host}`);
for (const { name, variable, inCompositions } of FOREIGN_IMAGES)
  for (const set of [variable, inCompositions]) if (set !== undefined) console.log(`export ${set}=${standInOf(name)}`);
