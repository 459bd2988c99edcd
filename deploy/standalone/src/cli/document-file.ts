// A gateway document in a file: its text for the API, or checked here without a gateway.
import { readFile } from 'node:fs/promises';
import { documentWarnings } from '@causeway/shared/config/document-warnings';
import { GatewayDocumentError, parseGatewayDocument, readGatewayDocument } from '@causeway/shared/config/gateway-document';
import { fieldsNotActedOn } from '@causeway/shared/config/not-acted-on';
import { type ApiAnswer, ApiProblem } from './api-client.ts';
import { type CliParts, Refused } from './command.ts';
import type { Remarks } from './print-changes.ts';

export async function readDocumentText(path: string, { pathOf }: Pick<CliParts, 'pathOf'>): Promise<string> {
  try {
    return await readFile(pathOf(path), 'utf8');
  } catch (error) {
    throw new Refused(`${path} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
  }
}

/** The same check as the gateway's, in this process. Throws ApiProblem with every problem, as the API would answer. */
export function checkDocument(text: string): Remarks {
  try {
    const document = parseGatewayDocument(readGatewayDocument(text));
    return { warnings: documentWarnings(document), notActedOn: fieldsNotActedOn(document) };
  } catch (error) {
    if (!(error instanceof GatewayDocumentError)) throw error;
    throw new ApiProblem(422, invalid(error));
  }
}

const invalid = (error: GatewayDocumentError): ApiAnswer => ({
  error: 'invalid-document',
  detail: error.message,
  whatToDo: 'Correct every problem listed.',
  problems: error.problems.map(({ path, value, problem }) => ({ path, problem, ...(value === undefined ? {} : { value }) })),
});
