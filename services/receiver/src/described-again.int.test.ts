// What reconciliation would announce, from the object alone, is what the receiver announced, field by field: routing decided again is the same. Real files of many makers,
// syntaxes and character sets (Debian's python3-pydicom).
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, it } from 'node:test';
import { resolveFacility } from '@causeway/shared/config/facility-resolution';
import { parseGatewayDocument } from '@causeway/shared/config/gateway-document';
import { createHeaderReader } from '@causeway/shared/config/header-reader';
import { parseFileMeta } from '@causeway/shared/dicom/part10/file-meta';
import { describeInstance } from '@causeway/shared/object-store/describe-instance';
import type { ObjectStore } from '@causeway/shared/object-store/object-store';
import { answerTo, world } from './receiving-world-for-tests.ts';

const DATA = '/usr/lib/python3/dist-packages/pydicom/data';
const FOLDERS = [join(DATA, 'test_files'), join(DATA, 'charset_files')];
/** Values from everywhere: plain, in an item, private, of the association; lanes by header and by C-STORE priority. */
const document = parseGatewayDocument({
  limits: { custody: '10s' },
  facilities: [
    { id: 'north', match: [{ tlsSubject: 'CN=north*' }], destinations: ['cloud'] },
    { id: 'hub', model: 'hub', match: [{}], mappingTag: '00321064.00080100', destinations: ['cloud'] },
    { id: 'site', model: 'endpoint', match: [], rules: [{ hub: 'hub', match: 'exact', value: 'X' }], destinations: ['cloud'] },
  ],
  destinations: [{ id: 'cloud', kind: 'stow', url: 'http://127.0.0.1:1/dicom-web' }],
  lanes: [
    { when: { priority: 'high' }, lane: 'stat' },
    { when: { modality: ['CT'] }, lane: 'stat' },
    { when: { attribute: '(0008,0070)', in: ['SIEMENS'] }, lane: 'prior' },
  ],
});

/** Without what is undefined, as on the wire. */
const onTheWire = (value: object): unknown => JSON.parse(JSON.stringify(value));

/** A store with one object. */
const holding = (object: Buffer): ObjectStore =>
  ({
    get: async (_key: string, range?: { start: number }) => Readable.from([object.subarray(range?.start ?? 0)]),
  }) as unknown as ObjectStore;

describe('an instance described again from its object', () => {
  it('is what its receiver announced, and belongs to the same facility', async () => {
    let compared = 0;
    const lanes = new Set<string>();
    for (const [n, path] of FOLDERS.flatMap((folder) => readdirSync(folder).map((name) => join(folder, name))).entries()) {
      const announced = await announcedFor(path, {
        priority: n % 3 === 0 ? 1 : 0,
        tlsSubject: n % 2 === 0 ? 'CN=north-ct 1,O=Nörd' : undefined,
      });
      if (!announced) continue;
      const { event, object } = announced;
      const { objectKey: key, receiptId, size } = event.instance;
      const { instance } = await describeInstance(holding(object), { key, receiptId, size }, createHeaderReader(document));
      // The object does not know which association it came by, only who was at its ends.
      const { id: _, ...association } = event.instance.association;
      assert.deepEqual(onTheWire(instance), onTheWire({ ...event.instance, association }), path);
      const resolved = resolveFacility(document, instance.association);
      assert.equal('facility' in resolved ? resolved.facility : undefined, event.facility, path);
      lanes.add(instance.lane);
      compared += 1;
    }
    console.log(`${compared} real files: described again as announced; lanes ${[...lanes].sort().join(', ')}`);
    assert.ok(compared > 60, `${compared} files were taken`);
    assert.ok(lanes.size > 1);
  });
});

interface Sender {
  /** 1: high (PS3.7 section 9.3.1.1). */
  readonly priority: number;
  readonly tlsSubject: string | undefined;
}

/** undefined: no Part 10 file, or refused. */
async function announcedFor(path: string, { priority, tlsSubject }: Sender) {
  const parsed = parsedFile(path);
  if (!parsed) return undefined;
  const { sopClassUid, sopInstanceUid, transferSyntaxUid, dataSet } = parsed;
  const { sink, objects, published } = world({ document, ...(tlsSubject && { tlsSubject }) });
  const request = { affectedSopClassUid: sopClassUid, abstractSyntaxUid: sopClassUid, affectedSopInstanceUid: sopInstanceUid };
  try {
    const { status } = await answerTo(sink({ ...request, transferSyntaxUid, priority }), dataSet, 4_096);
    return status === 0 ? { event: published[0]!.event, object: [...objects.values()][0]! } : undefined;
  } catch {
    // Refused before its data set.
    return undefined;
  }
}

function parsedFile(path: string) {
  try {
    const bytes = readFileSync(path);
    const { meta, dataSetOffset } = parseFileMeta(bytes)!;
    return { ...meta, dataSet: bytes.subarray(dataSetOffset) };
  } catch {
    return undefined;
  }
}
