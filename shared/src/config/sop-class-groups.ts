// Names for groups of SOP Classes that rules speak of (PS3.4 Annex B.5, PS3.6 Annex A), so that nobody has to write UIDs.
import { z } from 'zod';

const STORAGE = '1.2.840.10008.5.1.4.1.1';

/** Name to SOP Class UIDs. */
export const SOP_CLASS_GROUPS: Record<string, readonly string[]> = {
  cr: [`${STORAGE}.1`],
  dx: [`${STORAGE}.1.1`, `${STORAGE}.1.1.1`],
  mammography: [`${STORAGE}.1.2`, `${STORAGE}.1.2.1`],
  tomosynthesis: [`${STORAGE}.13.1.3`, `${STORAGE}.13.1.4`, `${STORAGE}.13.1.5`],
  ct: [`${STORAGE}.2`, `${STORAGE}.2.1`, `${STORAGE}.2.2`],
  mr: [`${STORAGE}.4`, `${STORAGE}.4.1`, `${STORAGE}.4.3`, `${STORAGE}.4.4`],
  ultrasound: [`${STORAGE}.6`, `${STORAGE}.6.1`],
  'ultrasound-multiframe': [`${STORAGE}.3`, `${STORAGE}.3.1`, `${STORAGE}.6.2`],
  xa: [`${STORAGE}.12.1`, `${STORAGE}.12.1.1`],
  rf: [`${STORAGE}.12.2`, `${STORAGE}.12.2.1`],
  nm: [`${STORAGE}.5`, `${STORAGE}.20`],
  pet: [`${STORAGE}.128`, `${STORAGE}.128.1`, `${STORAGE}.130`],
  'secondary-capture': [`${STORAGE}.7`, `${STORAGE}.7.1`, `${STORAGE}.7.2`, `${STORAGE}.7.3`, `${STORAGE}.7.4`],
  'visible-light': [`${STORAGE}.77.1.1`, `${STORAGE}.77.1.2`, `${STORAGE}.77.1.3`, `${STORAGE}.77.1.4`, `${STORAGE}.77.1.7`],
  video: [`${STORAGE}.77.1.1.1`, `${STORAGE}.77.1.2.1`, `${STORAGE}.77.1.4.1`],
  'whole-slide': [`${STORAGE}.77.1.6`],
  ophthalmic: [`${STORAGE}.77.1.5.1`, `${STORAGE}.77.1.5.2`, `${STORAGE}.77.1.5.4`],
  segmentation: [`${STORAGE}.66.4`, `${STORAGE}.66.5`],
  'structured-report': [
    `${STORAGE}.88.11`,
    `${STORAGE}.88.22`,
    `${STORAGE}.88.33`,
    `${STORAGE}.88.34`,
    `${STORAGE}.88.35`,
    `${STORAGE}.88.50`,
    `${STORAGE}.88.65`,
    `${STORAGE}.88.67`,
    `${STORAGE}.88.68`,
    `${STORAGE}.88.71`,
  ],
  'key-object': [`${STORAGE}.88.59`],
  'presentation-state': [
    `${STORAGE}.11.1`,
    `${STORAGE}.11.2`,
    `${STORAGE}.11.3`,
    `${STORAGE}.11.4`,
    `${STORAGE}.11.5`,
    `${STORAGE}.11.6`,
    `${STORAGE}.11.7`,
    `${STORAGE}.11.8`,
  ],
  'encapsulated-document': [`${STORAGE}.104.1`, `${STORAGE}.104.2`, `${STORAGE}.104.3`, `${STORAGE}.104.4`, `${STORAGE}.104.5`],
  'rt-image': [`${STORAGE}.481.1`],
  'rt-dose': [`${STORAGE}.481.2`],
  'rt-structure-set': [`${STORAGE}.481.3`],
  'rt-plan': [`${STORAGE}.481.5`, `${STORAGE}.481.8`],
  waveform: [`${STORAGE}.9.1.1`, `${STORAGE}.9.1.2`, `${STORAGE}.9.1.3`, `${STORAGE}.9.2.1`, `${STORAGE}.9.3.1`, `${STORAGE}.9.4.1`],
};

const UID = /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){1,31}$/;
const HELP = `must be a SOP Class UID or one of ${Object.keys(SOP_CLASS_GROUPS).join(', ')}`;

/** A SOP Class UID or the name of a group; kept as written. */
export const sopClassName = () =>
  z
    .string({ error: HELP })
    .refine((value) => Object.hasOwn(SOP_CLASS_GROUPS, value) || (UID.test(value) && value.length <= 64), { error: HELP });

/** Whether the SOP Class is the one named, or in the group named. */
export const isInSopClass = (sopClassUid: string, named: string): boolean =>
  sopClassUid === named || (SOP_CLASS_GROUPS[named]?.includes(sopClassUid) ?? false);
