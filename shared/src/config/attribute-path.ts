// Attribute names as the gateway document writes them, and the tag paths they stand for.
import { createRequire } from 'node:module';
import { HEADER_ATTRIBUTES } from '../events/header-attributes.ts';

const TAG = /^\(?([0-9A-Fa-f]{4}),([0-9A-Fa-f]{4})\)?$/;
const PATH = /^[0-9A-Fa-f]{8}(\.[0-9A-Fa-f]{8}){0,7}$/;
const KEYWORD = /^[A-Z][A-Za-z0-9]{1,127}$/;

export const ATTRIBUTE_HELP =
  'must be an attribute: a keyword of PS3.6 such as InstitutionName, a tag such as (0008,0080), or a path of tags such as 00321064.00080100';

/**
 * The tag path of an attribute: 8 upper-case hex digits a level, levels joined by a dot (the first item of each sequence is meant).
 * Takes a keyword (PS3.6), `(gggg,eeee)` or a path; undefined when it is none of them.
 */
export function attributePath(name: string): string | undefined {
  const tag = TAG.exec(name);
  if (tag !== null) return `${tag[1]}${tag[2]}`.toUpperCase();
  if (PATH.test(name)) return name.toUpperCase();
  if (Object.hasOwn(HEADER_ATTRIBUTES, name)) return HEADER_ATTRIBUTES[name as keyof typeof HEADER_ATTRIBUTES];
  return KEYWORD.test(name) ? keywordTags().get(name) : undefined;
}

let tags: Map<string, string> | undefined;

/** Read when a document first names a keyword that is not on the short list: the dictionary takes 0.1 s and some MB to load. */
function keywordTags(): Map<string, string> {
  tags ??= readDictionary();
  return tags;
}

interface DictionaryEntry {
  readonly tag: string;
  readonly name: string;
  readonly version: string;
}

function readDictionary(): Map<string, string> {
  const { dictionary } = createRequire(import.meta.url)('dcmjs/dictionary') as { dictionary: Record<string, DictionaryEntry> };
  const found = new Map<string, string>();
  for (const entry of Object.values(dictionary)) {
    const tag = entry.version === 'PrivateTag' ? null : TAG.exec(entry.tag);
    if (tag !== null) found.set(entry.name, `${tag[1]}${tag[2]}`.toUpperCase());
  }
  return found;
}
