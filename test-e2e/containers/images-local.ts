// `npm run images:local`: builds stand-ins for all official images, and prints what to set so that compositions and tests use them. The daemon, if it had to be started, stays.
import { reachDaemon } from './docker-daemon.ts';
import { FOREIGN_IMAGES, standInOf } from './foreign-images.ts';
import { allStandIns, buildStandIns } from './stand-in-images.ts';

const { docker } = await reachDaemon(process.env);
await buildStandIns(docker, allStandIns(), (text) => console.error(text));
console.log(`export DOCKER_HOST=${docker.host}`);
for (const { name, variable } of FOREIGN_IMAGES) console.log(`export ${variable}=${standInOf(name)}`);
