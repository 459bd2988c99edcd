// For tests: an upper layer connection of ours, in a given state of PS3.8 section 9.2, with a peer made of bytes at its other end.
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { connectRaw, type RawPeer } from '../dimse/raw-peer-for-tests.ts';
import type { AssociationEnd } from './association.ts';
import { encodeAssociateAccept, encodeAssociateRequest, encodeReleaseRequest } from './pdu-writer.ts';
import type { State } from './state-machine.ts';
import { UpperLayerConnection } from './upper-layer-connection.ts';
import type { UpperLayerUser } from './upper-layer-user.ts';

const implementation = { classUid: '1.2.3', versionName: 'TEST' };
const context = { id: 1, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] };

export const REQUEST = encodeAssociateRequest({ calledAe: 'B', callingAe: 'A', contexts: [context], maxPduBytes: 0, implementation });
export const ACCEPT = encodeAssociateAccept({
  addressing: REQUEST.subarray(10, 74),
  contexts: [{ id: 1, result: 0, transferSyntaxUid: '1.2.840.10008.1.2' }],
  maxPduBytes: 0,
  implementation,
});

/** Our limit on inbound P-DATA-TFs. */
const MAX_PDU_BYTES = 1000;

/** Keeps what it is told, in order: `data`, `release`, `end: kind` ... */
export class RecordingUser implements UpperLayerUser {
  readonly told: string[] = [];
  readonly over = Promise.withResolvers<AssociationEnd>();
  readonly gone = Promise.withResolvers<void>();
  #waiting: { what: string; resolve: () => void } | undefined;

  associateRequested = () => this.#note('request');
  associateAccepted = () => this.#note('accepted');
  associateRejected = () => this.#note('rejected');
  fragment = () => this.#note('data');
  releaseRequested = () => this.#note('release');
  drained = () => undefined;
  malformed = () => undefined;
  ended = (end: AssociationEnd) => {
    this.#note(`end: ${end.kind}`);
    this.over.resolve(end);
  };
  closed = () => this.gone.resolve();

  /** Resolves when it has been told so, or was already. */
  hears(what: string): Promise<void> {
    if (this.told.includes(what)) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting = { what, resolve };
    });
  }

  #note(what: string): void {
    this.told.push(what);
    if (this.#waiting?.what === what) this.#waiting.resolve();
  }
}

export interface ConnectionUnderTest {
  readonly connection: UpperLayerConnection;
  readonly user: RecordingUser;
  readonly peer: RawPeer;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Which side of an association is in that state. */
export const ROLE_IN: Partial<Record<State, 'acceptor' | 'requestor'>> = { 5: 'requestor', 9: 'requestor', 11: 'requestor' };

type Step = (on: ConnectionUnderTest) => unknown;

const readsPdu: Step = ({ peer }) => peer.next();
const requestCame: Step = async ({ connection, peer, user }) => {
  connection.begin();
  peer.send(REQUEST);
  await user.hears('request');
};
const accepted: Step[] = [requestCame, ({ connection }) => void connection.acceptAssociation(ACCEPT, MAX_PDU_BYTES), readsPdu];
const requested: Step[] = [
  ({ connection }) => connection.requestAssociation(),
  ({ connection }) => connection.transportConfirmed(REQUEST),
  readsPdu,
];
const established: Step[] = [
  ...requested,
  async ({ peer, user }) => {
    peer.send(ACCEPT);
    await user.hears('accepted');
  },
];
const releases: Step[] = [({ connection }) => void connection.requestRelease(), readsPdu];
const peerReleases: Step = async ({ peer, user }) => {
  peer.send(encodeReleaseRequest());
  await user.hears('release');
};
const answersRelease: Step[] = [({ connection }) => connection.respondRelease(), readsPdu];

/** How to come there from Sta1. Sta1 and Sta4 have no connection, Sta12 is left in the same turn. */
const WAY_TO: Partial<Record<State, Step[]>> = {
  2: [({ connection }) => connection.begin()],
  3: [requestCame],
  5: requested,
  6: accepted,
  7: [...accepted, ...releases],
  8: [...accepted, peerReleases],
  9: [...established, ...releases, peerReleases],
  10: [...accepted, ...releases, peerReleases],
  11: [...established, ...releases, peerReleases, ...answersRelease],
  13: [...accepted, peerReleases, ...answersRelease],
};

export const REACHABLE_STATES = Object.keys(WAY_TO).map(Number) as State[];

export async function connectionIn(state: State, artimMs = 30_000): Promise<ConnectionUnderTest> {
  const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepting = once(server, 'connection') as Promise<[Socket]>;
  const peer = await connectRaw((server.address() as { port: number }).port);
  const [socket] = await accepting;
  const user = new RecordingUser();
  const connection = new UpperLayerConnection({ socket, role: ROLE_IN[state] ?? 'acceptor', user, maxPduBytes: MAX_PDU_BYTES, artimMs });
  const made: ConnectionUnderTest = {
    connection,
    user,
    peer,
    [Symbol.asyncDispose]: async () => {
      peer.socket.destroy();
      socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  for (const step of WAY_TO[state] ?? []) await step(made);
  return made;
}
