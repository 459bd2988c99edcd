// `npm run restore -- <file.tar>`: into an empty data folder.
import { runCommand } from './command.ts';
import { readBackup } from './read-backup.ts';

const USAGE = 'npm run restore -- <file.tar>     (CAUSEWAY_DATA names the data folder; it must be empty or absent)';

await runCommand(USAGE, async (file, { dataFolder }) => {
  await readBackup({ dataFolder, file, say: (text) => console.log(`restore: ${text}`) });
  console.log(`${dataFolder} is complete. Start the gateway: what was not delivered when the backup was taken is set in motion again.`);
});
