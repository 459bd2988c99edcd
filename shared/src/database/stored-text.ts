// Text that PostgreSQL can keep: neither U+0000 nor half a surrogate pair, which header values from broken modalities may hold.

/** The same value with every text in it, at any depth, made storable. */
export function storable<T>(value: T): T {
  if (typeof value === 'string') return value.replaceAll('\u0000', '').toWellFormed() as T;
  if (Array.isArray(value)) return value.map(storable) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [storable(name), storable(part)])) as T;
}
