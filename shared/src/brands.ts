// Branded strings: made once at the border, trusted afterwards. A string from the network is never a path, a key or a subject.
import { randomUUID } from 'node:crypto';

export type ObjectKey = string & { readonly brand: 'ObjectKey' };
export type ReceiptId = string & { readonly brand: 'ReceiptId' };

const OBJECT_KEY =
  /^((received|commitments)\/\d{4}\/\d{2}\/\d{2}|derived\/[0-9a-f-]{36}|retrieved\/[a-z0-9-]{1,63}\/[0-9a-f]{32})\/[a-z0-9.-]{1,128}$/;

export const isObjectKey = (text: string): boolean => OBJECT_KEY.test(text) && !text.includes('..');

/** Throws when the text is not of a form that our own code draws (ARCHITECTURE.md, Objects). */
export function objectKey(text: string): ObjectKey {
  if (!isObjectKey(text)) throw new Error(`not an object key of ours: ${JSON.stringify(text.slice(0, 200))}`);
  return text as ObjectKey;
}

/** UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then random bits; sorts by time. randomUUID draws from a pool: 0.2 us instead of 50. */
export function uuidV7(now = Date.now()): string {
  const time = now.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`;
}

export const newReceiptId = (): ReceiptId => uuidV7() as ReceiptId;

/** received/<yyyy>/<mm>/<dd>/<receiptId>.dcm; the day is that of the receipt id's own clock (UTC). */
export const receivedKey = (receiptId: ReceiptId): ObjectKey => objectKey(`received/${dayOf(receiptId)}/${receiptId}.dcm`);

/** commitments/<yyyy>/<mm>/<dd>/<commitmentId>-<part>.json; the id is a UUIDv7 drawn at the request. */
export const commitmentKey = (commitmentId: string, part: string): ObjectKey =>
  objectKey(`commitments/${dayOf(commitmentId)}/${commitmentId}-${part}.json`);

function dayOf(uuid: string): string {
  const millis = Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
  return new Date(millis).toISOString().slice(0, 10).replaceAll('-', '/');
}
