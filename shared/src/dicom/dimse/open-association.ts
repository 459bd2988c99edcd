// Opens the transport and asks for an association (PS3.8 sections 7.1 and 9.1.4).
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { AssociateOptions, Association } from './scu.ts';
import { ScuAssociation } from './scu-association.ts';

const KEEP_ALIVE_MS = 60_000;

export async function openAssociation(options: AssociateOptions): Promise<Association> {
  const socket = openTransport(options);
  const association = new ScuAssociation(socket, options);
  await association.opened(options.tls === undefined ? 'connect' : 'secureConnect');
  return association;
}

/** Half-open, so that the end of the peer's data is an event of the state table. */
function openTransport(options: AssociateOptions): Socket {
  const { host, port, tls } = options;
  const transport = { host, port, allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS };
  if (tls === undefined) return tcpConnect(transport);
  // Node sends no server name of its own accord; an address is not a server name (RFC 6066 section 3).
  const servername = isIP(host) === 0 ? { servername: host } : {};
  return tlsConnect({ ...servername, ...tls, ...transport });
}
