// Set-up on a bare machine: `npm start`, `npm test` and the others run it first. Plain JavaScript without dependencies, for whatever Node is there.
// The real work is behind a dynamic import, so that an old Node reaches the message below instead of a syntax error.
const OLDEST_NODE = 18;

const major = Number(process.versions.node.split('.')[0]);
if (major < OLDEST_NODE) {
  console.error(
    `Causeway's set-up needs Node ${OLDEST_NODE} or newer (20 or newer is recommended); this is ${process.version}.\n` +
      'Debian 12: apt-get install nodejs npm.  Elsewhere, or for a newer one: https://nodejs.org/en/download\n' +
      'The gateway itself then runs on a Node 24 of its own, which npm brings.',
  );
  process.exit(1);
}
import('./setup/set-up.mjs').then(({ setUp }) => setUp(process.argv.slice(2)));
