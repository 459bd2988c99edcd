// Writes multipart/related as a stream of known length (RFC 2046 section 5.1, RFC 2387; PS3.18 section 8.6.1.2).
import { randomBytes } from 'node:crypto';

/** One body part. `size`: exact bytes that `open` yields; `open` is called once, when the part's turn comes. */
export interface MultipartPart {
  readonly contentType: string;
  readonly size: number;
  open(): AsyncIterable<Buffer>;
}

/** `contentType`: the header of the message; `contentLength`: exact bytes of `chunks`, so that no chunked encoding is needed. */
export interface MultipartBody {
  readonly contentType: string;
  readonly contentLength: number;
  chunks(): AsyncGenerator<Buffer>;
}

/** 24 random bytes: that a part holds the boundary by chance is out of the question, so parts need not be searched for it. */
const newBoundary = (): string => `causeway-${randomBytes(24).toString('hex')}`;

/**
 * The body is pulled part by part and chunk by chunk: the consumer's pace is the reader's pace, and one chunk is in memory.
 * `type`: media type of the parts (PS3.18: application/dicom).
 */
export function multipartRelated(parts: readonly MultipartPart[], options: { type: string; boundary?: string }): MultipartBody {
  const boundary = options.boundary ?? newBoundary();
  const heads = parts.map((part, place) => partHead(part, place === 0 ? `--${boundary}` : `\r\n--${boundary}`));
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1');
  const sizes = [tail.length, ...heads.map((head) => head.length), ...parts.map((part) => part.size)];
  return {
    contentType: `multipart/related; type="${options.type}"; boundary=${boundary}`,
    contentLength: sizes.reduce((sum, size) => sum + size, 0),
    async *chunks() {
      for (const [place, part] of parts.entries()) {
        yield heads[place]!;
        yield* exactly(part);
      }
      yield tail;
    },
  };
}

function partHead(part: MultipartPart, delimiter: string): Buffer {
  return Buffer.from(`${delimiter}\r\nContent-Type: ${part.contentType}\r\nContent-Length: ${part.size}\r\n\r\n`, 'latin1');
}

/** Throws when a part is not as long as its head said: the message would be read shifted. */
async function* exactly(part: MultipartPart): AsyncGenerator<Buffer> {
  let bytes = 0;
  for await (const chunk of part.open()) {
    bytes += chunk.length;
    if (bytes > part.size) break;
    yield chunk;
  }
  if (bytes !== part.size) throw new Error(`a part of ${part.size} bytes was announced, ${bytes} or more were read`);
}
