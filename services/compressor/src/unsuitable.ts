// The one way to say, from anywhere within the work, that an instance goes on unchanged.

/** The message is the reason that travels with the instance: numbers and words of the standard, never a value of the data set. */
export class Unsuitable extends Error {
  override readonly name: string = 'Unsuitable';
}

/** The stored object is not what was acknowledged to its sender: shorter, or other bytes. */
export class ObjectDamaged extends Error {
  override readonly name = 'ObjectDamaged';
}
