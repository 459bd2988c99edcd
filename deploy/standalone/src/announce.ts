// What the user needs to know once the gateway is ready.
import { networkInterfaces } from 'node:os';
import { readIfThere } from './atomic-file.ts';
import type { DataFolder } from './data-folder.ts';
import type { Secrets } from './secrets.ts';
import type { Settings } from './settings.ts';

export interface ReadyFacts {
  readonly settings: Settings;
  readonly data: DataFolder;
  readonly secrets: Secrets;
  readonly seconds: number;
}

export function announcement({ settings, data, secrets, seconds }: ReadyFacts): string {
  const { dicomPort, httpPort, sandboxPort } = settings;
  const page = `http://${reachable(settings.httpHost)}:${httpPort}/`;
  const send = dicomPort === 4104 ? 'npm run send --' : `CAUSEWAY_DICOM_PORT=${dicomPort} npm run send --`;
  return `
  Causeway is ready (${seconds.toFixed(1)} s)

    DICOM          port ${dicomPort} on ${dicomAddresses(settings.dicomHost)}, called AE title GATEWAY
    Web page       ${page}   user admin${passwordNote(secrets)}
    Sandbox        http://127.0.0.1:${sandboxPort}/dicom-web   (the archive that studies go to by default)

    Send a study   ${send} --synthetic 2x20      or   ${send} <files or folders>
                   storescu -aec GATEWAY +sd +r 127.0.0.1 ${dicomPort} <folder>
    Logs           ${data.log}
    Stop           Ctrl-C (finishes what is open)
`;
}

/** Said only while it is still the first one: the console removes the file when the password is changed. */
function passwordNote(secrets: Secrets): string {
  const password = readIfThere(secrets.firstPasswordFile)?.trim();
  return password ? `, first password ${password}` : '';
}

const reachable = (host: string): string => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host.includes(':') ? `[${host}]` : host);

function dicomAddresses(host: string): string {
  if (host !== '0.0.0.0' && host !== '::') return host;
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  return ['127.0.0.1', ...own].slice(0, 4).join(', ');
}

/** Where the supervisor itself asks. */
export const readyUrl = ({ httpHost, httpPort }: Settings): string => `http://${reachable(httpHost)}:${httpPort}/health/ready`;
