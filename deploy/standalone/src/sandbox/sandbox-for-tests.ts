// For the tests: a sandbox archive in this process, on a free port, and the requests that tests make to it.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DicomJson, parseDicomJson, sequenceItems, textValue, uidValue } from '@causeway/shared/dicomweb/dicom-json';
import { makeInstance, STOW_TYPE, stowBody } from '@causeway/shared/dicomweb/instances-for-tests';
import { readMultipart } from '@causeway/shared/dicomweb/multipart-reader';
import { Archive } from './archive.ts';
import { type Arrival, ArrivalsJournal } from './arrivals-journal.ts';
import type { Fault } from './faults.ts';
import { type Sandbox, startSandbox } from './sandbox-server.ts';

export const one = makeInstance({ study: '1.2.1', series: '1.2.1.1', instance: '1.2.1.1.1' });
export const two = makeInstance({ study: '1.2.1', series: '1.2.1.2', instance: '1.2.1.2.1', modality: 'SR' });
export const other = makeInstance({ study: '1.2.2', series: '1.2.2.1', instance: '1.2.2.1.1', patientId: 'P2', studyDate: '20260310' });

/** Started anew for each test, in a folder of its own. */
export class SandboxUnderTest {
  readonly folder: string;
  archive!: Archive;
  journal!: ArrivalsJournal;
  server!: Sandbox;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async start(): Promise<SandboxUnderTest> {
    const sandbox = new SandboxUnderTest(await mkdtemp(join(tmpdir(), 'sandbox-')));
    await sandbox.open();
    return sandbox;
  }

  async open(): Promise<void> {
    this.archive = await Archive.open(this.folder);
    this.journal = await ArrivalsJournal.open(join(this.folder, 'arrivals.ndjson'));
    const { archive, journal } = this;
    const place = { host: '127.0.0.1', port: 0, allowFaults: true, report: () => undefined };
    this.server = await startSandbox({ archive, journal, ...place, limits: { instances: 4 } });
  }

  async close(): Promise<void> {
    await this.server.close(0);
    await this.journal.close();
    await this.archive.close();
  }

  async remove(): Promise<void> {
    await this.close();
    await rm(this.folder, { recursive: true });
  }

  stow(body: Buffer, path = '/studies', contentType = STOW_TYPE): Promise<Response> {
    const init = { method: 'POST', body: new Uint8Array(body), headers: { 'content-type': contentType } };
    return fetch(`${this.server.url}${path}`, init);
  }

  store(...instances: { file: Buffer }[]): Promise<Response> {
    return this.stow(stowBody(instances.map(({ file }) => file)));
  }

  async find(path: string): Promise<DicomJson[]> {
    return parseDicomJson(await (await fetch(`${this.server.url}${path}`)).text());
  }

  order(fault: Partial<Fault>): Promise<Response> {
    return fetch(`${this.server.origin}/sandbox/faults`, { method: 'PUT', body: JSON.stringify(fault) });
  }

  async summary(): Promise<unknown> {
    return (await fetch(`${this.server.origin}/sandbox/summary`)).json();
  }

  async arrivals(): Promise<Arrival[]> {
    const text = await (await fetch(`${this.server.origin}/sandbox/arrivals`)).text();
    return text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Arrival);
  }

  /** The files of a WADO-RS answer. */
  async retrieve(path: string, accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'): Promise<Buffer[]> {
    const response = await fetch(`${this.server.url}${path}`, { headers: { accept } });
    assert.equal(response.status, 200);
    const parts = readMultipart(buffersOf(response.body!), response.headers.get('content-type')!);
    return Array.fromAsync(parts, async (part) => Buffer.concat(await Array.fromAsync(part.body)));
  }
}

async function* buffersOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const chunk of body) yield Buffer.from(chunk);
}

export const answerOf = async (response: Response): Promise<DicomJson> => parseDicomJson(await response.text())[0]!;
export const referenced = (answer: DicomJson) => sequenceItems(answer, '00081199').map((item) => uidValue(item, '00081155'));
export const failures = (answer: DicomJson, tag = '00081198') =>
  sequenceItems(answer, tag).map((item) => [uidValue(item, '00081155'), Number(textValue(item, '00081197'))]);
