// Tag paths: 8 hex digits a level, always through the first item: '0032106400080100' is (0008,0100) in the first item of (0032,1064).

/** What is wanted below one place of a data set. */
export interface WantedTags {
  readonly children: Map<number, WantedTags>;
  /** The wanted paths that end here, as they were written: upper and lower case are one tag. */
  readonly paths: string[];
}

const PATH = /^([0-9A-Fa-f]{8})+$/;

/** The tag numbers of a path, outermost first. Throws on anything else: paths are written by us, never by a peer. */
export function tagsOfPath(path: string): number[] {
  if (!PATH.test(path)) throw new Error(`not a tag path: ${JSON.stringify(path)}`);
  return path.match(/.{8}/g)!.map((tag) => Number.parseInt(tag, 16));
}

export function wantedTags(paths: Iterable<string>): WantedTags {
  const root: WantedTags = { children: new Map(), paths: [] };
  for (const path of paths) {
    let place = root;
    for (const tag of tagsOfPath(path)) {
      if (!place.children.has(tag)) place.children.set(tag, { children: new Map(), paths: [] });
      place = place.children.get(tag)!;
    }
    if (!place.paths.includes(path)) place.paths.push(path);
  }
  return root;
}
