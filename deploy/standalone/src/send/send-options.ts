// The command line of `npm run send`.
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';
import type { SyntheticOptions } from './synthetic-study.ts';

export interface SendOptions {
  readonly paths: string[];
  readonly synthetic: SyntheticOptions | undefined;
  readonly host: string;
  readonly port: number;
  readonly calledAe: string;
  readonly callingAe: string;
  readonly associations: number;
  /** How often a failed instance is sent again. */
  readonly retries: number;
  readonly logFile: string | undefined;
  readonly quiet: boolean;
}

export const USAGE = `Send studies to the gateway by C-STORE.

  npm run send -- <files or folders>
  npm run send -- --synthetic <studies>x<instances>      studies of nobody, made on the way

  --host 127.0.0.1  --port 4104 (or CAUSEWAY_DICOM_PORT)
  --called GATEWAY  --calling CAUSEWAY_SEND      AE titles
  --associations 1      how many at a time
  --retries 1           how often an instance that was not accepted is sent again
  --log file.ndjson     a line for each instance: UID, SHA-256 of the data set sent, status
  --quiet               only the summary
synthetic only:
  --rows 512 --columns 512 --modality CT --institution TEXT
  --multi-frame N       one instance of N frames instead of one frame
  --seed N              the same seed, the same studies (default: another each time)
`;

/** The command line cannot be understood; the message says why. */
export class UsageProblem extends Error {
  override readonly name = 'UsageProblem';
}

const text = { type: 'string' } as const;

/** Throws UsageProblem. */
export function readSendOptions(commandLine: string[], environment: NodeJS.ProcessEnv): SendOptions {
  const { values, positionals } = parse(commandLine);
  const number = (name: keyof typeof values, fallback: number, least = 1): number => wholeNumber(name, values[name], { fallback, least });
  if (values.synthetic === undefined && positionals.length === 0)
    throw new UsageProblem('say what to send: files, folders, or --synthetic 2x20');
  if (values.synthetic !== undefined && positionals.length > 0) throw new UsageProblem('either files and folders or --synthetic, not both');
  return {
    paths: positionals,
    synthetic: values.synthetic === undefined ? undefined : { ...syntheticOf(values.synthetic, number), ...words(values) },
    host: values.host ?? '127.0.0.1',
    port: number('port', Number(environment.CAUSEWAY_DICOM_PORT ?? 4104)),
    calledAe: aeTitle('called', values.called ?? 'GATEWAY'),
    callingAe: aeTitle('calling', values.calling ?? 'CAUSEWAY_SEND'),
    associations: number('associations', 1),
    retries: number('retries', 1, 0),
    logFile: values.log,
    quiet: values.quiet ?? false,
  };
}

function parse(commandLine: string[]) {
  try {
    return parseArgs({
      args: commandLine,
      allowPositionals: true,
      options: {
        synthetic: text,
        host: text,
        port: text,
        called: text,
        calling: text,
        associations: text,
        retries: text,
        rows: text,
        columns: text,
        modality: text,
        'multi-frame': text,
        institution: text,
        seed: text,
        log: text,
        quiet: { type: 'boolean' },
      },
    });
  } catch (error) {
    throw new UsageProblem((error as Error).message);
  }
}

type NumberOption = (name: 'rows' | 'columns' | 'multi-frame' | 'seed', fallback: number, least?: number) => number;

function syntheticOf(shape: string, number: NumberOption): SyntheticOptions {
  const found = /^(\d+)x(\d+)$/.exec(shape);
  if (!found || Number(found[1]) < 1 || Number(found[2]) < 1)
    throw new UsageProblem(`--synthetic ${shape}: write <studies>x<instances>, for example 2x20`);
  return {
    studies: Number(found[1]),
    instances: Number(found[2]),
    seed: number('seed', randomInt(1, 2 ** 31), 0),
    rows: number('rows', 512),
    columns: number('columns', 512),
    frames: number('multi-frame', 1),
  };
}

const words = ({ modality, institution }: { modality?: string; institution?: string }): Partial<SyntheticOptions> => ({
  ...(modality === undefined ? {} : { modality }),
  ...(institution === undefined ? {} : { institution }),
});

function wholeNumber(name: string, value: unknown, { fallback, least }: { fallback: number; least: number }): number {
  if (value === undefined) return fallback;
  const number = Number(value);
  if (Number.isSafeInteger(number) && number >= least) return number;
  throw new UsageProblem(`--${name} ${value}: a whole number of at least ${least} is needed`);
}

/** PS3.5 section 6.2: 1 to 16 characters, no backslash, no control characters. */
function aeTitle(name: string, title: string): string {
  if (/^[ -[\]-~]{1,16}$/.test(title) && title.trim() !== '') return title;
  throw new UsageProblem(`--${name} ${title}: an AE title has 1 to 16 printable ASCII characters without backslash`);
}
