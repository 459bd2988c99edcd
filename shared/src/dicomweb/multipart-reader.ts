// Reads multipart/related as it streams in (RFC 2046 section 5.1): memory is one chunk, whatever the size of a part.
import { parseMediaType } from './media-type.ts';

/** The body is not what its Content-Type says. `truncated`: it ended before the closing delimiter; what came whole before that is whole. */
export class MultipartError extends Error {
  override readonly name = 'MultipartError';
  readonly truncated: boolean;
  constructor(message: string, truncated = false) {
    super(`multipart: ${message}`);
    this.truncated = truncated;
  }
}

export interface MultipartPart {
  /** Names in lower case; folded lines joined; repeated names joined by a comma. */
  readonly headers: ReadonlyMap<string, string>;
  /** Must be read before the next part is asked for; what is left unread then is skipped. */
  readonly body: AsyncIterable<Buffer>;
}

/** RFC 2046 allows 70 characters, but Orthanc sends 73. */
const MAX_BOUNDARY_CHARACTERS = 256;
const MAX_HEADER_BYTES = 16 * 1024;
const MAX_PREAMBLE_BYTES = 64 * 1024;
const MAX_PADDING_BYTES = 256;
const CRLF = Buffer.from('\r\n');
const BLANK_LINE = Buffer.from('\r\n\r\n');
const CARRIAGE_RETURN = 0x0d;

/**
 * The parts of a multipart body, one after the other. Throws MultipartError when the content type is not multipart or has no usable boundary, when the
 * body is malformed, or when it ends early. Errors of `body` pass through. Ending the iteration early ends `body`.
 */
export async function* readMultipart(body: AsyncIterable<Buffer>, contentType: string): AsyncGenerator<MultipartPart, void, void> {
  const reader = new MultipartReader(body[Symbol.asyncIterator](), boundaryOf(contentType));
  try {
    await reader.skipPreamble();
    for (let headers = await reader.nextPart(); headers !== undefined; headers = await reader.nextPart()) {
      yield { headers, body: reader.partBody() };
      await reader.skipBody();
    }
    await reader.skipEpilogue();
  } finally {
    await reader.close();
  }
}

function boundaryOf(contentType: string): string {
  const type = parseMediaType(contentType);
  if (type === undefined || !type.essence.startsWith('multipart/')) throw new MultipartError('the Content-Type is not multipart');
  const boundary = type.parameters.get('boundary');
  if (boundary === undefined || boundary.length === 0) throw new MultipartError('the Content-Type has no boundary');
  if (boundary.length > MAX_BOUNDARY_CHARACTERS) throw new MultipartError(`boundary of more than ${MAX_BOUNDARY_CHARACTERS} characters`);
  if (!/^[\x20-\x7e]*[\x21-\x7e]$/.test(boundary))
    throw new MultipartError('the boundary holds characters that RFC 2046 section 5.1.1 forbids');
  return boundary;
}

class MultipartReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #delimiter: Buffer;
  /** Read from the source and not yet used. Starts with a line end of our own, so that a first delimiter at the very start is found like any other. */
  #window: Buffer = CRLF;
  #part = 0;
  #inBody = false;

  constructor(source: AsyncIterator<Buffer>, boundary: string) {
    this.#source = source;
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
  }

  async skipPreamble(): Promise<void> {
    let skipped = 0;
    this.#inBody = true;
    for (let chunk = await this.#bodyChunk(); chunk !== undefined; chunk = await this.#bodyChunk()) {
      skipped += chunk.length;
      if (skipped > MAX_PREAMBLE_BYTES) throw new MultipartError(`no delimiter within the first ${MAX_PREAMBLE_BYTES} bytes`);
    }
  }

  /** Stands behind a delimiter: the headers of the part that follows, or undefined when it was the closing one. */
  async nextPart(): Promise<ReadonlyMap<string, string> | undefined> {
    await this.#atLeast(2);
    if (this.#window[0] === 0x2d && this.#window[1] === 0x2d) return undefined;
    await this.#skipPadding();
    const headers = parseHeaders(await this.#headerBlock());
    this.#part += 1;
    this.#inBody = true;
    return headers;
  }

  async *partBody(part = this.#part): AsyncGenerator<Buffer, void, void> {
    for (;;) {
      if (part !== this.#part) throw new Error('the body of a part was read after the next part was asked for');
      const chunk = await this.#bodyChunk();
      if (chunk === undefined) return;
      yield chunk;
    }
  }

  async skipBody(): Promise<void> {
    while ((await this.#bodyChunk()) !== undefined);
  }

  /** The epilogue means nothing, but reading it lets the connection be used again. An endless one is not read to its end. */
  async skipEpilogue(): Promise<void> {
    let skipped = 0;
    for (let next = await this.#source.next(); !next.done && skipped < MAX_PREAMBLE_BYTES; next = await this.#source.next()) {
      skipped += next.value.length;
    }
  }

  async close(): Promise<void> {
    await this.#source.return?.();
  }

  /** The next bytes of the body; undefined once its delimiter was met (and used up). */
  async #bodyChunk(): Promise<Buffer | undefined> {
    while (this.#inBody) {
      const at = this.#window.indexOf(this.#delimiter);
      if (at >= 0) return this.#endOfBody(at);
      const safe = endOfCertainBody(this.#window, this.#delimiter);
      if (safe > 0) return this.#take(safe);
      await this.#more();
    }
    return undefined;
  }

  #endOfBody(at: number): Buffer | undefined {
    const chunk = this.#take(at);
    this.#take(this.#delimiter.length);
    this.#inBody = false;
    return chunk.length > 0 ? chunk : undefined;
  }

  /** Transport padding: white space between delimiter and line end (RFC 2046 section 5.1.1). */
  async #skipPadding(): Promise<void> {
    for (let skipped = 0; skipped <= MAX_PADDING_BYTES; skipped += 1) {
      await this.#atLeast(2);
      if (this.#window[0] === CRLF[0] && this.#window[1] === CRLF[1]) return;
      if (this.#window[0] !== 0x20 && this.#window[0] !== 0x09)
        throw new MultipartError('a delimiter is followed by other text in its line');
      this.#take(1);
    }
    throw new MultipartError(`more than ${MAX_PADDING_BYTES} bytes of padding behind a delimiter`);
  }

  /** From the delimiter's line end up to the blank line. The blank line's own CRLF stays in the window when it belongs to a delimiter (a part without body). */
  async #headerBlock(): Promise<string> {
    let at = this.#window.indexOf(BLANK_LINE);
    while (at < 0 && this.#window.length <= MAX_HEADER_BYTES) {
      await this.#more();
      at = this.#window.indexOf(BLANK_LINE);
    }
    if (at < 0 || at > MAX_HEADER_BYTES) throw new MultipartError(`part headers of more than ${MAX_HEADER_BYTES} bytes`);
    const block = this.#take(at + CRLF.length).toString('latin1');
    await this.#atLeast(this.#delimiter.length);
    if (!this.#window.subarray(0, this.#delimiter.length).equals(this.#delimiter)) this.#take(CRLF.length);
    return block;
  }

  #take(length: number): Buffer {
    const taken = this.#window.subarray(0, length);
    this.#window = this.#window.subarray(length);
    return taken;
  }

  async #atLeast(length: number): Promise<void> {
    while (this.#window.length < length) await this.#more();
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#source.next();
    if (done) throw new MultipartError('the body ended before its closing delimiter', true);
    this.#window = this.#window.length === 0 ? value : Buffer.concat([this.#window, value]);
  }
}

/** How many bytes of the window cannot be the beginning of a delimiter that the next chunk completes. */
function endOfCertainBody(window: Buffer, delimiter: Buffer): number {
  const from = Math.max(0, window.length - delimiter.length + 1);
  for (let at = window.indexOf(CARRIAGE_RETURN, from); at >= 0; at = window.indexOf(CARRIAGE_RETURN, at + 1)) {
    if (window.compare(delimiter, 0, window.length - at, at) === 0) return at;
  }
  return window.length;
}

function parseHeaders(block: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  const lines = block.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  for (const line of lines.filter((text) => text !== '')) {
    const colon = line.indexOf(':');
    if (colon <= 0 || /[\r\n\0]/.test(line)) throw new MultipartError('a part header is not of the form name: value');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}, ${value}` : value);
  }
  return headers;
}
