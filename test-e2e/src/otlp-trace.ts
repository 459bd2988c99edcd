// Reads an ExportTraceServiceRequest (opentelemetry-proto 1.x, trace v1) from its protobuf encoding, as far as tests look at it.

export interface CollectedSpan {
  readonly service: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  readonly kind: number;
  /** ms since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly failed: boolean;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Record<string, unknown>;
}

const STATUS_ERROR = 2n;

/** Of one message: by field number, in the order in which they came. */
type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

const WIRE = { varint: 0, fixed64: 1, lengthDelimited: 2, fixed32: 5 } as const;

/** Throws RangeError where the bytes end too early, and Error for a wire type that is none (protobuf encoding, "Message Structure"). */
export function spansOf(request: Buffer): CollectedSpan[] {
  return messages(request, 1).flatMap((resourceSpans) => {
    const resource = messages(resourceSpans, 1)[0] ?? Buffer.alloc(0);
    const service = String(attributesOf(resource, 1)['service.name']);
    return messages(resourceSpans, 2).flatMap((scopeSpans) => messages(scopeSpans, 2).map((span) => spanOf(service, span)));
  });
}

function spanOf(service: string, bytes: Buffer): CollectedSpan {
  const fields = fieldsOf(bytes);
  const status = fieldsOf(bytesAt(fields, 15));
  return {
    service,
    traceId: bytesAt(fields, 1).toString('hex'),
    spanId: bytesAt(fields, 2).toString('hex'),
    parentSpanId: fields.has(4) ? bytesAt(fields, 4).toString('hex') : undefined,
    name: bytesAt(fields, 5).toString('utf8'),
    kind: Number(numberAt(fields, 6)),
    startMs: msOf(numberAt(fields, 7)),
    endMs: msOf(numberAt(fields, 8)),
    failed: numberAt(status, 3) === STATUS_ERROR,
    links: messages(bytes, 13).map((link) => {
      const linked = fieldsOf(link);
      return { traceId: bytesAt(linked, 1).toString('hex'), spanId: bytesAt(linked, 2).toString('hex') };
    }),
    attributes: attributesOf(bytes, 9),
  };
}

const msOf = (nanos: bigint): number => Number(nanos / 1_000n) / 1_000;

function attributesOf(bytes: Buffer, field: number): Record<string, unknown> {
  const pairs = messages(bytes, field).map((pair) => {
    const fields = fieldsOf(pair);
    return [bytesAt(fields, 1).toString('utf8'), anyValueOf(bytesAt(fields, 2))];
  });
  return Object.fromEntries(pairs);
}

/** AnyValue: one of its fields. */
function anyValueOf(bytes: Buffer): unknown {
  const [[field, [value]] = [0, []]] = fieldsOf(bytes);
  if (field === 1) return (value as Buffer).toString('utf8');
  if (field === 2) return value !== 0n;
  if (field === 3) return Number(BigInt.asIntN(64, value as bigint));
  if (field === 4) return doubleOf(value as bigint);
  if (field === 5) return messages(value as Buffer, 1).map(anyValueOf);
  return value;
}

function doubleOf(bits: bigint): number {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(bits);
  return bytes.readDoubleLE();
}

const messages = (bytes: Buffer, field: number): Buffer[] => (fieldsOf(bytes).get(field) ?? []) as Buffer[];
const bytesAt = (fields: Fields, field: number): Buffer => (fields.get(field)?.[0] as Buffer | undefined) ?? Buffer.alloc(0);
const numberAt = (fields: Fields, field: number): bigint => (fields.get(field)?.[0] as bigint | undefined) ?? 0n;

function fieldsOf(bytes: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>();
  for (let at = 0; at < bytes.length; ) {
    const tag = varintAt(bytes, at);
    const { value, next } = fieldAt(bytes, tag.next, Number(tag.value & 7n));
    const number = Number(tag.value >> 3n);
    const before = fields.get(number);
    if (before === undefined) fields.set(number, [value]);
    else before.push(value);
    at = next;
  }
  return fields;
}

function fieldAt(bytes: Buffer, at: number, wire: number): { value: bigint | Buffer; next: number } {
  if (wire === WIRE.varint) return varintAt(bytes, at);
  if (wire === WIRE.fixed64) return { value: bytes.readBigUInt64LE(at), next: at + 8 };
  if (wire === WIRE.fixed32) return { value: BigInt(bytes.readUInt32LE(at)), next: at + 4 };
  if (wire !== WIRE.lengthDelimited) throw new Error(`wire type ${wire} at byte ${at}`);
  const length = varintAt(bytes, at);
  const end = length.next + Number(length.value);
  if (end > bytes.length) throw new RangeError(`a field of ${length.value} bytes at byte ${at} of ${bytes.length}`);
  return { value: bytes.subarray(length.next, end), next: end };
}

function varintAt(bytes: Buffer, at: number): { value: bigint; next: number } {
  let value = 0n;
  for (let next = at, shift = 0n; ; next++, shift += 7n) {
    const byte = bytes.readUInt8(next);
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next: next + 1 };
  }
}
