// For tests: PROXY protocol headers as HAProxy writes them, and as it never would.
const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

export interface Header2 {
  /** 0x21 PROXY, 0x20 LOCAL. */
  readonly command?: number;
  /** 0x11 TCP over IPv4, 0x21 TCP over IPv6. */
  readonly family?: number;
  readonly body?: Buffer;
}

export function proxyHeader2({ command = 0x21, family = 0x11, body = addresses4('203.0.113.9', 40_001) }: Header2 = {}): Buffer {
  const fixed = Buffer.from([command, family, 0, 0]);
  fixed.writeUInt16BE(body.length, 2);
  return Buffer.concat([SIGNATURE, fixed, body]);
}

export function addresses4(source: string, port: number): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.set(source.split('.').map(Number), 0);
  bytes.set([192, 0, 2, 1], 4);
  bytes.writeUInt16BE(port, 8);
  bytes.writeUInt16BE(4104, 10);
  return bytes;
}

/** `source`: 32 hexadecimal digits. */
export function addresses6(source: string, port: number): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(4104, 2);
  return Buffer.concat([Buffer.from(source, 'hex'), Buffer.alloc(16, 1), ports]);
}

/** A type-length-value of that many bytes. */
export function tlv(type: number, bytes: number): Buffer {
  const value = Buffer.alloc(3 + bytes, 0x41);
  value[0] = type;
  value.writeUInt16BE(bytes, 1);
  return value;
}

export const LOCAL_HEADER = proxyHeader2({ command: 0x20, family: 0, body: Buffer.alloc(0) });
