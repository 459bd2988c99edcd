// What a client of WADO-RS takes (PS3.18 section 8.7): objects are sent as they are stored, nothing is transcoded or rendered.
import type { HeldInstance } from '@causeway/shared/database/holdings';
import { type MediaType, parseAccept } from '@causeway/shared/dicomweb/media-type';
import { HttpProblem } from '../http-problem.ts';

const ANYTHING = new Set(['*/*', 'multipart/*', 'application/*']);

/** `single`: the one instance alone, without multipart. Throws 406. A media type without transfer-syntax takes any: what is stored is what there is. */
export function chooseForm(accept: string | undefined, found: readonly HeldInstance[]): 'multipart' | 'single' {
  const types = parseAccept(accept ?? '*/*');
  const takes = (chosen: readonly MediaType[]): boolean =>
    found.every(({ transferSyntaxUid }) => chosen.some((type) => takesSyntax(type, transferSyntaxUid)));
  if (takes(types.filter(isMultipartDicom))) return 'multipart';
  if (found.length === 1 && takes(types.filter(({ essence }) => essence === 'application/dicom'))) return 'single';
  throw notAcceptable('multipart/related; type="application/dicom"; transfer-syntax=*');
}

function isMultipartDicom({ essence, parameters }: MediaType): boolean {
  if (essence === '*/*' || essence === 'multipart/*') return true;
  return essence === 'multipart/related' && (parameters.get('type') ?? 'application/dicom').toLowerCase() === 'application/dicom';
}

const takesSyntax = ({ parameters }: MediaType, stored: string): boolean =>
  ['*', stored].includes(parameters.get('transfer-syntax') ?? '*');

/** Throws 406 for who wants something else than JSON. */
export function assertTakesJson(accept: string | undefined): void {
  const json = parseAccept(accept ?? '*/*').some(
    ({ essence }) => ANYTHING.has(essence) || essence === 'application/dicom+json' || essence === 'application/json',
  );
  if (!json) throw notAcceptable('application/dicom+json');
}

const notAcceptable = (offered: string): HttpProblem =>
  new HttpProblem(406, {
    error: 'not-acceptable',
    detail: 'It is offered in no form that the request accepts.',
    whatToDo: `Ask with "Accept: ${offered}": objects are sent in the transfer syntax they are stored in.`,
  });
