// Which header attributes are read from a data set, and how they become text: for the receiver, and wherever an instance is described again from its object.
import { characterSetAt, characterSetPaths } from '../dicom/part10/character-set-at.ts';
import { decodeText } from '../dicom/part10/charset.ts';
import type { DataSetScan } from '../dicom/part10/data-set-scanner.ts';
import { isUid } from '../dicom/uid.ts';
import { HEADER_ATTRIBUTES } from '../events/header-attributes.ts';
import type { Instance } from '../events/instance.ts';
import type { GatewayDocument } from './gateway-document.ts';
import { attributesOfRules } from './rule-condition.ts';

export interface HeaderReader {
  /** Tag paths, 8 hex digits a level. */
  readonly wanted: string[];
  identity(scan: DataSetScan): Pick<Instance, 'studyInstanceUid' | 'seriesInstanceUid'>;
  attributes(scan: DataSetScan): Record<string, string>;
}

const STUDY_INSTANCE_UID = '0020000D';
const SERIES_INSTANCE_UID = '0020000E';
const ALWAYS = ['00080016', '00080018', STUDY_INSTANCE_UID, SERIES_INSTANCE_UID];
const MOST_CHARACTERS = 1_024;

/** For one revision of the gateway document: what its rules ask for is read in addition. */
export function createHeaderReader(document: GatewayDocument): HeaderReader {
  const ofRules = [...attributesOfRules(document)].map(([name, path]) => [name, path.replaceAll('.', '')] as const);
  const names = new Map<string, string>([...Object.entries(HEADER_ATTRIBUTES), ...ofRules]);
  return {
    wanted: [...new Set([...ALWAYS, ...[...names.values()].flatMap((path) => [path, ...characterSetPaths(path)])])],
    identity: (scan) => ({ studyInstanceUid: validUid(scan, STUDY_INSTANCE_UID), seriesInstanceUid: validUid(scan, SERIES_INSTANCE_UID) }),
    attributes: (scan) => {
      const attributes: Record<string, string> = {};
      for (const [name, path] of names) {
        const value = scan.values.get(path);
        if (!value || value.length === 0) continue;
        attributes[name] = decodeText(value, scan.vrs.get(path) ?? 'LO', characterSetAt(scan, path)).slice(0, MOST_CHARACTERS);
      }
      return attributes;
    },
  };
}

function validUid(scan: DataSetScan, path: string): string | undefined {
  const uid = uidOf(scan.values.get(path));
  return isUid(uid) ? uid : undefined;
}

/** Padding of UIDs is a NUL; spaces and several NULs are met in practice. */
export const uidOf = (value: Buffer | undefined): string => (value ?? Buffer.alloc(0)).toString('latin1').replace(/[\0 ]+$/, '');
