// Converted data sets: the values are the original's own bytes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toExplicitVr } from './convert-data-set.ts';
import { randomDataSet, seededRandom, writeDataSet } from './data-set-for-tests.ts';
import { type DataSetScan, DataSetScanner } from './data-set-scanner.ts';
import { EXPLICIT_LITTLE, IMPLICIT_LITTLE } from './element-header.ts';
import type { ReadRange } from './splice.ts';

function scanned(bytes: Buffer): DataSetScan {
  const scanner = new DataSetScanner({ transferSyntaxUid: '1.2.840.10008.1.2', wanted: [] });
  scanner.write(bytes);
  return scanner.end() as DataSetScan;
}

/** In pieces of 5 bytes. */
function readerOf(bytes: Buffer): ReadRange {
  return async function* (start, end) {
    for (let at = start; at < end; at += 5) yield bytes.subarray(at, Math.min(end, at + 5));
  };
}

test('300 implicit data sets are converted as if written explicit, pixel data and padding included', async () => {
  const random = seededRandom(12);
  for (let round = 0; round < 300; round++) {
    const elements = randomDataSet(random);
    const bytes = writeDataSet(elements, IMPLICIT_LITTLE);
    const result = Buffer.concat(await Array.fromAsync(toExplicitVr(scanned(bytes), readerOf(bytes))));
    assert.deepEqual(result, writeDataSet(elements, EXPLICIT_LITTLE));
  }
});
