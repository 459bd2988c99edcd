// The reader gives the same parts however the network cuts the bytes, and never takes a broken body for a whole one.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAccept, parseMediaType } from './media-type.ts';
import { MultipartError, readMultipart } from './multipart-reader.ts';

const TYPE = 'multipart/related; type="application/dicom"; boundary=b0';
const PARTS = ['\r\n--b', '', 'x\r\n--b1'.replace('--b1', '--c'), '\r\r\n\r\n--\r\n-b0', 'end\r\n'];
const WHOLE = `preamble\r\n${PARTS.map((body, index) => `--b0\r\nContent-Type: application/dicom\r\nX-Index:\r\n ${index}\r\n\r\n${body}\r\n`).join('')}--b0--\r\nepilogue`;

type Read = { headers: Record<string, string>; body: string };

async function* chunked(text: string, sizeOf: () => number): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; ) {
    const size = sizeOf();
    yield Buffer.from(text.slice(at, at + size), 'latin1');
    at += size;
  }
}

async function readAll(body: AsyncIterable<Buffer>, contentType = TYPE): Promise<Read[]> {
  const parts: Read[] = [];
  for await (const part of readMultipart(body, contentType)) {
    let text = '';
    for await (const chunk of part.body) text += chunk.toString('latin1');
    parts.push({ headers: Object.fromEntries(part.headers), body: text });
  }
  return parts;
}

/** mulberry32: the same numbers in every run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const expected = PARTS.map((body, index) => ({ headers: { 'content-type': 'application/dicom', 'x-index': String(index) }, body }));
const fails = (text: string, contentType = TYPE) =>
  assert.rejects(
    readAll(
      chunked(text, () => 7),
      contentType,
    ),
    MultipartError,
  );

describe('readMultipart', () => {
  it('gives the same parts for every chunk size', async () => {
    for (let size = 1; size <= WHOLE.length; size += 1)
      assert.deepEqual(await readAll(chunked(WHOLE, () => size)), expected, `size ${size}`);
  });

  it('gives random binary bodies back for random chunkings', async () => {
    const random = seeded(7);
    const alphabet = ['\r', '\n', '-', '--', 'b0', '\r\n', '\r\n--', '\0', 'ÿ', '\r\n--b'];
    for (let round = 0; round < 400; round += 1) {
      const bodies = Array.from({ length: Math.floor(random() * 4) }, () =>
        Array.from({ length: Math.floor(random() * 60) }, () => alphabet[Math.floor(random() * alphabet.length)]!).join(''),
      ).filter((body) => !`\r\n${body}\r\n`.includes('\r\n--b0'));
      const text = `${bodies.map((body) => `--b0\r\nA: b\r\n\r\n${body}\r\n`).join('')}--b0--`;
      const read = await readAll(chunked(text, () => 1 + Math.floor(random() * 20)));
      assert.deepEqual(
        read.map((part) => part.body),
        bodies,
        `round ${round}`,
      );
    }
  });

  it('never gives a part that differs from the whole when the body is cut anywhere', async () => {
    const closing = WHOLE.lastIndexOf('--b0--') + '--b0--'.length;
    for (let length = 0; length < closing; length += 1) {
      await assert.rejects(
        readAll(chunked(WHOLE.slice(0, length), () => 5)),
        (error: unknown) => error instanceof MultipartError && error.truncated,
      );
    }
    assert.equal((await readAll(chunked(WHOLE.slice(0, closing), () => 5))).length, PARTS.length);
  });

  it('never hangs or throws anything but MultipartError on random bytes', async () => {
    const random = seeded(11);
    const pieces = ['\r\n', '--b0', 'A: b', '--', 'x', '\n', ' ', ':'];
    for (let round = 0; round < 2000; round += 1) {
      const text = Array.from({ length: Math.floor(random() * 30) }, () => pieces[Math.floor(random() * pieces.length)]!).join('');
      await readAll(chunked(text, () => 1 + Math.floor(random() * 9))).catch((error: unknown) =>
        assert.ok(error instanceof MultipartError, String(error)),
      );
    }
  });

  it('skips a part that nobody reads and one that is left half-way', async () => {
    const seen: string[] = [];
    for await (const part of readMultipart(
      chunked(WHOLE, () => 3),
      TYPE,
    )) {
      seen.push(part.headers.get('x-index')!);
      if (seen.length === 3) for await (const _ of part.body) break;
    }
    assert.deepEqual(seen, ['0', '1', '2', '3', '4']);
  });

  it('refuses to read an earlier part after the next was asked for', async () => {
    const parts = readMultipart(
      chunked(WHOLE, () => 3),
      TYPE,
    );
    const first = (await parts.next()).value!;
    await parts.next();
    await assert.rejects(first.body[Symbol.asyncIterator]().next(), /after the next part/);
  });

  it('takes a part without body whose blank line belongs to the delimiter', async () => {
    assert.deepEqual(await readAll(chunked('--b0\r\nA: b\r\n\r\n--b0--', () => 4)), [{ headers: { a: 'b' }, body: '' }]);
    assert.deepEqual(await readAll(chunked('--b0\r\n\r\nbody\r\n--b0  \r\n\r\n\r\n--b0--', () => 4)), [
      { headers: {}, body: 'body' },
      { headers: {}, body: '' },
    ]);
  });

  it('refuses a line end without carriage return, text behind a delimiter, and a header without colon', async () => {
    await fails('--b0\nA: b\n\nbody\n--b0--\n');
    await fails('--b0x\r\nA: b\r\n\r\nbody\r\n--b0--');
    await fails('--b0\r\nno colon\r\n\r\nbody\r\n--b0--');
  });

  it('bounds headers, preamble, padding and boundary', async () => {
    await fails(`--b0\r\nA: ${'x'.repeat(20_000)}\r\n\r\nbody\r\n--b0--`);
    await fails(`${'x'.repeat(70_000)}\r\n--b0\r\n\r\nbody\r\n--b0--`);
    await fails(`--b0${' '.repeat(300)}\r\n\r\nbody\r\n--b0--`);
    await fails(WHOLE, `multipart/related; boundary=${'b'.repeat(257)}`);
    await fails(WHOLE, 'multipart/related; type="application/dicom"');
    await fails(WHOLE, 'application/dicom');
  });

  it('ends the source when the reader is abandoned, and passes its errors on', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<Buffer> {
      try {
        yield Buffer.from('--b0\r\n\r\nbody');
        throw new Error('reset');
      } finally {
        ended = true;
      }
    }
    for await (const _ of readMultipart(source(), TYPE)) break;
    assert.equal(ended, true);
    await assert.rejects(readAll(source()), /reset/);
  });
});

describe('parseMediaType', () => {
  it('reads quoted, unquoted and repeated parameters', () => {
    const type = parseMediaType('Multipart/Related; Type=application/dicom;boundary="a \\"b\\";c"; boundary=other')!;
    assert.equal(type.essence, 'multipart/related');
    assert.deepEqual(Object.fromEntries(type.parameters), { type: 'application/dicom', boundary: 'a "b";c' });
  });

  it('refuses what is not a media type', () => {
    for (const text of ['', 'text', 'a/b; c="d', 'a/b c', `a/${'b'.repeat(3000)}`])
      assert.equal(parseMediaType(text), undefined, text.slice(0, 20));
  });

  it('keeps a comma inside quotes when it splits an Accept header', () => {
    const types = parseAccept('multipart/related; type="application/dicom"; x="a,b", application/dicom+json;q=0.5, */*');
    assert.deepEqual(
      types.map((type) => type.essence),
      ['multipart/related', 'application/dicom+json', '*/*'],
    );
  });
});
