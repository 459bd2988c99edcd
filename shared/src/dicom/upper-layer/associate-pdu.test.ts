// A-ASSOCIATE PDUs: what we write is read back, the bytes are those of the standard, and nothing malformed is believed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeAssociateAccept, decodeAssociateRequest } from './associate-decoder.ts';
import { PduError } from './pdu-reader.ts';
import {
  encodeAbort,
  encodeAssociateAccept,
  encodeAssociateReject,
  encodeAssociateRequest,
  encodeCommand,
  encodeDataHeader,
} from './pdu-writer.ts';

const implementation = { classUid: '2.25.7', versionName: 'NAME' };
const contexts = [
  { id: 5, abstractSyntaxUid: '1.2.840.10008.1.1', transferSyntaxUids: ['1.2.840.10008.1.2'] },
  { id: 1, abstractSyntaxUid: '1.2.840.10008.5.1.4.1.1.2', transferSyntaxUids: ['1.2.840.10008.1.2.1', '1.2.840.10008.1.2'] },
];
const REQUEST = encodeAssociateRequest({ calledAe: 'CALLED', callingAe: 'CALLING', contexts, maxPduBytes: 16_384, implementation });

function bodyOf(pdu: Buffer): Buffer {
  assert.equal(pdu.readUInt32BE(2), pdu.length - 6);
  return pdu.subarray(6);
}

/** The request with one more item behind its others. */
function withItem(hex: string): Buffer {
  return Buffer.concat([bodyOf(REQUEST), Buffer.from(hex, 'hex')]);
}

function refuses(body: Buffer, message: RegExp): void {
  assert.throws(
    () => decodeAssociateRequest(body),
    (error) => error instanceof PduError && error.reason === 6 && message.test(error.message),
  );
}

test('a request is read back with its contexts in the order they came, descending ids included', () => {
  const request = decodeAssociateRequest(bodyOf(REQUEST));
  assert.equal(request.protocolVersion, 1);
  assert.equal(request.calledAe, 'CALLED');
  assert.equal(request.callingAe, 'CALLING');
  assert.equal(request.applicationContextName, '1.2.840.10008.3.1.1.1');
  assert.deepEqual(request.contexts, contexts);
  assert.equal(request.maxPduBytes, 16_384);
  assert.equal(request.implementationClassUid, '2.25.7');
  assert.equal(request.implementationVersionName, 'NAME');
  assert.deepEqual(request.roles, []);
});

test('the fixed part of a request lies where PS3.8 table 9-11 says', () => {
  assert.equal(REQUEST.subarray(0, 2).toString('hex'), '0100');
  assert.equal(REQUEST.subarray(6, 10).toString('hex'), '00010000');
  assert.equal(REQUEST.toString('latin1', 10, 42), `${'CALLED'.padEnd(16)}${'CALLING'.padEnd(16)}`);
  assert.ok(REQUEST.subarray(42, 74).every((byte) => byte === 0));
  assert.equal(REQUEST.subarray(74, 78).toString('hex'), '10000015');
});

test('an accept gives AE titles and reserved bytes back as they came and never the window, roles or identity', () => {
  const body = Buffer.from(bodyOf(REQUEST));
  body.fill(0xab, 36, 68);
  const { addressing } = decodeAssociateRequest(body);
  const accept = encodeAssociateAccept({
    addressing,
    contexts: [{ id: 5, result: 4, transferSyntaxUid: '1.2.840.10008.1.2' }],
    maxPduBytes: 131_072,
    implementation,
  });
  assert.deepEqual(accept.subarray(10, 74), body.subarray(4, 68));
  const decoded = decodeAssociateAccept(bodyOf(accept));
  assert.deepEqual(decoded.contexts, [{ id: 5, result: 4, transferSyntaxUid: '1.2.840.10008.1.2' }]);
  assert.equal(decoded.maxPduBytes, 131_072);
  const userInformation = accept.subarray(accept.indexOf(Buffer.from('5000', 'hex'), 74) + 4);
  assert.deepEqual(itemTypes(userInformation), [0x51, 0x52, 0x55]);
});

function itemTypes(items: Buffer): number[] {
  const types: number[] = [];
  for (let at = 0; at < items.length; at += 4 + items.readUInt16BE(at + 2)) types.push(items[at] as number);
  return types;
}

