// What modalities send in a day, shrunk: mostly small images, some large, a few multi-frame ones, and real files in odd syntaxes; every one with a UID of its own.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { syntheticInstances } from '../../deploy/standalone/src/send/synthetic-study.ts';

export interface DayInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly dataSet: Buffer;
}

/** A data set in which every place of the SOP Instance UID is known. */
interface Template extends DayInstance {
  readonly uidPositions: readonly number[];
}

const REAL_FILES = '/usr/lib/python3/dist-packages/pydicom/data/test_files';
const MOST_REAL_BYTES = 3_000_000;
/** At the end of a UID: as many digits of its last component as may be replaced (a component does not begin with 0, PS3.5 section 9.1), enough for a million instances. */
const OWN_DIGITS = /(?<=[1-9]\d*)\d{1,6}$/;

const KINDS = [
  { of: 10_000, make: () => synthetic({ rows: 64, columns: 64 }) },
  { of: 2_400, make: () => synthetic({ rows: 192, columns: 192 }) },
  { of: 1_200, make: () => synthetic({ rows: 512, columns: 512 }) },
  { of: 100, make: () => synthetic({ rows: 256, columns: 256, frames: 30 }) },
  { of: 10, make: () => synthetic({ rows: 512, columns: 512, frames: 80 }) },
] as const;
/** Beside each 13,710 of those, so many real files. */
const REAL_OF = 2_000;

export class DayMix {
  readonly #templates: readonly { readonly upTo: number; readonly of: readonly Template[] }[];
  readonly #total: number;
  #count = 0;

  private constructor(groups: readonly { readonly share: number; readonly of: readonly Template[] }[]) {
    let upTo = 0;
    this.#templates = groups.map(({ share, of }) => {
      upTo += share;
      return { upTo, of };
    });
    this.#total = upTo;
  }

  static async load(): Promise<DayMix> {
    const made = KINDS.map(({ of: share, make }) => ({ share, of: [make()] }));
    return new DayMix([...made, { share: REAL_OF, of: await realTemplates() }]);
  }

  /** `random`: 0 to 1. */
  next(random: number): DayInstance {
    const group = this.#templates.find(({ upTo }) => random * this.#total < upTo)!;
    const number = this.#count++;
    return instanceOf(group.of[number % group.of.length]!, number);
  }

  /** One of each template. */
  *each(): Generator<DayInstance> {
    for (const { of } of this.#templates) for (const template of of) yield instanceOf(template, this.#count++);
  }

  /** Without the templates of these instances, which some real files make: they are broken. */
  without(instances: readonly DayInstance[]): DayMix {
    const stem = ({ sopInstanceUid, transferSyntaxUid }: DayInstance) => `${sopInstanceUid.replace(OWN_DIGITS, '')} ${transferSyntaxUid}`;
    const stems = new Set(instances.map(stem));
    let before = 0;
    const groups = this.#templates.map(({ upTo, of }) => {
      const share = upTo - before;
      before = upTo;
      return { share, of: of.filter((template) => !stems.has(stem(template))) };
    });
    return new DayMix(groups);
  }

  /** SOP class and transfer syntax of everything that may come, each pair once. */
  get contexts(): { sopClassUid: string; transferSyntaxUid: string }[] {
    const all = this.#templates.flatMap(({ of }) => of.map(({ sopClassUid, transferSyntaxUid }) => ({ sopClassUid, transferSyntaxUid })));
    return [...new Map(all.map((pair) => [`${pair.sopClassUid} ${pair.transferSyntaxUid}`, pair])).values()];
  }
}

export const digestOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** Where few digits can be replaced an instance may come again, with the same content. */
function instanceOf(template: Template, number: number): DayInstance {
  const sopInstanceUid = template.sopInstanceUid.replace(OWN_DIGITS, (digits) =>
    String(number).padStart(digits.length, '0').slice(-digits.length),
  );
  const dataSet = Buffer.from(template.dataSet);
  for (const position of template.uidPositions) dataSet.write(sopInstanceUid, position, 'latin1');
  return { ...template, sopInstanceUid, dataSet };
}

function synthetic(size: { rows: number; columns: number; frames?: number }): Template {
  const [instance] = syntheticInstances({ studies: 1, instances: 1, seed: size.rows, ...size });
  return templateOf({ ...instance!, dataSet: instance!.dataSet })!;
}

/** Those whose UID stands readable in the data set (deflated ones never do) and ends with two digits at least. */
async function realTemplates(): Promise<Template[]> {
  const names = (await readdir(REAL_FILES)).filter((name) => /\.dcm$/.test(name)).sort();
  const templates = await Promise.all(names.map((name) => realTemplate(join(REAL_FILES, name))));
  return templates.filter((template) => template !== undefined);
}

async function realTemplate(path: string): Promise<Template | undefined> {
  const file = await readFile(path);
  if (file.length > MOST_REAL_BYTES) return undefined;
  try {
    const { meta, dataSetOffset } = parseFileMeta(file)!;
    return templateOf({ ...meta, dataSet: file.subarray(dataSetOffset) });
  } catch {
    return undefined;
  }
}

function templateOf({ sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet }: DayInstance): Template | undefined {
  if (!OWN_DIGITS.test(sopInstanceUid)) return undefined;
  const uidPositions: number[] = [];
  for (let at = dataSet.indexOf(sopInstanceUid, 0, 'latin1'); at >= 0; at = dataSet.indexOf(sopInstanceUid, at + 1, 'latin1'))
    uidPositions.push(at);
  return uidPositions.length === 0 ? undefined : { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet, uidPositions };
}
