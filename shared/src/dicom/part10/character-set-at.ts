// Which Specific Character Set governs a value: that of the nearest item around it that has one of its own, else the data set's (PS3.3 section C.12.1.1.2).
import { characterSetTerms, type DataSetScan } from './data-set-scanner.ts';

const SPECIFIC_CHARACTER_SET = '00080005';
const LEVEL = 8;

/** Where the items around a value would have their own set, nearest first: to be wanted of a scan together with the path. */
export function characterSetPaths(path: string): string[] {
  const paths: string[] = [];
  for (let end = path.length - LEVEL; end > 0; end -= LEVEL) paths.push(path.slice(0, end) + SPECIFIC_CHARACTER_SET);
  return paths;
}

/** Defined terms; the scan must have been asked for `characterSetPaths`. */
export function characterSetAt(
  { values, specificCharacterSet }: Pick<DataSetScan, 'values' | 'specificCharacterSet'>,
  path: string,
): string[] {
  const own = characterSetPaths(path).find((place) => values.has(place));
  return own === undefined ? specificCharacterSet : characterSetTerms(values.get(own));
}
