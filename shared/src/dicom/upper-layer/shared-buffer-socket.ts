// A TCP connection that reads into a buffer which it shares with all others of its server. Node gives each read of an accepted socket a fresh 64 KiB; at some hundred
// images a second that garbage costs half of a receiver's processor time, and a buffer for each of 200 associations would cost 50 MB.
import { Socket } from 'node:net';

/** What one read may bring: each of 200 arriving objects may take in so much before its sender is held. */
const BUFFER_BYTES = 64 * 1024;

/** What Node keeps beside the documented interface: the connection itself, and the server that counts it. */
interface Inner {
  _handle: object | null;
  _server: object | null;
}

export const newReadBuffer = (): Buffer => Buffer.allocUnsafeSlow(BUFFER_BYTES);

export class SharedBufferSocket extends Socket {
  /** The chunk is valid until it returns: the next read, of whichever socket, overwrites it. */
  onChunk: (chunk: Buffer) => void = () => {};

  constructor(handle: object, buffer: Buffer) {
    const callback = (count: number): boolean => {
      this.onChunk(buffer.subarray(0, count));
      return true;
    };
    super({ handle, allowHalfOpen: true, onread: { buffer, callback } } as ConstructorParameters<typeof Socket>[0]);
  }
}

/**
 * Takes the connection of `accepted`, which must come from a server with `pauseOnConnect` and must not be used afterwards. `onread` is documented for
 * outgoing connections only; where a Node does not have what is needed for accepted ones, `accepted` itself is returned.
 */
export function readIntoShared(accepted: Socket, buffer: Buffer): Socket {
  const inner = accepted as unknown as Inner;
  if (!inner._handle || !('useUserBuffer' in inner._handle)) return accepted;
  const socket = new SharedBufferSocket(inner._handle, buffer);
  // The server counts its connections on the sockets' ends, and closes when the last is gone.
  (socket as unknown as Inner)._server = inner._server;
  inner._handle = null;
  inner._server = null;
  return socket;
}
