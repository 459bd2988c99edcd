// The gateway document of CAUSEWAY_CONFIG, looked at before anything is started.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
import { StartProblem } from './start-problem.ts';
import type { Say } from './terminal.ts';

/** Written when the gateway was ready for the first time: from then on there is a document in force. */
const IN_FORCE = 'document-in-force';

/**
 * The file to give to the console; undefined: none was named, or it is wrong and the document in force goes on.
 * Throws StartProblem (exit code 2) with every problem when there is none in force yet.
 */
export function checkGatewayDocument(file: string | undefined, runFolder: string, say: Say): string | undefined {
  if (file === undefined) return undefined;
  const problem = problemOf(file);
  if (problem === undefined) return file;
  const message = `${file} (CAUSEWAY_CONFIG) was not taken: ${problem}`;
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

function problemOf(file: string): string | undefined {
  try {
    parseGatewayDocument(readGatewayDocument(readFileSync(file, 'utf8')));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