test('128 contexts are read, and roles, window, extended negotiation and user identity do not disturb', () => {
  const many = Array.from({ length: 128 }, (_, index) => ({
    id: 255 - index * 2,
    abstractSyntaxUid: `1.2.${index}`,
    transferSyntaxUids: ['1.2'],
  }));
  const pdu = encodeAssociateRequest({ calledAe: 'A', callingAe: 'B', contexts: many, maxPduBytes: 0, implementation });
  assert.deepEqual(decodeAssociateRequest(bodyOf(pdu)).contexts, many);
  const userInformation = [
    item(0x53, '00000000'),
    item(0x54, `0003${hexOf('1.2')}0100`),
    item(0x56, `0003${hexOf('1.2')}0102`),
    item(0x57, '00000000'),
    item(0x58, `02010001${hexOf('u')}0001${hexOf('p')}`),
  ].join('');
  const fixed = bodyOf(pdu).subarray(0, 68);
  const request = decodeAssociateRequest(Buffer.concat([fixed, Buffer.from(item(0x50, userInformation), 'hex')]));
  assert.deepEqual(request.roles, [{ sopClassUid: '1.2', scu: true, scp: false }]);
  assert.deepEqual(request.userIdentity, { type: 2, positiveResponseRequested: true, username: 'u' });
  assert.deepEqual(request.asynchronousWindow, { invoked: 0, performed: 0 });
  assert.deepEqual(request.extendedNegotiations, [{ sopClassUid: '1.2', information: Buffer.from([1, 2]) }]);
  assert.equal(request.maxPduBytes, 0);
  assert.equal(request.implementationClassUid, '');
});

/** An item in hex: type, reserved, length, value. */
function item(type: number, value: string): string {
  return `${type.toString(16).padStart(2, '0')}00${(value.length / 2).toString(16).padStart(4, '0')}${value}`;
}

function hexOf(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex');
}

test('AE titles and UIDs lose spaces and NULs on both sides, and items of unknown type are skipped', () => {
  const body = Buffer.from(withItem(item(0x99, '01020304')));
  body.write('  SPACED  \0\0', 4, 'latin1');
  body.fill(0x20, 16, 20);
  const padded = Buffer.from(item(0x10, `${hexOf('1.2')}000020`), 'hex');
  const request = decodeAssociateRequest(body);
  assert.equal(request.calledAe, 'SPACED');
  assert.equal(request.contexts.length, 2);
  assert.equal(decodeAssociateRequest(Buffer.concat([body.subarray(0, 68), padded])).applicationContextName, '1.2');
});

test('ids that are even, zero or twice there are refused', () => {
  refuses(withItem('2000000402000000'), /id 2 is even/);
  refuses(withItem('2000000400000000'), /id 0 is even/);
  refuses(withItem('2000000405000000'), /id 5 comes twice/);
});

test('64 transfer syntaxes for each of 128 contexts are read, one more is refused: a megabyte of tiny ones would take many in memory', () => {
  const many = Array.from({ length: 128 }, (_, n) => ({
    id: 2 * n + 1,
    abstractSyntaxUid: '1.2',
    transferSyntaxUids: Array<string>(64).fill('1'),
  }));
  const request = () => bodyOf(encodeAssociateRequest({ calledAe: 'A', callingAe: 'B', contexts: many, maxPduBytes: 0, implementation }));
  assert.equal(decodeAssociateRequest(request()).contexts.length, 128);
  many[127]!.transferSyntaxUids.push('1');
  refuses(request(), /8193 transfer syntaxes/);
});

test('items that end beyond their PDU or are too short are refused', () => {
  refuses(bodyOf(REQUEST).subarray(0, 67), /67 bytes/);
  refuses(withItem('20'), /ends beyond/);
  refuses(withItem('2000ffff01000000'), /ends beyond/);
  refuses(withItem('200000020100'), /at least 4/);
  refuses(withUserInformation(item(0x51, '0000')), /at least 4/);
  refuses(withUserInformation(item(0x54, '00ff3100')), /at least 257/);
  refuses(withUserInformation('5200'), /ends beyond/);
});

function withUserInformation(parts: string): Buffer {
  return Buffer.concat([bodyOf(REQUEST).subarray(0, 68), Buffer.from(item(0x50, parts), 'hex')]);
}

test('an accept with a result that does not exist is refused', () => {
  const body = Buffer.concat([bodyOf(REQUEST).subarray(0, 68), Buffer.from('2100000401000500', 'hex')]);
  assert.throws(() => decodeAssociateAccept(body), /result 5/);
});

test('short PDUs and data headers are the bytes of PS3.8 tables 9-21, 9-26 and 9-23', () => {
  assert.equal(encodeAssociateReject({ result: 2, source: 3, reason: 1 }).toString('hex'), '03000000000400020301');
  assert.equal(encodeAbort(2, 6).toString('hex'), '07000000000400000206');
  assert.equal(encodeAbort(0, 6).toString('hex'), '07000000000400000000');
  const header = encodeDataHeader({ contextId: 3, isCommand: false, isLast: true }, 10);
  assert.equal(header.toString('hex'), '0400000000100000000c0302');
});

test('a command larger than the peer allows goes out in several PDUs, only the last one marked', () => {
  const pdus = encodeCommand(1, Buffer.from('abcde'), 2);
  assert.equal(
    pdus.toString('hex'),
    ['0400000000080000000401016162', '0400000000080000000401016364', '04000000000700000003010365'].join(''),
  );
});
