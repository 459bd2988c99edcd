// What becomes of log lines when the disk under them fills up and is freed again.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LogOutput } from './log-output.ts';

/** A file with room for so many bytes: takes what fits, then fails as a full disk does. */
class SmallDisk {
  text = '';
  room: number;
  constructor(room: number) {
    this.room = room;
  }
  write(bytes: Buffer, from: number): number {
    const taken = bytes.subarray(from, from + this.room);
    if (taken.length === 0) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    this.text += taken.toString();
    this.room -= taken.length;
    return taken.length;
  }
}

function outputOn(disk: SmallDisk): LogOutput {
  return new LogOutput((bytes, from) => disk.write(bytes, from));
}

test('lines that fit are written as they are', () => {
  const disk = new SmallDisk(1_000);
  const output = outputOn(disk);
  output.write('one\n');
  output.write('two\n');
  assert.equal(disk.text, 'one\ntwo\n');
});

test('dropped lines are counted, and the count is written first once there is room', () => {
  const disk = new SmallDisk(4);
  const output = outputOn(disk);
  for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
  disk.room = 1_000;
  output.write('four\n');
  const [first, note, last] = disk.text.split('\n');
  assert.equal(first, 'one');
  assert.equal(JSON.parse(note!).dropped, 2);
  assert.equal(last, 'four');
});

test('half a line is ended before the next one begins', () => {
  const disk = new SmallDisk(6);
  const output = outputOn(disk);
  output.write('one\n');
  output.write('two\n');
  disk.room = 1_000;
  output.write('three\n');
  const lines = disk.text.trimEnd().split('\n');
  assert.deepEqual([lines[0], lines[1], lines.at(-1)], ['one', 'tw', 'three']);
  assert.equal(JSON.parse(lines[2]!).dropped, 1);
});

test('it never throws', () => {
  outputOn(new SmallDisk(0)).write('line\n');
});
