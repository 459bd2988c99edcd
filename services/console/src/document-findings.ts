// What the author of a gateway document that holds is to be told of it.
import type { DocumentWarning } from '@causeway/shared/config/document-problems';
import { documentWarnings } from '@causeway/shared/config/document-warnings';
import type { GatewayDocument } from '@causeway/shared/config/gateway-document';
import { fieldsNotActedOn } from '@causeway/shared/config/not-acted-on';

/** `notActedOn`: fields that it sets in vain. */
export interface DocumentFindings {
  readonly warnings: readonly DocumentWarning[];
  readonly notActedOn: readonly string[];
}

export const findingsOf = (document: GatewayDocument): DocumentFindings => ({
  warnings: documentWarnings(document),
  notActedOn: fieldsNotActedOn(document),
});
