// Makes dictionary-table.ts from the dictionary of dcmjs: node shared/src/dicom/dictionary-generate.ts > shared/src/dicom/dictionary-table.ts
/** Entries of dcmjs's name map; `vr` is a VR, or one of its own words: ox (OB or OW), xs (US or SS), lt (US or OW), up (UL that is a file offset), na. */
interface Entry {
  readonly tag: string;
  readonly vr: string;
}

interface Dcmjs {
  readonly default: { readonly data: { readonly DicomMetaDictionary: { readonly nameMap: Record<string, Entry> } } };
}

/** A name that the type checker does not follow: dcmjs has no types. */
const DCMJS: string = 'dcmjs';
const TAGS_A_LINE = 15;
const HEAD = `// VRs of the data elements of PS3.6, by VR: 'xs' is US or SS, 'ox' OB or OW, 'lt' US or OW. Groups 5000 and 6000 stand for 50xx and 60xx. Made by dictionary-generate.ts.

export const TAGS_BY_VR: Readonly<Record<string, string>> = {
`;

/** The text of dictionary-table.ts. */
export async function dictionaryTable(): Promise<string> {
  const { DicomMetaDictionary } = ((await import(DCMJS)) as Dcmjs).default.data;
  const tagsByVr = new Map<string, Set<string>>();
  for (const { tag, vr } of Object.values(DicomMetaDictionary.nameMap)) {
    const digits = /^\(([0-9A-F]{4}),([0-9A-F]{4})\)$/.exec(tag);
    if (digits === null || vr === 'na') continue;
    const known = vr === 'up' ? 'UL' : vr;
    if (!tagsByVr.has(known)) tagsByVr.set(known, new Set());
    tagsByVr.get(known)!.add(`${digits[1]}${digits[2]}`);
  }
  const rows = [...tagsByVr]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([vr, tags]) => `  ${vr}: \`\n${lines([...tags].sort())}\n\`,`);
  return `${HEAD}${rows.join('\n')}\n};\n`;
}

function lines(tags: string[]): string {
  const result: string[] = [];
  for (let at = 0; at < tags.length; at += TAGS_A_LINE) result.push(tags.slice(at, at + TAGS_A_LINE).join(' '));
  return result.join('\n');
}

if (import.meta.main) process.stdout.write(await dictionaryTable());
