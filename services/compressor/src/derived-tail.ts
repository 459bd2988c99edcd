// What stands behind the pixel data: padding, digital signatures, private groups.
import { implicitToExplicit } from '@causeway/shared/dicom/part10/implicit-to-explicit';
import type { DerivedObject } from './derived-object.ts';
import type { FrameSource } from './encode-frames.ts';
import { MAX_HEADER_BYTES } from './source-header.ts';
import { Unsuitable } from './unsuitable.ts';

/** Copies explicit VR as it comes; converts implicit VR, which is held in memory for that. The padding byte of odd pixel data goes. */
export async function writeTail(derived: DerivedObject, source: FrameSource & { readonly explicit: boolean }): Promise<void> {
  const { reader, image, hash } = source;
  if ((image.frameBytes * image.frames) % 2 === 1) hash.update(await reader.take(1));
  const held: Buffer[] = [];
  let heldBytes = 0;
  for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
    hash.update(chunk);
    if (source.explicit) {
      await derived.write(chunk);
      continue;
    }
    held.push(chunk);
    heldBytes += chunk.length;
    if (heldBytes > MAX_HEADER_BYTES) throw new Unsuitable(`more than ${MAX_HEADER_BYTES} bytes behind the pixel data, in implicit VR`);
  }
  if (held.length > 0) await derived.write(implicitToExplicit(Buffer.concat(held)));
}
