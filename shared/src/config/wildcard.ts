// Wildcards in rules: `*` stands for any characters, `?` for one.

/** Whether a text fits as a whole. The time is bounded by pattern length times text length; nothing recurses. */
export function wildcard(pattern: string): (text: string) => boolean {
  const p = [...pattern];
  return (text) => matches(p, [...text], (wanted, found) => wanted === '?' || wanted === found);
}

/** Whether whatever fits `special` fits `general` too, as far as the signs of the patterns tell: `?*` and `*?` are not seen to be alike. */
export function wildcardCovers(general: string, special: string): boolean {
  return matches([...general], [...special], (wanted, found) => wanted === found || (wanted === '?' && found !== '*'));
}

/** How much may still be compared; each comparison takes from it. */
export interface Steps {
  left: number;
}

/**
 * Whether some text fits both; true too when the steps run out. They are at most the product of the lengths, and few where the patterns begin differently.
 */
export function wildcardsMeet(one: string, other: string, steps: Steps): boolean {
  const [p, q] = [[...one], [...other]];
  const width = q.length + 1;
  const seen = new Set<number>();
  const open = [0];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    if (seen.has(place)) continue;
    steps.left -= 1;
    if (steps.left <= 0) return true;
    seen.add(place);
    const [i, j] = [Math.floor(place / width), place % width];
    if (i === p.length && j === q.length) return true;
    const [inOne, inOther] = [i < p.length, j < q.length];
    if (p[i] === '*') open.push(place + width, ...(inOther ? [place + 1] : []));
    else if (q[j] === '*') open.push(place + 1, ...(inOne ? [place + width] : []));
    else if (inOne && inOther && (p[i] === '?' || q[j] === '?' || p[i] === q[j])) open.push(place + width + 1);
  }
  return false;
}

/** `fits`: whether a sign of the pattern that is no `*` stands for the character. */
function matches(p: string[], t: string[], fits: (wanted: string, found: string) => boolean): boolean {
  let [at, star, resume] = [0, -1, 0];
  for (let i = 0; i < t.length; ) {
    if (p[at] === '*') [star, resume, at] = [at, i, at + 1];
    else if (at < p.length && fits(p[at]!, t[i]!)) [at, i] = [at + 1, i + 1];
    else if (star >= 0) [at, resume, i] = [star + 1, resume + 1, resume + 1];
    else return false;
  }
  return p.slice(at).every((character) => character === '*');
}
