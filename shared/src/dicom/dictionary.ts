// VR of a tag where a data set does not say it (PS3.6). An own table of 47 KB, parsed at first use: dcmjs's dictionary brings 1.3 MB of code with it.
import { TAGS_BY_VR } from './dictionary-table.ts';

/** US or SS by Pixel Representation; OB or OW by Annex A of PS3.5; US or OW for look-up tables. */
export type AmbiguousVr = 'xs' | 'ox' | 'lt';

let vrByTag: Map<number, string> | undefined;

function table(): Map<number, string> {
  if (vrByTag !== undefined) return vrByTag;
  vrByTag = new Map();
  for (const [vr, tags] of Object.entries(TAGS_BY_VR)) {
    for (const tag of tags.trim().split(/\s+/)) vrByTag.set(Number.parseInt(tag, 16), vr);
  }
  return vrByTag;
}

/** Curves and overlays come in 16 groups each: 5000 to 501E, 6000 to 601E (PS3.5 section 7.6). */
function baseTag(tag: number): number {
  const group = tag >>> 16;
  const repeats = (group & 0xff01) === 0x5000 || (group & 0xff01) === 0x6000;
  return repeats ? (((group & 0xff00) << 16) | (tag & 0xffff)) >>> 0 : tag;
}

/** The VR of the standard, or one of the ambiguous ones; LO for private creators, UL for group lengths; undefined: private, or unknown to us. */
export function dictionaryVr(tag: number): string | undefined {
  const element = tag & 0xffff;
  if (element === 0) return 'UL';
  if (((tag >>> 16) & 1) === 1) return element >= 0x10 && element <= 0xff ? 'LO' : undefined;
  return table().get(baseTag(tag));
}

const UNAMBIGUOUS: Readonly<Record<string, string>> = { xs: 'US', ox: 'OW', lt: 'OW' };

/** A VR fit for reading the value without its context: US where it may be SS; UN for what is unknown. */
export function vrOfTag(tag: number): string {
  const vr = dictionaryVr(tag) ?? 'UN';
  return UNAMBIGUOUS[vr] ?? vr;
}
