// The one way to say that a codec cannot be trusted any more.

/** The codec failed or gave back other pixels. Its WASM memory may be damaged: the thread must not be used again. */
export class CodecFailure extends Error {
  override readonly name = 'CodecFailure';
}
