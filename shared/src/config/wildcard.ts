// Wildcards in rules: `*` stands for any characters, `?` for one.

/** Whether a text fits as a whole. The time is bounded by pattern length times text length; nothing recurses. */
export function wildcard(pattern: string): (text: string) => boolean {
  const p = [...pattern];
  return (text) => {
    const t = [...text];
    let [at, star, resume] = [0, -1, 0];
    for (let i = 0; i < t.length; ) {
      if (p[at] === '*') [star, resume, at] = [at, i, at + 1];
      else if (at < p.length && (p[at] === '?' || p[at] === t[i])) [at, i] = [at + 1, i + 1];
      else if (star >= 0) [at, resume, i] = [star + 1, resume + 1, resume + 1];
      else return false;
    }
    return p.slice(at).every((character) => character === '*');
  };
}
