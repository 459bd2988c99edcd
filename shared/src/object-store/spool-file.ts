// A file without a name: bytes of an upload that do not fit into memory wait in it. It is gone with its process, however that ends; nothing is ever swept.
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { uuidV7 } from '../brands.ts';
import { TransientError } from '../errors.ts';

/** One read: large enough to be few, small enough to be many at a time. */
const READ_BYTES = 128 * 1024;

/** For this user only: it holds images. Rejects with TransientError. */
export async function makeSpoolFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 }).catch((error: unknown) => {
    throw spoolFailure(error);
  });
}

export class SpoolFile {
  readonly #file: FileHandle;
  #size = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Rejects with TransientError, as every call does: the disk is full or broken. */
  static async create(folder: string): Promise<SpoolFile> {
    const path = join(folder, `${process.pid}-${uuidV7()}`);
    try {
      const file = await open(path, 'wx+', 0o600);
      await unlink(path);
      return new SpoolFile(file);
    } catch (error) {
      throw spoolFailure(error);
    }
  }

  get size(): number {
    return this.#size;
  }

  async append(buffers: readonly Buffer[]): Promise<void> {
    for (const buffer of buffers) {
      await this.#writeAt(buffer, this.#size);
      this.#size += buffer.length;
    }
  }

  /** Overwrites what was appended. */
  patch(position: number, bytes: Buffer): Promise<void> {
    return this.#writeAt(bytes, position);
  }

  /** Bytes from `start` up to, without, `end`. Throws when the file is shorter. */
  async *read(start: number, end: number): AsyncGenerator<Buffer> {
    for (let at = start; at < end; ) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, end - at));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, at).catch((error: unknown) => {
        throw spoolFailure(error);
      });
      if (bytesRead === 0) throw new TransientError(`the spool file ends at ${at}, before ${end}`);
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  async close(): Promise<void> {
    await this.#file.close().catch(() => {});
  }

  async #writeAt(bytes: Buffer, position: number): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at, bytes.length - at, position + at)).bytesWritten;
    } catch (error) {
      throw spoolFailure(error);
    }
  }
}

function spoolFailure(error: unknown): TransientError {
  const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
  const words = code === 'ENOSPC' || code === 'EDQUOT' ? 'no space left in the spool folder' : `the spool folder failed (${code})`;
  return new TransientError(words, { cause: error });
}
