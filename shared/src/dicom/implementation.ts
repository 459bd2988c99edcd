// How this implementation names itself to peers and in files: PS3.7 section D.3.3.2, PS3.10 section 7.1.

/** Drawn once as a UUID (PS3.5 section B.2); a new value means an incompatible implementation, not a new release. */
export const IMPLEMENTATION_CLASS_UID = '2.25.76744775919735008904287128478640281643';

/** At most 16 characters (PS3.7 table D.3-4). */
export const IMPLEMENTATION_VERSION_NAME = 'CAUSEWAY_01';
