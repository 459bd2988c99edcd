// What is needed to run the gateway, in order; each step does nothing when its result is there.
import { installClusterNatsServer } from './cluster-nats-server.mjs';
import { installHelm } from './helm.mjs';
import { installNatsServer } from './nats-server.mjs';
import { installPackages } from './packages.mjs';
import { installContainers, installPeers } from './peers.mjs';
import { SetUpProblem } from './problem.mjs';

/** `--peers`: also the foreign programs that the tests and the benchmark talk to. `--helm`: helm and kubectl only. `--quiet`: not a word when nothing is to be done. */
export async function setUp(options) {
  const quiet = options.includes('--quiet');
  const say = (text) => console.log(`set-up: ${text}`);
  const started = Date.now();
  try {
    let done = await installPackages(say);
    done = (await installNatsServer(say)) || done;
    if (options.includes('--peers')) done = installPeers(say) || done;
    if (options.includes('--peers')) done = (await installClusterNatsServer(say)) || done;
    if (options.includes('--containers')) done = installContainers(say) || done;
    if (options.includes('--peers') || options.includes('--helm')) done = (await installHelm(say)) || done;
    if (done) say(`done in ${((Date.now() - started) / 1000).toFixed(1)} s`);
    else if (!quiet) say('all is there');
  } catch (error) {
    if (!(error instanceof SetUpProblem)) throw error;
    console.error(`\nset-up: ${error.message}`);
    process.exitCode = 1;
  }
}
