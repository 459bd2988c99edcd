// Media types with parameters, as Content-Type and Accept carry them (RFC 9110 section 8.3.1).

export interface MediaType {
  /** Lower case, e.g. `multipart/related`. */
  readonly essence: string;
  /** By lower-case name; quoted strings are unquoted. */
  readonly parameters: ReadonlyMap<string, string>;
}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const ESSENCE = new RegExp(`^\\s*(${TOKEN}/${TOKEN})\\s*`);
/** A value without quotes may hold a slash: senders write type=application/dicom although RFC 9110 wants it quoted. */
const PARAMETER = new RegExp(`;\\s*(?:(${TOKEN})\\s*=\\s*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s;",]+))\\s*)?`, 'y');
const MAX_CHARACTERS = 2048;

/** undefined: not a media type (or one of more than 2048 characters). The first of two parameters with one name counts. */
export function parseMediaType(text: string): MediaType | undefined {
  const start = text.length <= MAX_CHARACTERS ? ESSENCE.exec(text) : null;
  if (start === null) return undefined;
  const parameters = new Map<string, string>();
  PARAMETER.lastIndex = start[0].length;
  while (PARAMETER.lastIndex < text.length) {
    const match = PARAMETER.exec(text);
    if (match === null) return undefined;
    const [, name, quoted, plain] = match;
    const value = quoted?.replaceAll(/\\(.)/g, '$1') ?? plain;
    if (name !== undefined && value !== undefined && !parameters.has(name.toLowerCase())) parameters.set(name.toLowerCase(), value);
  }
  return { essence: start[1]!.toLowerCase(), parameters };
}

/** The alternatives of an Accept header, in the order they stand (weights are not weighed). Parts that do not parse are left out. */
export function parseAccept(text: string): MediaType[] {
  if (text.length > MAX_CHARACTERS) return [];
  const alternatives = text.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return alternatives.map(parseMediaType).filter((type) => type !== undefined);
}
