// Words for the search over studies: folded so that `muller` finds `MÜLLER^JÜRGEN`, and asked by prefix.

/** PostgreSQL refuses a lexeme of 2 kB; nobody searches by more than this. */
const MAX_WORD_CHARACTERS = 64;

/** A UID (digits and dots) is one word; else whatever is neither letter nor digit separates: `^`, `=`, `-`, spaces. */
const WORD = /\p{Nd}+(?:\.\p{Nd}+)+|[\p{L}\p{N}]+/gu;

/** Each different word once. */
export function searchWords(texts: readonly string[]): string[] {
  const words = texts.flatMap((text) => folded(text).match(WORD) ?? []);
  return [...new Set(words.map((word) => word.slice(0, MAX_WORD_CHARACTERS).toWellFormed()))];
}

const folded = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();

/** A tsquery that matches what has, for each word of the text, a word that begins with it; undefined when the text has no word. */
export function prefixQuery(text: string): string | undefined {
  const words = searchWords([text]);
  return words.length === 0 ? undefined : words.map((word) => `'${word}':*`).join(' & ');
}
