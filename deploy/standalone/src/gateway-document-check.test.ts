// What `npm start` says of a gateway document before anything is started.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { checkGatewayDocument, noteDocumentInForce } from './gateway-document-check.ts';
import { StartProblem } from './start-problem.ts';

const DESTINATIONS = [{ id: 'cloud', kind: 'stow', url: 'https://archive.example.org/dicom-web' }];
const facility = (id: string, destinations: string[]) => ({ id, match: [{ calledAe: id.toUpperCase() }], destinations });

let folder: string;
let said: string[];
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-document-check-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  said = [];
});

function check(document: unknown): string | undefined {
  const file = join(folder, 'gateway.json');
  writeFileSync(file, JSON.stringify(document));
  return checkGatewayDocument(file, folder, (line) => said.push(line));
}

describe('the gateway document before the start', () => {
  it('that is right and plain is taken without a word', () => {
    assert.equal(check({ facilities: [facility('north', ['cloud'])], destinations: DESTINATIONS }), join(folder, 'gateway.json'));
    assert.deepEqual(said, []);
  });

  it('that is right and odd is taken, and each oddity said', () => {
    const facilities = [facility('north', [])];
    const notifications = [{ kind: 'webhook', url: 'https://ops.example.org/hook', on: ['held'] }];
    assert.equal(check({ facilities, destinations: DESTINATIONS, notifications }), join(folder, 'gateway.json'));
    assert.match(
      said.join('\n'),
      /^WARNING: .*gateway\.json: facilities\[north\]\.destinations is empty.*\nWARNING: .*destinations\[cloud\].*\nWARNING: .*notifications is set/,
    );
  });

  it('with a hundred oddities has ten said, and how many more there are', () => {
    check({ facilities: Array.from({ length: 100 }, (_, at) => facility(`f${at}`, [])) });
    assert.equal(said.length, 11);
    assert.match(said.at(-1)!, /and 90 more, in the log of the console/);
  });

  it('that is wrong keeps the gateway from starting, and once one is in force it is only said', () => {
    assert.throws(
      () => check({ facilities: [{ id: 'BAD' }] }),
      (error) => error instanceof StartProblem && /facilities\[0\]\.id/.test(error.message),
    );
    noteDocumentInForce(folder);
    assert.equal(check({ facilities: [{ id: 'BAD' }] }), undefined);
    assert.match(said.join('\n'), /was not taken.*goes on with the document that was in force before/s);
  });
});
