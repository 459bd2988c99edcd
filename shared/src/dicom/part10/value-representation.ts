// The table of value representations: how each is framed and padded (PS3.5 sections 6.2 and 7.1.2).

/** `longForm`: 2 reserved bytes and a 32-bit length in explicit VR. `unit`: bytes that change order in big endian. `padding`: the byte that makes a value even. */
interface Representation {
  readonly longForm: boolean;
  readonly unit: 1 | 2 | 4 | 8;
  readonly padding: 0x00 | 0x20;
}

const text = { longForm: false, unit: 1, padding: 0x20 } as const;
const longText = { longForm: true, unit: 1, padding: 0x20 } as const;
const number = (unit: 2 | 4 | 8): Representation => ({ longForm: false, unit, padding: 0x00 });
const bulk = (unit: 1 | 2 | 4 | 8): Representation => ({ longForm: true, unit, padding: 0x00 });

const REPRESENTATIONS: Record<string, Representation> = {
  AE: text,
  AS: text,
  AT: number(2),
  CS: text,
  DA: text,
  DS: text,
  DT: text,
  FD: number(8),
  FL: number(4),
  IS: text,
  LO: text,
  LT: text,
  OB: bulk(1),
  OD: bulk(8),
  OF: bulk(4),
  OL: bulk(4),
  OV: bulk(8),
  OW: bulk(2),
  PN: text,
  SH: text,
  SL: number(4),
  SQ: bulk(1),
  SS: number(2),
  ST: text,
  SV: bulk(8),
  TM: text,
  UC: longText,
  UI: { longForm: false, unit: 1, padding: 0x00 },
  UL: number(4),
  UN: bulk(1),
  UR: longText,
  US: number(2),
  UT: longText,
  UV: bulk(8),
};

/** Both letters in one number, as they follow each other in the header. */
export const vrCode = (vr: string): number => (vr.charCodeAt(0) << 8) | vr.charCodeAt(1);

const NAMES = new Map(Object.keys(REPRESENTATIONS).map((vr) => [vrCode(vr), vr]));
const SHORT_FORM = new Set([...NAMES].filter(([, vr]) => !REPRESENTATIONS[vr]!.longForm).map(([code]) => code));

export const isKnownVr = (code: number): boolean => NAMES.has(code);
export const isShortForm = (code: number): boolean => SHORT_FORM.has(code);
export const vrName = (code: number): string => NAMES.get(code) ?? String.fromCharCode(code >> 8, code & 0xff);
/** A VR of the future has the 32-bit length and no known unit (PS3.5 section 6.2). */
export const isLongFormVr = (vr: string): boolean => REPRESENTATIONS[vr]?.longForm ?? true;
export const vrUnit = (vr: string): 1 | 2 | 4 | 8 => REPRESENTATIONS[vr]?.unit ?? 1;
export const vrPadding = (vr: string): number => REPRESENTATIONS[vr]?.padding ?? 0x00;
