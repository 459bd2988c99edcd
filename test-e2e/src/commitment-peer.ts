// dcmjs-dimse as a modality that asks for storage commitment, and hears the result on its own association or on one that the gateway opens.

import type { SopReference } from '@causeway/shared/dicom/storage-commitment/push-model';
import dcmjsDimse from 'dcmjs-dimse';

const { Client, Dataset, Scp, Server } = dcmjsDimse;
const { NActionRequest } = dcmjsDimse.requests;
const { NEventReportResponse } = dcmjsDimse.responses;
const { PresentationContextResult, TransferSyntax } = dcmjsDimse.constants;
dcmjsDimse.log.setLevel('error');

const PUSH_MODEL = '1.2.840.10008.1.20.1';
/** dcmjs-dimse answers 0110 unless told otherwise. */
const SUCCESS = 0;
const INSTANCE = '1.2.840.10008.1.20.1.1';

/** An N-EVENT-REPORT as it was heard. `failed`: SOP Instance UID to failure reason in hex. */
export interface HeardResult {
  readonly eventTypeId: number;
  readonly transactionUid: string;
  readonly committed: string[];
  readonly failed: Record<string, string>;
  readonly callingAe?: string;
}

type EventRequest = InstanceType<typeof dcmjsDimse.requests.NEventReportRequest>;
interface Item {
  readonly ReferencedSOPInstanceUID: string;
  readonly FailureReason?: number;
}

function heard(request: EventRequest): HeardResult {
  const dataset = request.getDataset()!;
  const items = (name: string): Item[] => [(dataset.getElement(name) as Item[] | Item | undefined) ?? []].flat();
  return {
    eventTypeId: request.getEventTypeId(),
    transactionUid: trimmed(dataset.getElement('TransactionUID') as string),
    committed: items('ReferencedSOPSequence').map((item) => trimmed(item.ReferencedSOPInstanceUID)),
    failed: Object.fromEntries(
      items('FailedSOPSequence').map((item) => [trimmed(item.ReferencedSOPInstanceUID), item.FailureReason!.toString(16).padStart(4, '0')]),
    ),
  };
}

const trimmed = (text: string): string => text.replace(/[\0 ]+$/, '');

export interface CommitmentRequestOptions {
  readonly port: number;
  readonly callingAe: string;
  readonly transactionUid: string;
  readonly references: readonly SopReference[];
  /** How long the association stays open after the N-ACTION-RSP, ms [0]. */
  readonly lingerMs?: number;
}

/** `status`: of the N-ACTION-RSP; `results`: what came on the same association before it was released. */
export function requestCommitment(options: CommitmentRequestOptions): Promise<{ status: number; results: HeardResult[] }> {
  const { port, callingAe, transactionUid, references, lingerMs = 0 } = options;
  const request = new NActionRequest(PUSH_MODEL, INSTANCE, 1);
  request.setDataset(
    new Dataset({
      TransactionUID: transactionUid,
      ReferencedSOPSequence: references.map((one) => ({
        ReferencedSOPClassUID: one.sopClassUid,
        ReferencedSOPInstanceUID: one.sopInstanceUid,
      })),
    }),
  );
  return new Promise((resolve, reject) => {
    const client = new Client();
    const results: HeardResult[] = [];
    let status: number | undefined;
    request.on('response', (response) => {
      status = response.getStatus();
    });
    client.on('nEventReportRequest', (event: EventRequest, answer: (response: unknown) => void) => {
      results.push(heard(event));
      const response = NEventReportResponse.fromRequest(event);
      response.setStatus(SUCCESS);
      answer(response);
    });
    client.on('networkError', reject);
    client.on('associationRejected', (result) => reject(new Error(`rejected: ${JSON.stringify(result)}`)));
    client.on('closed', () => (status === undefined ? reject(new Error('closed without a response')) : resolve({ status, results })));
    client.addRequest(request);
    client.send('127.0.0.1', port, callingAe, 'GATEWAY', { associationLingerTimeout: lingerMs });
  });
}

export interface CommitmentListener {
  readonly results: HeardResult[];
  close(): void;
}

/** Listens for results as a modality does. `status`: what it answers [0000]. */
export function listenForResults(port: number, status = SUCCESS): CommitmentListener {
  const results: HeardResult[] = [];
  class Modality extends Scp {
    #callingAe = '';
    override associationRequested(association: InstanceType<typeof dcmjsDimse.association.Association>): void {
      this.#callingAe = association.getCallingAeTitle();
      for (const { context } of association.getPresentationContexts() as {
        context: InstanceType<typeof dcmjsDimse.association.PresentationContext>;
      }[])
        context.setResult(PresentationContextResult.Accept, TransferSyntax.ImplicitVRLittleEndian);
      this.sendAssociationAccept();
    }
    override nEventReportRequest(event: EventRequest, answer: (response: InstanceType<typeof NEventReportResponse>) => void): void {
      results.push({ ...heard(event), callingAe: this.#callingAe });
      const response = NEventReportResponse.fromRequest(event);
      response.setStatus(status);
      answer(response);
    }
    override associationReleaseRequested(): void {
      this.sendAssociationReleaseResponse();
    }
  }
  const server = new Server(Modality);
  server.on('networkError', () => {});
  server.listen(port);
  return { results, close: () => server.close() };
}
