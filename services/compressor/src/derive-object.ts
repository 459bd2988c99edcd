// Makes the losslessly compressed object of a received one: header spliced, frames encoded and proved, tail copied, digest of source checked.
import { createHash, randomBytes } from 'node:crypto';
import { objectKey } from '@causeway/shared/brands';
import { type LosslessSyntax, TRANSFER_SYNTAX_OF } from '@causeway/shared/config/lossless-syntax';
import { DicomParseError } from '@causeway/shared/dicom/part10/parse-error';
import { IMPLICIT_VR_LITTLE_ENDIAN } from '@causeway/shared/dicom/transfer-syntaxes';
import type { Instance, ObjectRef } from '@causeway/shared/events/instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { CodecFailure } from './codec-failure.ts';
import { judgeImage, unsuitableSyntax } from './compressible.ts';
import { derivedHeader } from './derived-header.ts';
import { DerivedObject } from './derived-object.ts';
import { writeTail } from './derived-tail.ts';
import { encodeFrames, type FrameParts, type FrameSource } from './encode-frames.ts';
import { FragmentWriter } from './fragment-writer.ts';
import type { EncodedFrame } from './frame-codec.ts';
import { describeImage } from './image-description.ts';
import { refuseOddHeader, refuseOtherSource } from './profile-output.ts';
import { readSourceHeader, type SourceHeader } from './source-header.ts';
import { SourceReader } from './source-reader.ts';
import { Unsuitable } from './unsuitable.ts';

export interface DeriveParts extends FrameParts {
  readonly store: ObjectStore;
  readonly observeFrame?: (syntax: LosslessSyntax, frame: EncodedFrame) => void;
}

export interface DeriveOrder {
  readonly instance: Instance;
  readonly syntax: LosslessSyntax;
  /** Lower goes first. */
  readonly priority: number;
}

export type Derivation =
  | { readonly outcome: 'compressed'; readonly object: ObjectRef }
  | { readonly outcome: 'unchanged'; readonly reason: string };

/**
 * Each call makes a new object under a key of its own: received objects and earlier attempts are never touched. Whatever the format or the
 * codecs do, the answer is `unchanged` with a reason. Throws ObjectMissing, TransientError (the store) or ObjectDamaged.
 */
export async function deriveObject(parts: DeriveParts, order: DeriveOrder): Promise<Derivation> {
  const unsuitable = unsuitableSyntax(order.instance.transferSyntaxUid);
  if (unsuitable !== undefined) return { outcome: 'unchanged', reason: unsuitable };
  const reader = new SourceReader(await parts.store.get(order.instance.objectKey));
  try {
    return await deriveFrom(reader, parts, order);
  } catch (error) {
    return { outcome: 'unchanged', reason: reasonOf(error) };
  } finally {
    reader.close();
  }
}

/** Rethrows what is no reason to go on unchanged. */
function reasonOf(error: unknown): string {
  if (error instanceof Unsuitable) return error.message;
  if (error instanceof CodecFailure) return `codec: ${error.message}`;
  if (error instanceof DicomParseError) return `cannot be parsed: ${error.message}`;
  throw error;
}

async function deriveFrom(reader: SourceReader, parts: DeriveParts, order: DeriveOrder): Promise<Derivation> {
  const hash = createHash('sha256');
  const header = await readSourceHeader(reader, { transferSyntaxUid: order.instance.transferSyntaxUid, hash });
  refuseOddHeader(header);
  const judgement = judgeImage(describeImage(header.scan));
  if ('reason' in judgement) return { outcome: 'unchanged', reason: judgement.reason };
  refuseEarlyEnd(header, order.instance);
  const derived = await DerivedObject.begin(parts.store, derivedOptions(order));
  try {
    const explicit = order.instance.transferSyntaxUid !== IMPLICIT_VR_LITTLE_ENDIAN;
    for (const piece of derivedHeader(header, { image: judgement.image, explicit })) await derived.write(piece);
    const source = { explicit, reader, hash, image: judgement.image, syntax: order.syntax, priority: order.priority };
    await writeFrames(derived, parts, source);
    await writeTail(derived, source);
    refuseOtherSource(hash, order.instance);
    return { outcome: 'compressed', object: await derived.commit() };
  } finally {
    await derived.discard();
  }
}

/** As it was received: a store that lost bytes is another matter, see SourceReader. */
function refuseEarlyEnd({ pixelDataPosition, scan }: SourceHeader, { size }: Instance): void {
  const missing = pixelDataPosition + scan.pixelData!.length - size;
  if (missing > 0) throw new Unsuitable(`the data set was received without the last ${missing} bytes of its pixel data`);
}

function derivedOptions({ instance, syntax }: DeriveOrder) {
  const { association, lane, receivedAt, sopClassUid, sopInstanceUid } = instance;
  const attempt = randomBytes(4).toString('hex');
  return {
    key: objectKey(`derived/${instance.receiptId}/${syntax}-${attempt}.dcm`),
    custody: { ...association, lane, receivedAt, sopClassUid, sopInstanceUid, transferSyntaxUid: TRANSFER_SYNTAX_OF[syntax] },
    sourceBytes: instance.size,
  };
}

async function writeFrames(derived: DerivedObject, parts: DeriveParts, source: FrameSource): Promise<void> {
  const fragments = new FragmentWriter((bytes) => derived.write(bytes));
  for await (const frame of encodeFrames(parts, source)) {
    parts.observeFrame?.(source.syntax, frame);
    await fragments.add(frame.codestream);
  }
  await fragments.end();
}
