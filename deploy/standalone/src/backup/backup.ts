// `npm run backup -- <folder|file.tar>`: the gateway may run or not.
import { statSync } from 'node:fs';
import { runCommand } from './command.ts';
import { writeBackup } from './write-backup.ts';

const USAGE = 'npm run backup -- <folder or file.tar>     (CAUSEWAY_DATA names the data folder; the gateway may be running)';

await runCommand(USAGE, async (target, { dataFolder, configFile, objectStore }) => {
  const file = await writeBackup({ dataFolder, configFile, target, say: (text) => console.log(`backup: ${text}`) });
  console.log(`${file}   ${(statSync(file).size / 1_000_000).toFixed(1)} MB`);
  if (objectStore) console.log(`It does not hold the objects: they lie in ${objectStore}.`);
  console.log('It holds images and secrets: keep it where only you can read it. Back again: npm run restore -- <file>');
});
