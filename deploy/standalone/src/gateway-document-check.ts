// The gateway document of CAUSEWAY_CONFIG, looked at before anything is started.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { documentWarnings } from '@causeway/shared/config/document-warnings';
import { type GatewayDocument, parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
import { fieldsNotActedOn } from '@causeway/shared/config/not-acted-on';
import { StartProblem } from './start-problem.ts';
import type { Say } from './terminal.ts';

/** Written when the gateway was ready for the first time: from then on there is a document in force. */
const IN_FORCE = 'document-in-force';

/** Lines about what is odd: a terminal is no place for two hundred. */
const MOST_TOLD = 10;

/**
 * The file to give to the console; undefined: none was named, or it is wrong and the document in force goes on.
 * Throws StartProblem (exit code 2) with every problem when there is none in force yet. What is odd about a right one is said.
 */
export function checkGatewayDocument(file: string | undefined, runFolder: string, say: Say): string | undefined {
  if (file === undefined) return undefined;
  const document = documentOf(file);
  if (!(document instanceof Error)) {
    for (const line of odditiesOf(document)) say(`WARNING: ${file}: ${line}`);
    return file;
  }
  const message = `${file} (CAUSEWAY_CONFIG) was not taken: ${document.message}`;
  if (!existsSync(join(runFolder, IN_FORCE))) throw new StartProblem(message, 2);
  say(`WARNING: ${message}`);
  say(
    'WARNING: the gateway goes on with the document that was in force before. Mend the file and start again, or change it on the web page.',
  );
  return undefined;
}

export function noteDocumentInForce(runFolder: string): void {
  writeFileSync(join(runFolder, IN_FORCE), '');
}

function documentOf(file: string): GatewayDocument | Error {
  try {
    return parseGatewayDocument(readGatewayDocument(readFileSync(file, 'utf8')));
  } catch (error) {
    return error as Error;
  }
}

function odditiesOf(document: GatewayDocument): string[] {
  const vain = fieldsNotActedOn(document).map((field) => `${field} is set, and this version does not act on it`);
  const all = [...documentWarnings(document).map(({ path, warning }) => `${path} ${warning}`), ...vain];
  return all.length <= MOST_TOLD ? all : [...all.slice(0, MOST_TOLD), `and ${all.length - MOST_TOLD} more, in the log of the console`];
}
