// Whether a DICOM listener can be reached from here: TCP, TLS with its certificate, C-ECHO.
import { connect as tcpConnect } from 'node:net';
import { type ConnectionOptions, connect as tlsConnect } from 'node:tls';
import { AssociationRejected, associate } from '@causeway/shared/dicom/dimse/scu';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from '@causeway/shared/dicom/implementation';
import { type Finding, failed, ok, warning } from './finding.ts';
import type { Listener } from './gateway-status.ts';

export interface ListenerVisit {
  readonly host: string;
  readonly callingAe: string;
  readonly calledAe: string;
  /** Client certificate and key, PEM; undefined: none is given. */
  readonly client: { readonly cert: string; readonly key: string } | undefined;
  readonly now: Date;
}

const VERIFICATION_SOP_CLASS = '1.2.840.10008.1.1';
const IMPLICIT_LITTLE = '1.2.840.10008.1.2';
const TIMEOUTS = { connectMs: 5_000, associateMs: 5_000, responseMs: 5_000 };
const DAY_MS = 86_400_000;
/** As the receiver warns. */
const SOON_DAYS = 30;
/** PS3.8 table 9-21, source 1. */
const CALLING_AE_NOT_RECOGNIZED = 3;
const CALLED_AE_NOT_RECOGNIZED = 7;

export async function checkListener(listener: Listener, visit: ListenerVisit): Promise<Finding[]> {
  const place = `listener ${listener.id} (${visit.host}:${listener.port}${listener.tls ? ', TLS' : ''})`;
  const unreachable = await tcpProblem(visit.host, listener.port);
  if (unreachable !== undefined)
    return [
      failed(
        `${place} cannot be reached: ${unreachable}`,
        'Is the receiver ready, and does a firewall stand between? --dicom-host names another address of it.',
      ),
    ];
  if (listener.proxyProtocol) return [ok(`${place} is reached; C-ECHO is its balancer's matter (PROXY protocol)`)];
  const certificate = listener.tls ? await checkCertificate(place, listener, visit) : [];
  if (certificate.some(({ level }) => level === 'FAILED')) return certificate;
  if (listener.clientCert === 'required' && visit.client === undefined)
    return [...certificate, ok(`${place} is reached; C-ECHO needs a client certificate: --tls-cert FILE --tls-key FILE`)];
  return [...certificate, await echo(place, listener, visit)];
}

/** undefined: it answers. */
function tcpProblem(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = tcpConnect({ host, port, timeout: TIMEOUTS.connectMs }, () => finish(undefined));
    const finish = (problem: string | undefined): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.once('timeout', () => finish('no answer in time'));
    socket.once('error', (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
  });
}

/** Whose certificate it is, modalities check; here only that there is one and how long it is valid. */
const tlsOptions = ({ client }: ListenerVisit): ConnectionOptions => ({ rejectUnauthorized: false, ...client });

async function checkCertificate(place: string, { port }: Listener, visit: ListenerVisit): Promise<Finding[]> {
  const validTo = await certificateEnd(visit, port).catch((error: NodeJS.ErrnoException) => error);
  if (validTo instanceof Error)
    return [
      failed(
        `${place} speaks no TLS: ${validTo.code ?? validTo.message}`,
        'Look at the log of the receiver: it names what is wrong with the certificate.',
      ),
    ];
  const days = Math.floor((validTo.getTime() - visit.now.getTime()) / DAY_MS);
  const whatToDo = 'Replace the files of listeners.tls: new ones are taken up within seconds.';
  if (days < 0) return [failed(`${place}: its certificate has expired`, whatToDo)];
  return days < SOON_DAYS ? [warning(`${place}: its certificate expires in ${days} days`, whatToDo)] : [];
}

function certificateEnd(visit: ListenerVisit, port: number): Promise<Date> {
  return new Promise((resolve, reject) => {
    const socket = tlsConnect({ host: visit.host, port, timeout: TIMEOUTS.connectMs, ...tlsOptions(visit) }, () => {
      const { valid_to: validTo } = socket.getPeerCertificate();
      socket.destroy();
      resolve(new Date(validTo));
    });
    socket.once('timeout', () => socket.destroy(new Error('no answer in time')));
    socket.once('error', reject);
  });
}

async function echo(place: string, { port, tls }: Listener, visit: ListenerVisit): Promise<Finding> {
  const { host, callingAe, calledAe } = visit;
  try {
    const association = await associate({
      ...{ host, port, callingAe, calledAe, timeouts: TIMEOUTS },
      ...(tls ? { tls: tlsOptions(visit) } : {}),
      contexts: [{ id: 1, abstractSyntaxUid: VERIFICATION_SOP_CLASS, transferSyntaxUids: [IMPLICIT_LITTLE] }],
      implementation: { classUid: IMPLEMENTATION_CLASS_UID, versionName: IMPLEMENTATION_VERSION_NAME },
    });
    const { status } = await association.echo();
    await association.release();
    if (status === 0) return ok(`${place} answers C-ECHO as ${calledAe}`);
    return failed(`${place} answers C-ECHO with ${status.toString(16).padStart(4, '0').toUpperCase()}`, 'Look at the log of the receiver.');
  } catch (error) {
    return echoFailure(place, error as Error, visit);
  }
}

function echoFailure(place: string, error: Error, { callingAe, calledAe }: ListenerVisit): Finding {
  if (!(error instanceof AssociationRejected))
    return failed(`${place} does not answer C-ECHO: ${error.message}`, 'Look at the log of the receiver.');
  if (error.source === 1 && error.reason === CALLING_AE_NOT_RECOGNIZED)
    return warning(
      `${place} is reached, but does not let ${callingAe} in (gateway.callers)`,
      'Name an AE title that it lets in from here: --calling',
    );
  if (error.source === 1 && error.reason === CALLED_AE_NOT_RECOGNIZED)
    return failed(
      `${place} does not know the called AE title ${calledAe}`,
      'Name one that it accepts: --called, or add it to gateway.calledAeTitles.',
    );
  if (error.transient)
    return failed(`${place} refuses associations for now: ${error.message}`, 'It is full or draining: look at limits and disk.');
  return failed(`${place}: ${error.message}`, 'Look at the log of the receiver.');
}
