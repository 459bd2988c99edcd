// The TCP or TLS socket under an association: writes, polite and hard closing, the ARTIM timer (PS3.8 sections 9.1.2 and 9.1.4).
import type { Socket } from 'node:net';
import { SharedBufferSocket } from './shared-buffer-socket.ts';

export interface TransportListener {
  /** The chunk is valid until it returns. */
  read(chunk: Buffer): void;
  /** The socket takes more after a write returned false. */
  drained(): void;
  artimExpired(): void;
  /** The peer sent its end, or the socket failed; may come twice. */
  lost(detail: string): void;
  /** The socket is gone; once, the last call. */
  closed(): void;
}

export class TransportConnection {
  readonly #socket: Socket;
  readonly #listener: TransportListener;
  readonly #artimMs: number;
  #artim: NodeJS.Timeout | undefined;
  #error = '';

  constructor(socket: Socket, listener: TransportListener, artimMs: number) {
    this.#socket = socket;
    this.#listener = listener;
    this.#artimMs = artimMs;
    this.#listen();
  }

  write(bytes: Buffer): boolean {
    return this.#socket.writable ? this.#socket.write(bytes) : true;
  }

  /** All parts in one system call. */
  writeAll(parts: readonly Buffer[]): boolean {
    if (!this.#socket.writable) return true;
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
    return !this.#socket.writableNeedDrain;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  /** Closes when what is written has left; ARTIM limits the wait. */
  close(): void {
    this.startArtim();
    this.#socket.destroySoon();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  startArtim(): void {
    this.stopArtim();
    this.#artim = setTimeout(() => {
      this.#listener.artimExpired();
      this.#socket.destroy();
    }, this.#artimMs);
  }

  stopArtim(): void {
    clearTimeout(this.#artim);
    this.#artim = undefined;
  }

  #listen(): void {
    const socket = this.#socket;
    // Nagle's algorithm holds the last packet of a message back for up to 40 ms.
    socket.setNoDelay(true);
    const read = (chunk: Buffer) => this.#listener.read(chunk);
    if (socket instanceof SharedBufferSocket) {
      socket.onChunk = read;
      socket.resume();
    } else socket.on('data', read);
    socket.on('drain', () => this.#listener.drained());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code ?? error.message;
    });
    socket.on('end', () => {
      this.#listener.lost('connection closed by the peer');
      this.close();
    });
    socket.on('close', () => {
      this.stopArtim();
      this.#listener.lost(this.#error === '' ? 'connection closed' : this.#error);
      this.#listener.closed();
    });
  }
}
