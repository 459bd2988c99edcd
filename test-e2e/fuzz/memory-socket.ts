// A connection without a network: what the upper layer asks of a socket, with the peer's bytes put in and ours taken out.
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** Of the event loop: negotiation takes two. */
const PATIENCE_TURNS = 10;

export class MemorySocket extends Duplex {
  readonly remoteAddress = '10.0.0.9';
  readonly remotePort = 4711;
  readonly closedPromise: Promise<void>;
  readonly written: Buffer[] = [];
  readonly #chunks: Iterator<Buffer>;
  readonly #waitAfterBytes: number;
  #bytes = 0;

  /** After so many bytes the peer waits for our first answer, as an association's requestor does; it goes on without one when none comes. */
  constructor(chunks: Iterable<Buffer>, waitAfterBytes: number) {
    super({ allowHalfOpen: true, emitClose: true });
    this.#chunks = chunks[Symbol.iterator]();
    this.#waitAfterBytes = waitAfterBytes;
    this.closedPromise = new Promise((resolve) => this.once('close', () => resolve()));
  }

  /** What `net.Socket` has beside a Duplex, as far as associations use it. */
  asSocket(): Socket {
    return this as unknown as Socket;
  }

  setNoDelay(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** A chunk at a time, so that back-pressure is felt as from a network; then the peer's end. */
  override _read(): void {
    if (this.#bytes >= this.#waitAfterBytes && this.written.length === 0) this.#goOnLater(PATIENCE_TURNS);
    else this.#next();
  }

  #next(): void {
    const next = this.#chunks.next();
    if (!next.done) this.#bytes += next.value.length;
    this.push(next.done ? null : next.value);
  }

  #goOnLater(turns: number): void {
    if (turns === 0 || this.written.length > 0) this.#next();
    else setImmediate(() => this.#goOnLater(turns - 1));
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk);
    done();
  }
}
