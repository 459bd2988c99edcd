// A gateway document in the body of a request: taken as an object or as text, and refused with every problem in it.
import {
  type GatewayDocument,
  GatewayDocumentError,
  parseGatewayDocument,
  readGatewayDocument,
} from '@causeway/shared/config/gateway-document';
import { z } from 'zod';
import { HttpProblem } from './http-problem.ts';

/** As an object, or as YAML or JSON text. */
export const postedDocument = z.union([z.record(z.string(), z.unknown()), z.string()]);

export interface ReadDocument {
  /** As its author wrote it. */
  readonly source: unknown;
  readonly document: GatewayDocument;
}

/** Throws a 422 that lists the problems. */
export function readPostedDocument(posted: z.infer<typeof postedDocument>): ReadDocument {
  try {
    const source = typeof posted === 'string' ? readGatewayDocument(posted) : posted;
    return { source, document: parseGatewayDocument(source) };
  } catch (error) {
    if (!(error instanceof GatewayDocumentError)) throw error;
    throw new HttpProblem(422, {
      error: 'invalid-document',
      detail: error.message,
      whatToDo: 'Correct every problem listed; the document that holds now stays in force.',
      problems: error.problems,
    });
  }
}
