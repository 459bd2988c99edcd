// A TCP connection that reads into the same two buffers, again and again. Node gives each read of an accepted socket a fresh 64 KiB; at some hundred images
// a second that garbage costs half of a receiver's processor time, most of it in full collections that external memory sets off (measured, Node 24).
import { Socket } from 'node:net';

/** One P-DATA-TF of our default size. */
const BUFFER_BYTES = 128 * 1024;

/** What Node keeps beside the documented interface: the connection itself, and the server that counts it. */
interface Inner {
  _handle: object | null;
  _server: object | null;
}

export class TwoBufferSocket extends Socket {
  /**
   * Answers whether the chunk is still in use. Then it stays as it is while one further chunk comes; with that one, still in use, the socket must be paused,
   * and be resumed only when neither is needed any more.
   */
  onChunk: (chunk: Buffer) => boolean = () => false;

  constructor(handle: object) {
    let current: Buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
    let other: Buffer | undefined;
    let inUse = false;
    const onread = {
      buffer: (): Buffer => {
        if (inUse) [current, other] = [other ?? Buffer.allocUnsafeSlow(BUFFER_BYTES), current];
        inUse = false;
        return current;
      },
      callback: (count: number): boolean => {
        inUse = this.onChunk(current.subarray(0, count));
        return true;
      },
    };
    super({ handle, allowHalfOpen: true, onread } as ConstructorParameters<typeof Socket>[0]);
  }
}

/**
 * Takes the connection of `accepted`, which must come from a server with `pauseOnConnect` and must not be used afterwards. `onread` is documented for
 * outgoing connections only; where a Node does not have what is needed for accepted ones, `accepted` itself is returned.
 */
export function readIntoTwoBuffers(accepted: Socket): Socket {
  const inner = accepted as unknown as Inner;
  if (!inner._handle || !('useUserBuffer' in inner._handle)) return accepted;
  const socket = new TwoBufferSocket(inner._handle);
  // The server counts its connections on the sockets' ends, and closes when the last is gone.
  (socket as unknown as Inner)._server = inner._server;
  inner._handle = null;
  inner._server = null;
  return socket;
}
