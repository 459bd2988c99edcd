// The multipart stream: of the length it announces, readable by our own reader, and no part of it read before its turn.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readMultipart } from './multipart-reader.ts';
import { type MultipartPart, multipartRelated } from './multipart-writer.ts';

function part(chunks: string[], options: { size?: number; onOpen?: () => void } = {}): MultipartPart {
  return {
    contentType: 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1',
    size: options.size ?? chunks.join('').length,
    async *open() {
      options.onOpen?.();
      for (const chunk of chunks) yield Buffer.from(chunk);
    },
  };
}

async function bytesOf(chunks: AsyncIterable<Buffer>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(chunks));
}

describe('multipartRelated', () => {
  it('announces the length that it has, for no part, an empty one and several', async () => {
    for (const parts of [[], [part([''])], [part(['ab', 'c']), part(['\r\n--x\r\n'])]]) {
      const body = multipartRelated(parts, { type: 'application/dicom' });
      assert.equal((await bytesOf(body.chunks())).length, body.contentLength);
    }
  });

  it('gives back the same parts to a reader', async () => {
    const body = multipartRelated([part(['first ', 'part\r\n']), part(['--second'])], { type: 'application/dicom' });
    const read: string[] = [];
    for await (const { headers, body: content } of readMultipart(body.chunks(), body.contentType)) {
      read.push((await bytesOf(content)).toString());
      assert.equal(headers.get('content-type'), 'application/dicom; transfer-syntax=1.2.840.10008.1.2.1');
      assert.equal(headers.get('content-length'), String(read.at(-1)!.length));
    }
    assert.deepEqual(read, ['first part\r\n', '--second']);
  });

  it('names the type of its parts and draws a new boundary each time', () => {
    const [one, other] = [1, 2].map(() => multipartRelated([], { type: 'application/dicom' }).contentType);
    assert.match(one!, /^multipart\/related; type="application\/dicom"; boundary=[0-9a-z-]{1,70}$/);
    assert.notEqual(one, other);
  });

  it('opens a part only when its turn comes', async () => {
    const opened: number[] = [];
    const parts = [0, 1].map((n) => part(['some bytes'], { onOpen: () => opened.push(n) }));
    const chunks = multipartRelated(parts, { type: 'application/dicom' }).chunks();
    await chunks.next();
    assert.deepEqual(opened, []);
    await chunks.next();
    assert.deepEqual(opened, [0]);
    await chunks.return(undefined);
  });

  it('throws rather than end a part shorter or longer than announced', async () => {
    for (const size of [3, 5]) {
      const body = multipartRelated([part(['1234'], { size }), part(['next'])], { type: 'application/dicom' });
      await assert.rejects(bytesOf(body.chunks()), /was announced/);
    }
  });
});
