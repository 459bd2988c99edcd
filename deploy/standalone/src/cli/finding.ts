// What the doctor found, and how it is told: one line each, with what to do.
import { plainText } from './print-table.ts';

export interface Finding {
  readonly level: 'ok' | 'warning' | 'FAILED';
  readonly what: string;
  /** Of a warning or a failure. */
  readonly whatToDo?: string;
}

export const ok = (what: string): Finding => ({ level: 'ok', what });
export const warning = (what: string, whatToDo: string): Finding => ({ level: 'warning', what, whatToDo });
export const failed = (what: string, whatToDo: string): Finding => ({ level: 'FAILED', what, whatToDo });

const LEVEL_CHARACTERS = 9;
const MOST_CHARACTERS = 1000;

export function printFinding({ level, what, whatToDo }: Finding): string {
  const line = `${level.padEnd(LEVEL_CHARACTERS)}${plainText(what, MOST_CHARACTERS)}`;
  return whatToDo === undefined ? line : `${line}\n${' '.repeat(LEVEL_CHARACTERS)}-> ${plainText(whatToDo, MOST_CHARACTERS)}`;
}
